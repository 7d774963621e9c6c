"""Payments under whatever order of requests, workers, events, lost answers and time a machine can think of.

Each run tells one story to the real service, the model and the gateway. What must hold is looked at after every step; at the
end all faults are lifted, all work is done, all events are delivered, and ours must equal the gateway's to the cent.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing.clock import utc_now
from billing.invariants import check_invariants
from billing.operation_runner import run_due_operations
from billing.webhooks.process import process_batch
from tests.service.world import World
from tests.stateful.model import ASKING, CANCELABLE, CARDS, CONFIRMABLE, PaymentModel

# More of it: STATEFUL_EXAMPLES=200 STATEFUL_STEPS=60 STATEFUL_SEEDS=20 pytest tests/stateful --timeout 0
EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "10"))
STEPS = int(os.environ.get("STATEFUL_STEPS", "25"))
SEEDS = int(os.environ.get("STATEFUL_SEEDS", "3"))
# A story that fails is told as it was found: to shrink it would take longer than a test may.
PROFILE = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)
RETURN_URL = "https://shop.example/back"
AMOUNT = 2900
# What a story is mostly about, and now and then is not: a request that fits where its payment stands, say.
LIKELY = st.sampled_from([True, True, True, False])
PAYMENTS_MAX = 3
_ROUNDS_MAX = 30
# The SDK repeats a call by itself, and the answer to its own repetition is to be lost as well.
_LOST_TIMES = 2


class PaymentLife(RuleBasedStateMachine):
    """The machine: its rules are what the world does, its invariants what must hold whatever it did."""

    payments = Bundle("payments")
    requests = Bundle("requests")
    disputes = Bundle("disputes")

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        world.servers.reset()
        world._keys.clear()
        self.customer = world.customer()
        self.models: dict[str, PaymentModel] = {}
        self.delivered: set[str] = set()
        self.outcomes: dict[str, dict[str, Any]] = {}
        self.asked = 0

    # -- what callers do ----------------------------------------------------------------------------------------------

    @initialize(target=payments, card=st.sampled_from(sorted(ASKING)), manual=st.booleans())
    def begin(self, card: str, *, manual: bool) -> Any:
        """Begin where stories get interesting: one is paid, one may be reserved, and one may wait for the customer."""
        paid = self._create("pm_card_visa", confirm=True, manual=False)
        other = self._create("pm_card_visa" if manual else card, confirm=True, manual=manual)
        self.world.work()
        return multiple(paid, other)

    @precondition(lambda self: len(self.models) < PAYMENTS_MAX)
    @rule(
        target=payments,
        card=st.none() | st.sampled_from(CARDS),
        confirm=LIKELY,
        manual=st.booleans(),
        lost=st.booleans(),
    )
    def create(self, card: str | None, *, confirm: bool, manual: bool, lost: bool) -> Any:
        payment = self._create(card, confirm=confirm and card is not None, manual=manual)
        self._work_unheard(lost=lost)
        return payment

    @rule(target=requests, payment=payments, card=st.none() | st.sampled_from(CARDS), fits=LIKELY, lost=st.booleans())
    def confirm(self, payment: str, card: str | None, *, fits: bool, lost: bool) -> Any:
        payment = self._fitting(payment, CONFIRMABLE, fits=fits)
        model = self.models[payment]
        body = {"payment_id": payment, "return_url": RETURN_URL, **({"payment_method": card} if card else {})}
        request, answer = self._ask("/payments/confirm", body)
        if answer.status_code == 202:
            assert model.seen in CONFIRMABLE
            model.confirm_asked(card)
            self._work_unheard(lost=lost)
        else:
            self._require_refused(answer, {409, 422})
        return request

    @precondition(lambda self: any(model.manual for model in self.models.values()))
    @rule(
        target=requests,
        payment=payments,
        amount=st.none() | st.integers(1, AMOUNT + 1),
        fits=LIKELY,
        lost=st.booleans(),
    )
    def capture(self, payment: str, amount: int | None, *, fits: bool, lost: bool) -> Any:
        payment = self._fitting(payment, frozenset({"requires_capture"}), fits=fits)
        model = self.models[payment]
        request, answer = self._ask(f"/payments/{payment}/capture", {"amount": amount} if amount else {})
        if answer.status_code == 202:
            assert model.seen == "requires_capture"
            model.capture_asked.add(amount or model.amount)
            self._work_unheard(lost=lost)
        else:
            self._require_refused(answer, {409, 422})
            assert model.seen != "requires_capture" or answer.status_code == 409 or (amount or 0) > model.amount
        return request

    @rule(target=requests, payment=payments)
    def cancel(self, payment: str) -> Any:
        model = self.models[payment]
        request, answer = self._ask(f"/payments/{payment}/cancel", {})
        if answer.status_code == 202:
            assert model.seen in CANCELABLE
            model.cancel_asked = True
        else:
            self._require_refused(answer, {409})
        return request

    @rule(
        target=requests,
        payment=payments,
        amount=st.none() | st.integers(1, AMOUNT + 1),
        times=st.integers(1, 2),
        fits=LIKELY,
        lost=st.booleans(),
    )
    def refund(self, payment: str, amount: int | None, times: int, *, fits: bool, lost: bool) -> Any:
        """Ask once, or twice at once under one key."""
        payment = self._fitting(payment, frozenset({"succeeded"}), fits=fits)
        model, before = self.models[payment], self._show(payment)
        left = before["amount_captured"] - before["amount_refunded"] - before["amount_disputed"]
        body = {"payment_id": payment, **({"amount": amount} if amount else {})}
        headers = self._key()
        with ThreadPoolExecutor(times) as pool:
            asked = [
                pool.submit(self.world.call, "POST", "/payments/refund", body, headers=headers) for _ in range(times)
            ]
            answers = [each.result() for each in asked]
        accepted = [answer for answer in answers if answer.status_code == 202]
        if before["status"] == "succeeded" and 0 < (amount or left) <= left:
            assert accepted, [answer.text for answer in answers]
            assert len({answer.json["id"] for answer in accepted}) == 1
            model.refund_asked(accepted[0].json["id"], accepted[0].json["amount"])
            self._work_unheard(lost=lost)
        else:
            assert not accepted
        for answer in answers:
            if answer not in accepted:
                self._require_refused(answer, {409, 422})
        return ("/payments/refund", body, headers) if accepted else multiple()

    @precondition(lambda self: self.asked > 1)
    @rule(request=requests)
    def replay(self, request: tuple[str, dict[str, Any], dict[str, str]]) -> None:
        """Send a request again under its key: nothing is done twice, and an outcome that was told stays what it was."""
        path, body, headers = request
        tables = ("payments", "refunds", "operations", "payment_attempts")
        before = [self.world.count(table) for table in tables]
        answer = self.world.call("POST", path, body, headers=headers)
        assert answer.headers.get("Idempotent-Replayed") == "true", answer.text
        assert [self.world.count(table) for table in tables] == before
        if answer.status_code != 202:
            told = {name: value for name, value in answer.json.items() if name != "request_id"}
            assert self.outcomes.setdefault(headers["Idempotency-Key"], told) == told

    # -- what customers and banks do ----------------------------------------------------------------------------------

    @precondition(lambda self: any(model.tried & ASKING for model in self.models.values()))
    @rule(payment=payments, passes=st.booleans())
    def authenticate(self, payment: str, *, passes: bool) -> None:
        payment = self._fitting(payment, frozenset({"requires_action"}), fits=True)
        intent = self._intent(payment)
        if intent is None or intent["status"] != "requires_action":
            return
        self.world.authenticate(intent["id"], outcome="complete" if passes else "fail")
        self.models[payment].bank_said(passes=passes)

    @rule(target=disputes, payment=payments)
    def dispute(self, payment: str) -> Any:
        payment = self._fitting(payment, frozenset({"succeeded"}), fits=True)
        model, shown = self.models[payment], self._show(payment)
        if model.disputed or shown["status"] != "succeeded":
            return multiple()
        model.disputed = True
        return self.world.open_dispute(shown)["id"]

    @rule(dispute=consumes(disputes), outcome=st.sampled_from(["won", "lost"]))
    def decide(self, dispute: str, outcome: str) -> None:
        self.world.decide({"gateway_id": dispute}, outcome=outcome)

    # -- what machines do ---------------------------------------------------------------------------------------------

    @rule(operations=st.integers(0, 2), events=st.booleans())
    def work_some(self, operations: int, *, events: bool) -> None:
        for _ in range(operations):
            run_due_operations(self.world.runtime, now=utc_now)
        if events:
            process_batch(self.world.runtime, now=utc_now)

    @rule(late=st.booleans())
    def work_all(self, *, late: bool) -> None:
        """Do all that is due; `late`, after every pause and lease has run out."""
        if late:
            self.world.make_all_due()
        self.world.work()

    @rule(order=st.randoms(use_true_random=False), share=st.floats(0.1, 1), times=st.integers(1, 2))
    def deliver(self, order: Any, share: float, times: int) -> None:
        """Let some of the gateway's events arrive, in any order, some of them twice, old ones again."""
        events = self._events() * times
        order.shuffle(events)
        for event in events[: max(1, round(len(events) * share))]:
            self.world.deliver(event)
            self.delivered.add(event["id"])

    @rule(times=st.integers(1, 3))
    def fail(self, times: int) -> None:
        """The gateway will refuse what it is asked for next, whatever it is."""
        self.world.fault("status", path="/v1/*", status=500, times=times)

    # -- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def every_payment_is_as_it_can_be(self) -> None:
        for payment, model in self.models.items():
            shown = self._show(payment)
            model.see(shown["status"])
            assert shown["amount_captured"] in model.captured()
            assert 0 <= shown["amount_refunded"] <= shown["amount_captured"]
            assert shown["amount_refunded"] + shown["amount_disputed"] <= shown["amount_captured"]
            assert {refund["id"]: refund["amount"] for refund in shown["refunds"]} == model.refunds
            assert (shown["amount_captured"] > 0) == (shown["status"] == "succeeded")

    @invariant()
    def the_gateway_charged_each_once(self) -> None:
        charged = [charge["payment_intent"] for charge in self.world.all_charges()]
        assert len(charged) == len(set(charged))
        made = [intent["metadata"]["payment_id"] for intent in self._intents()]
        assert len(made) == len(set(made))

    def teardown(self) -> None:
        self.world.servers.control("DELETE", "faults")
        for _ in range(_ROUNDS_MAX):
            missing = [event for event in self._events() if event["id"] not in self.delivered]
            self.world.deliver(*missing)
            self.delivered |= {event["id"] for event in missing}
            self.world.make_all_due()
            self.world.work()
            if not missing and not self._unfinished():
                break
        assert self._unfinished() == 0
        self.every_payment_is_as_it_can_be()
        self.the_gateway_charged_each_once()
        for payment in self.models:
            self._require_equal(payment)
        with self.world.session() as session:
            broken = [finding.invariant.name for finding in check_invariants(session) if finding.violations]
        assert broken == []

    # -- words --------------------------------------------------------------------------------------------------------

    def _create(self, card: str | None, *, confirm: bool, manual: bool) -> str:
        accepted = self.world.accept_payment(
            self.customer,
            card=card,
            amount=AMOUNT,
            confirm=confirm,
            capture="manual" if manual else "automatic",
            return_url=RETURN_URL,
        )
        payment = str(accepted["id"])
        self.models[payment] = PaymentModel(amount=AMOUNT, manual=manual, method=card, confirm=confirm)
        return payment

    def _work_unheard(self, *, lost: bool) -> None:
        """Let a worker do what is due next; the gateway does what it is asked for, and its answer does not arrive."""
        if lost:
            self.world.fault("lost_answer", path="/v1/*", times=_LOST_TIMES, seconds=0)
            run_due_operations(self.world.runtime, now=utc_now)

    def _fitting(self, payment: str, statuses: frozenset[str], *, fits: bool) -> str:
        """Return a payment that was last seen in one of these states, if that is wanted and there is one."""
        found = [each for each, model in self.models.items() if model.seen in statuses]
        return found[-1] if fits and found and payment not in found else payment

    def _key(self) -> dict[str, str]:
        self.asked += 1
        return {"Idempotency-Key": f"wish {self.asked}"}

    def _ask(self, path: str, body: dict[str, Any]) -> tuple[Any, Any]:
        """Ask for something; what is refused is no request that could be replayed."""
        headers = self._key()
        answer = self.world.call("POST", path, body, headers=headers)
        return ((path, body, headers) if answer.status_code == 202 else multiple()), answer

    def _require_refused(self, answer: Any, statuses: set[int]) -> None:
        assert answer.status_code in statuses, answer.text
        assert answer.json["code"]

    def _show(self, payment: str) -> dict[str, Any]:
        return self.world.payment(payment)

    def _intents(self) -> list[dict[str, Any]]:
        return list(self.world.gateway("payment_intents", limit=100)["data"])

    def _intent(self, payment: str) -> dict[str, Any] | None:
        return next((each for each in self._intents() if each["metadata"]["payment_id"] == payment), None)

    def _events(self) -> list[dict[str, Any]]:
        """Return all events of this story, oldest first."""
        found: list[dict[str, Any]] = []
        while True:
            after = {"starting_after": found[-1]["id"]} if found else {}
            page = self.world.gateway("events", limit=100, **after)
            found += page["data"]
            if not page["has_more"]:
                return found[::-1]

    def _unfinished(self) -> int:
        waiting = "SELECT count(*) AS n FROM {} WHERE next_attempt_at IS NOT NULL"
        return sum(self.world.rows(waiting.format(table))[0]["n"] for table in ("operations", "inbox_events"))

    def _require_equal(self, payment: str) -> None:
        """Hold what we say of a payment against what the gateway says."""
        ours, theirs = self._show(payment), self._intent(payment)
        if theirs is None:
            assert (ours["status"], ours["amount_captured"]) == ("failed", 0)
            return
        if ours["status"] != "failed":  # what the gateway refused to confirm is left there as it was
            assert (ours["status"], ours["gateway_id"]) == (theirs["status"], theirs["id"])
        assert ours["amount_captured"] == theirs["amount_received"]
        refunds = self.world.gateway("refunds", payment_intent=theirs["id"], limit=100)["data"]
        given_back = sum(refund["amount"] for refund in refunds if refund["status"] not in {"failed", "canceled"})
        assert ours["amount_refunded"] == given_back
        disputes = self.world.gateway("disputes", payment_intent=theirs["id"], limit=100)["data"]
        assert {each["gateway_id"]: each["status"] for each in ours["disputes"]} == {
            each["id"]: each["status"] for each in disputes
        }


@pytest.mark.parametrize("start", range(SEEDS))
def test_whatever_happens_in_whatever_order_ours_is_the_gateways_in_the_end(world: World, start: int) -> None:
    @seed(start)
    class Told(PaymentLife):
        def __init__(self) -> None:
            super().__init__(world)

    run_state_machine_as_test(Told, settings=PROFILE)
