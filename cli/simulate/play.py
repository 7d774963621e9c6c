"""Process: the cohort's customers do what is planned, as callers of the API; between their deeds the workers do what is due.

Each clock's story is told by one thread, some clocks at a time: while one waits for its workers, others are at work.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from billing.timestamps import iso
from cli.demo.exchange import Exchange, ServiceApi
from cli.simulate.behavior import DAYS_UNTIL_DUE, Act, ClockPlan, Deed, Member

# More clocks at once only wait for the same workers.
CLOCKS_AT_ONCE = 6
# When a clock, or an operation, has not come on for so long, nobody moves it.
STILL_SECONDS_MAX = 120.0
_PAUSES_SECONDS = (0.02, 0.05, 0.1, 0.2)
_LISTED_MAX = 100
# What a customer wants may have become impossible: the subscription has ended, or there is nothing to resume.
_NO_LONGER = 409
_DECLINED = 402


class SimulationBroken(Exception):
    """The service answered what it never should, or nobody moves a clock."""


@dataclass(kw_only=True)
class Lived:
    """A clock that is at its end: its id, and when each of its subscriptions was paused, and until when."""

    clock_id: str
    plan: ClockPlan
    pauses: dict[str, list[tuple[datetime, datetime | None]]] = field(default_factory=dict)
    customers: dict[int, str] = field(default_factory=dict)
    subscriptions: dict[int, str] = field(default_factory=dict)
    deeds_done: int = 0
    deeds_refused: int = 0


def play(
    api: ServiceApi,
    clocks: Sequence[ClockPlan],
    *,
    end: datetime,
    named: str,
    begun: Callable[[str], None],
    come_on: Callable[[float], None],
) -> list[Lived]:
    """Let all clocks live until `end`; return them in their order.

    `begun` hears of each test clock as soon as there is one, `come_on` of each part of a clock's way (in all: one for each
    clock). Raises SimulationBroken; the clocks that others were at stop at their next moment.
    """
    broken = threading.Event()

    def live(plan: ClockPlan) -> Lived:
        try:
            return _ClockStory(api, plan, end=end, broken=broken, come_on=come_on).tell(named=named, begun=begun)
        except BaseException:
            broken.set()
            raise

    with ThreadPoolExecutor(CLOCKS_AT_ONCE, thread_name_prefix="clock") as threads:
        told = [threads.submit(live, plan) for plan in clocks]
    failed = [error for each in told if (error := each.exception()) and not isinstance(error, _Stopped)]
    if failed:
        raise failed[0]
    return [each.result() for each in told]


class _Stopped(Exception):
    """Another clock's story broke."""


