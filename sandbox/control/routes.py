"""The control routes: JSON under /_sandbox/, without a key, for callers on this machine only."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.control.faults import Fault, FaultKind, Faults
from sandbox.control.parameters import Seconds, read_control_parameters
from sandbox.events.modes import DeliveryMode, Mode, read_mode, write_mode
from sandbox.events.queue import count_held, enqueue_again, list_deliveries, release
from sandbox.events.record import enabled_endpoints, wants
from sandbox.hidden import without_hidden
from sandbox.json_types import Json
from sandbox.objects.disputes import REASONS
from sandbox.payments.challenge import end_challenge, find_challenge
from sandbox.payments.debits import fail_debit, settle_debit
from sandbox.payments.disputes import close_dispute, open_dispute
from sandbox.subscriptions.life import end_period, give_up, remind_of_trial_end
from sandbox.wire.errors import ApiError, invalid_request, no_such, unknown_route
from sandbox.wire.messages import Request, Response, json_response
from sandbox.wire.parameters import Choice, Fields, Integer, Rule, Text
from sandbox.workbench import Workbench

_LIST_LIMIT = 1000
_DEFAULT_LIST = 100
_TIMES_LIMIT = 1000
_RELEASE_LIMIT = 1_000_000
_DEFAULT_REORDER = 10

_Action = Callable[[dict[str, str], Json], Json]


@dataclass(frozen=True, slots=True)
class _ControlRoute:
    method: str
    path: tuple[str, ...]
    action: _Action
    fields: Fields = field(default_factory=lambda: Fields({}))


class Control:
    """Answers requests under /_sandbox/."""

    def __init__(self, *, workbench: Workbench, faults: Faults) -> None:
        self._workbench = workbench
        self._faults = faults
        limit: dict[str, Rule] = {"limit": Integer(minimum=1, maximum=_LIST_LIMIT)}
        outcome = Choice(("complete", "fail"))
        self._routes = (
            _ControlRoute("GET", ("health",), lambda _ids, _params: {"status": "ok"}),
            _ControlRoute("GET", ("cards",), self._cards),
            _ControlRoute("GET", ("faults",), self._list_faults),
            _ControlRoute("POST", ("faults",), self._add_fault, _FAULT),
            _ControlRoute("DELETE", ("faults",), self._clear_faults),
            _ControlRoute("GET", ("webhooks",), self._show_mode),
            _ControlRoute("POST", ("webhooks",), self._set_mode, _MODE),
            _ControlRoute("POST", ("webhooks", "release"), self._release, _RELEASE),
            _ControlRoute("POST", ("events", "{event}", "redeliver"), self._redeliver),
            _ControlRoute(
                "GET", ("deliveries",), self._deliveries, Fields({**limit, "event": Text(), "state": Text()})
            ),
            _ControlRoute("POST", ("disputes",), self._open_dispute, _DISPUTE),
            _ControlRoute(
                "POST",
                ("disputes", "{dispute}"),
                self._close_dispute,
                Fields({"outcome": Choice(("won", "lost"))}, required=("outcome",)),
            ),
            _ControlRoute(
                "POST",
                ("payment_intents", "{intent}"),
                self._settle,
                Fields({"outcome": Choice(("settle", "fail"))}, required=("outcome",)),
            ),
            _ControlRoute(
                "POST",
                ("authenticate", "{intent}"),
                self._authenticate,
                Fields({"outcome": outcome}, required=("outcome",)),
            ),
            _ControlRoute(
                "POST",
                ("subscriptions", "{subscription}"),
                self._live_on,
                Fields({"outcome": Choice(tuple(_LIVES))}, required=("outcome",)),
            ),
            _ControlRoute("POST", ("reset",), self._reset),
        )

    def answer(self, request: Request) -> Response:
        """Return the answer to a control request."""
        try:
            if not request.is_from_this_machine:
                raise invalid_request(
                    status=403, message="The control routes answer callers on the sandbox's own machine only."
                )
            route, ids = self._find(request)
            params = read_control_parameters(request=request, fields=route.fields)
            return json_response(status=200, value=route.action(ids, params))
        except ApiError as error:
            return json_response(status=error.status, value=error.body())

    def _find(self, request: Request) -> tuple[_ControlRoute, dict[str, str]]:
        given = tuple(request.path.strip("/").split("/")[1:])
        for route in self._routes:
            if route.method != request.method or len(route.path) != len(given):
                continue
            pairs = list(zip(route.path, given, strict=True))
            if all(name == part or name[0] == "{" for name, part in pairs):
                return route, {name[1:-1]: part for name, part in pairs if name[0] == "{"}
        raise unknown_route(method=request.method, path=request.path)

    def _cards(self, _ids: dict[str, str], _params: Json) -> Json:
        catalog = self._workbench.cards
        return {
            "cards": [_without_none(asdict(card)) for card in catalog.by_number.values()],
            "bank_accounts": [asdict(account) for account in catalog.by_iban.values()],
        }

    def _list_faults(self, _ids: dict[str, str], _params: Json) -> Json:
        return {"faults": [asdict(fault) for fault in self._faults.all()]}

    def _add_fault(self, ids: dict[str, str], params: Json) -> Json:
        times = params.pop("times", 1)
        kind = FaultKind(params.pop("kind"))
        if "method" in params:
            params["method"] = params["method"].upper()
        self._faults.add(Fault(kind=kind, times_left=times, **params))
        return self._list_faults(ids, params)

    def _clear_faults(self, ids: dict[str, str], params: Json) -> Json:
        self._faults.clear()
        return self._list_faults(ids, params)

    def _show_mode(self, _ids: dict[str, str], _params: Json) -> Json:
        with self._workbench.work() as work:
            held = count_held(transaction=work.transaction)
            return {**asdict(read_mode(transaction=work.transaction)), "held": held}

    def _set_mode(self, ids: dict[str, str], params: Json) -> Json:
        mode = Mode(params["mode"])
        default = {Mode.DUPLICATE: 2, Mode.REORDER: _DEFAULT_REORDER}.get(mode, 1)
        with self._workbench.work() as work:
            write_mode(transaction=work.transaction, mode=DeliveryMode(mode=mode, times=params.get("times", default)))
        return self._show_mode(ids, params)

    def _release(self, _ids: dict[str, str], params: Json) -> Json:
        with self._workbench.work() as work:
            newest_first = read_mode(transaction=work.transaction).mode is Mode.REORDER
            if "order" in params:
                newest_first = params["order"] == "newest_first"
            released = release(
                transaction=work.transaction,
                newest_first=newest_first,
                limit=params.get("limit", _RELEASE_LIMIT),
                now=work.now,
            )
        return {"released": released}

    def _redeliver(self, ids: dict[str, str], _params: Json) -> Json:
        with self._workbench.work() as work:
            event = work.get("event", ids["event"], param="event")
            endpoints = enabled_endpoints(transaction=work.transaction)
            names = [endpoint["id"] for endpoint in endpoints if wants(endpoint, event_type=event["type"])]
            enqueue_again(transaction=work.transaction, event=event, endpoints=names, now=work.now)
        return {"event": event["id"], "endpoints": names}

    def _deliveries(self, _ids: dict[str, str], params: Json) -> Json:
        with self._workbench.work() as work:
            found = list_deliveries(
                transaction=work.transaction,
                limit=params.get("limit", _DEFAULT_LIST),
                event=params.get("event"),
                state=params.get("state"),
            )
        return {"deliveries": [asdict(delivery) for delivery in found]}

    def _open_dispute(self, _ids: dict[str, str], params: Json) -> Json:
        with self._workbench.work() as work:
            charge = work.get("charge", params["charge"], param="charge")
            dispute = open_dispute(work=work, charge=charge, reason=params.get("reason", "fraudulent"))
        return without_hidden(dispute)

    def _close_dispute(self, ids: dict[str, str], params: Json) -> Json:
        with self._workbench.work() as work:
            dispute = work.get("dispute", ids["dispute"], param="dispute")
            close_dispute(work=work, dispute=dispute, outcome=params["outcome"])
        return without_hidden(dispute)

    def _settle(self, ids: dict[str, str], params: Json) -> Json:
        with self._workbench.work() as work:
            intent = work.get("payment_intent", ids["intent"], param="intent")
            if intent["status"] != "processing":
                raise invalid_request(
                    message=f"{intent['id']} is not processing; its status is {intent['status']}.", param="intent"
                )
            behaviour = settle_debit if params["outcome"] == "settle" else fail_debit
            behaviour(work=work, intent=intent)
        return without_hidden(intent)

    def _authenticate(self, ids: dict[str, str], params: Json) -> Json:
        with self._workbench.work() as work:
            intent = find_challenge(work=work, intent_id=ids["intent"])
            if intent is None:
                raise no_such(noun="payment_intent or setup_intent", object_id=ids["intent"], param="intent")
            end_challenge(work=work, intent=intent, is_passed=params["outcome"] == "complete")
        return without_hidden(intent)

    def _live_on(self, ids: dict[str, str], params: Json) -> Json:
        with self._workbench.work() as work:
            subscription = work.get("subscription", ids["subscription"], param="subscription")
            _LIVES[params["outcome"]](work=work, subscription=subscription)
        return without_hidden(subscription)

    def _reset(self, _ids: dict[str, str], _params: Json) -> Json:
        self._faults.clear()
        self._workbench.forget_everything()
        return {"status": "ok"}


# What time would bring a subscription.
_LIVES: dict[str, Callable[..., None]] = {
    "end_period": end_period,
    "give_up": give_up,
    "remind_of_trial_end": remind_of_trial_end,
}
_FAULT = Fields(
    {
        "kind": Choice(tuple(FaultKind)),
        "method": Text(),
        "path": Text(),
        "seconds": Seconds(),
        "status": Integer(minimum=400, maximum=599),
        "times": Integer(minimum=1, maximum=_RELEASE_LIMIT),
    },
    required=("kind",),
)
_MODE = Fields({"mode": Choice(tuple(Mode)), "times": Integer(minimum=1, maximum=_TIMES_LIMIT)}, required=("mode",))
_RELEASE = Fields(
    {
        "limit": Integer(minimum=1, maximum=_RELEASE_LIMIT),
        "order": Choice(("oldest_first", "newest_first")),
    }
)
_DISPUTE = Fields({"charge": Text(), "reason": Choice(tuple(REASONS))}, required=("charge",))


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
