"""Any sequence of operations gives what a plain Python model gives, in the server, in the ledger, and after a rebuild."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.credits.answers import CaptureExceedsHold, HoldEnded, InsufficientCredits
from billing.credits.hold import Held
from billing.credits.rebuild import rebuild
from tests.integration.credits.orders import NOW, Customer, drain
from tests.service.world import World

_MINUTES = st.integers(0, 30)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("grant"), st.integers(1, 50), st.sampled_from([None, 5, 20, 60]), st.integers(0, 3)),
        st.tuples(st.just("deduct"), st.integers(1, 60)),
        st.tuples(st.just("owe"), st.integers(1, 60)),
        st.tuples(st.just("hold"), st.integers(1, 40), st.sampled_from([3, 15, 90])),
        st.tuples(st.just("end"), st.integers(0, 5), st.integers(0, 45)),
        st.tuples(st.just("revoke"), st.integers(0, 5), st.integers(1, 40)),
        st.tuples(st.just("pass"), _MINUTES),
        st.tuples(st.just("drain")),
    ),
    min_size=1,
    max_size=25,
)


@dataclass
class Grant:
    """What the model knows of a grant. `order` is when it came, among those that came at the same time."""

    name: str
    left: int
    ends: datetime | None
    priority: int
    came: datetime

    @property
    def rank(self) -> tuple[object, ...]:
        return (self.ends is None, self.ends or self.came, self.priority, self.came, self.name)


@dataclass
class Model:
    """Credits, as one would explain them."""

    now: datetime = NOW
    grants: dict[str, Grant] = field(default_factory=dict)
    holds: list[tuple[Held, datetime, int, list[tuple[str, int]]]] = field(default_factory=list)
    debt: int = 0
    used: int = 0

    def let_time_pass(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.holds, over = [], self.holds
        for hold in over:
            if hold[1] <= self.now:
                self.give_back(hold[3])
            else:
                self.holds.append(hold)

    @property
    def alive(self) -> list[Grant]:
        return sorted(
            (grant for grant in self.grants.values() if grant.left and (grant.ends is None or grant.ends > self.now)),
            key=lambda grant: grant.rank,
        )

    @property
    def balance(self) -> int:
        return sum(grant.left for grant in self.alive)

    @property
    def held(self) -> int:
        return sum(hold[2] for hold in self.holds)

    def take(self, amount: int) -> list[tuple[str, int]]:
        parts = []
        for grant in self.alive:
            part = min(amount, grant.left)
            if part:
                grant.left -= part
                amount -= part
                parts.append((grant.name, part))
        assert amount == 0
        return parts

    def give_back(self, parts: list[tuple[str, int]]) -> None:
        for name, amount in parts:
            self.grants[name].left += amount


class Story:
    """Does each step to the service and to the model, and compares them."""

    def __init__(self, world: World) -> None:
        self.customer = Customer(world)
        self.model = Model()
        self.names: list[str] = []

    def step(self, step: tuple[object, ...]) -> None:
        kind, *values = step
        getattr(self, f"do_{kind}")(*values)
        self.compare()

    def do_grant(self, amount: int, minutes: int | None, priority: int) -> None:
        model = self.model
        lasts = None if minutes is None else timedelta(minutes=minutes)
        name = self.customer.grant(amount, at=model.now, lasts=lasts, priority=priority)
        paid = min(model.debt, amount)
        model.debt -= paid
        ends = None if lasts is None else model.now + lasts
        model.grants[name] = Grant(name, amount - paid, ends, priority, model.now)
        self.names.append(name)

    def do_deduct(self, amount: int) -> None:
        if amount > self.model.balance:
            with pytest.raises(InsufficientCredits):
                self.customer.deduct(amount, at=self.model.now)
        else:
            self.model.take(amount)
            self.model.used += amount
            assert self.customer.deduct(amount, at=self.model.now).balance == self.model.balance

    def do_owe(self, amount: int) -> None:
        model = self.model
        owed = max(0, amount - model.balance)
        model.take(amount - owed)
        model.debt += owed
        model.used += amount
        assert self.customer.deduct(amount, at=model.now, owing=True).balance == model.balance

    def do_hold(self, amount: int, minutes: int) -> None:
        model, lasts = self.model, timedelta(minutes=minutes)
        if amount > model.balance:
            with pytest.raises(InsufficientCredits):
                self.customer.hold(amount, at=model.now, lasts=lasts)
        else:
            parts = model.take(amount)
            held = self.customer.hold(amount, at=model.now, lasts=lasts)
            model.holds.append((held, model.now + lasts, amount, parts))

    def do_end(self, which: int, amount: int) -> None:
        model = self.model
        if not model.holds:
            return
        hold = model.holds[which % len(model.holds)]
        held, _, size, parts = hold
        if amount > size:
            with pytest.raises(CaptureExceedsHold):
                self.customer.end(held, amount, at=model.now)
            return
        ended = self.customer.end(held, amount, at=model.now)
        model.holds.remove(hold)
        used = amount
        for name, part in parts:
            taken = min(used, part)
            used -= taken
            model.grants[name].left += part - taken
        model.used += amount
        assert (ended.captured, ended.returned) == (amount, size - amount)
        assert ended.answer.balance == model.balance
        with pytest.raises(HoldEnded):
            self.customer.end(held, 0, at=model.now)

    def do_revoke(self, which: int, amount: int) -> None:
        if not self.names:
            return
        name = self.names[which % len(self.names)]
        grant = self.model.grants[name]
        there = grant.left if grant in self.model.alive else 0
        taken = min(there, amount)
        self.customer.revoke(name, amount, at=self.model.now)
        grant.left -= taken
        self.model.debt += amount - taken

    def do_pass(self, minutes: int) -> None:
        self.model.let_time_pass(minutes)

    def do_drain(self) -> None:
        drain(self.customer.world)

    def compare(self) -> None:
        account, model = self.customer.account(at=self.model.now), self.model
        assert (account.balance, account.held, account.debt) == (model.balance, model.held, model.debt)
        assert self.customer.left(at=model.now) == [(grant.name, grant.left) for grant in model.alive]
        assert account.balance == sum(grant.remaining for grant in account.grants)

    def compare_ledger(self) -> None:
        rows = self.customer.transactions()
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        used = self.customer.world.rows(
            "SELECT coalesce(sum(amount), 0) AS used FROM credit_usage WHERE customer_id = :id", id=self.customer.id
        )
        assert used == [{"used": self.model.used}]


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
def test_any_sequence_of_operations(opened: World, steps: list[tuple[object, ...]]) -> None:
    story = Story(opened)
    for step in steps:
        story.step(step)
    story.compare_ledger()
    drain(opened)
    rebuild(opened.runtime, now=lambda: story.model.now)
    story.compare()