class _ClockStory:
    def __init__(
        self,
        api: ServiceApi,
        plan: ClockPlan,
        *,
        end: datetime,
        broken: threading.Event,
        come_on: Callable[[float], None],
    ) -> None:
        self._api = api
        self._plan = plan
        self._end = end
        self._broken = broken
        self._come_on = come_on

    def tell(self, *, named: str, begun: Callable[[str], None]) -> Lived:
        body = {"frozen_time": iso(self._plan.begin), "name": named}
        lived = Lived(clock_id=str(self._post("/test-clocks", body, {201})["id"]), plan=self._plan)
        begun(lived.clock_id)
        self._sign_up(lived, named=named)
        at = self._plan.begin
        for moment in self._plan.moments(end=self._end):
            self._advance(lived.clock_id, to=moment)
            if moment < self._end:
                self._let_act(lived, at=moment)
            self._come_on((moment - at) / (self._end - self._plan.begin))
            at = moment
        return lived

    def _sign_up(self, lived: Lived, *, named: str) -> None:
        """All customers come, save a card and subscribe. Each step is asked for all of them before one is waited for."""
        for member in self._plan.members:
            body = {
                "email": f"customer-{member.number}@example.com",
                "name": f"Customer {member.number} of {named}",
                "currency": member.offer.currency,
                "test_clock": lived.clock_id,
            }
            lived.customers[member.number] = str(self._post("/customers", body, {201})["id"])
        self._use_cards([(lived.customers[member.number], member.card) for member in self._plan.members])
        for member in self._plan.members:
            subscribed = self._post("/subscriptions", _wish(member, lived.customers[member.number]), {201, 202})
            lived.subscriptions[member.number] = str(subscribed["id"])

    def _let_act(self, lived: Lived, *, at: datetime) -> None:
        acts = self._plan.acts_at(at)
        cards = [(lived.customers[member.number], str(act.detail)) for member, act in acts if act.deed is Deed.USE_CARD]
        self._use_cards(cards)
        lived.deeds_done += len(cards)
        for member, act in acts:
            if act.deed is Deed.PAY_BY_HAND:
                lived.deeds_done += self._pay_by_hand(lived.customers[member.number])
            elif act.deed is not Deed.USE_CARD:
                done = self._change(lived, lived.subscriptions[member.number], act)
                lived.deeds_done += done
                lived.deeds_refused += not done

    def _use_cards(self, cards: Sequence[tuple[str, str]]) -> None:
        operations = [
            self._post(
                f"/customers/{customer}/payment-methods", {"payment_method": card, "set_default": True}, {201, 202}
            )["operation"]["id"]
            for customer, card in cards
        ]
        for operation in operations:
            ended = self._watch(f"/operations/{operation}", until=lambda answer: answer["finished_at"] is not None)
            if ended["status"] != "succeeded":
                raise SimulationBroken(f"a card was not saved: {ended['error']}")

    def _pay_by_hand(self, customer: str) -> int:
        """Pay what is open. The clock's next advance waits until it is paid."""
        listed = self._api.get("/invoices", customer_id=customer, status="open", limit=str(_LISTED_MAX))
        owed = self._answered(listed, {200})["data"]
        for invoice in owed:
            self._post(
                f"/invoices/{invoice['id']}/pay",
                {"payment_method": "pm_card_visa", "off_session": False},
                {200, 202, _DECLINED, _NO_LONGER},
            )
        return len(owed)

    def _change(self, lived: Lived, subscription: str, act: Act) -> bool:
        """Do what the customer wants of its subscription; False where that is not possible any more."""
        pauses = lived.pauses.setdefault(subscription, [])
        path = f"/subscriptions/{subscription}"
        body: dict[str, Any] = {}
        match act.deed:
            case Deed.PAUSE:
                path += "/pause"
                body = {"until": act.detail} if act.detail else {}
            case Deed.RESUME:
                path += "/resume"
            case Deed.CANCEL_NOW:
                path, body = f"{path}/cancel", {"at": "now", "reason": "simulated"}
            case _:
                path, body = f"{path}/cancel", {"at": "period_end", "reason": "simulated"}
        exchange = self._api.post(path, body, wait=False)
        self._answered(exchange, {200, _NO_LONGER})
        if exchange.status == _NO_LONGER:
            return False
        if act.deed is Deed.PAUSE:
            pauses.append((act.at, datetime.fromisoformat(act.detail) if act.detail else None))
        elif act.deed is not Deed.CANCEL_AT_PERIOD_END and pauses and (pauses[-1][1] or self._end) > act.at:
            pauses[-1] = (pauses[-1][0], act.at)
        return True

    def _advance(self, clock_id: str, *, to: datetime) -> None:
        operation = self._post(f"/test-clocks/{clock_id}/advance", {"frozen_time": iso(to)}, {202})["operation"]["id"]
        ended = self._watch(f"/operations/{operation}", until=lambda answer: answer["finished_at"] is not None)
        if ended["status"] != "succeeded":
            raise SimulationBroken(f"the clock {clock_id} stopped on its way: {ended['error']}")

    def _watch(self, path: str, *, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return what is at the path once `until` is true of it. Raises SimulationBroken when it stands still for too long."""
        since, last, looks = time.monotonic(), None, 0
        while True:
            found = dict(self._answered(self._api.get(path), {200}))
            if until(found):
                return found
            if self._broken.is_set():
                raise _Stopped
            if found != last:
                since, last = time.monotonic(), found
            if time.monotonic() - since > STILL_SECONDS_MAX:
                raise SimulationBroken(f"{path} does not come on; do the workers run? See `billing status`")
            time.sleep(_PAUSES_SECONDS[min(looks, len(_PAUSES_SECONDS) - 1)])
            looks += 1

    def _post(self, path: str, body: dict[str, Any], expected: set[int]) -> dict[str, Any]:
        return self._answered(self._api.post(path, body, wait=False), expected)

    @staticmethod
    def _answered(exchange: Exchange, expected: set[int]) -> dict[str, Any]:
        if exchange.status not in expected:
            raise SimulationBroken(
                f"{exchange.method} {exchange.url} was answered with {exchange.status}: {dict(exchange.answer)}"
            )
        return dict(exchange.answer)


def _wish(member: Member, customer: str) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "plan": member.offer.plan,
        "interval": member.offer.interval,
        "currency": member.offer.currency,
        "quantity": member.quantity,
        "trial_days": member.trial_days,
        **({"collection": "send_invoice", "days_until_due": DAYS_UNTIL_DUE} if member.by_invoice else {}),
    }
