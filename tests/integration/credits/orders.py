"""Operations on credits at a time that the test says, below the edge."""

import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID

from billing.credits.answers import CreditAnswer, CreditOrder, KeptAs
from billing.credits.balance import Balance, read_balance
from billing.credits.deduct import deduct
from billing.credits.drain import drain_journals
from billing.credits.grant import GrantTerms, grant, revoke
from billing.credits.hold import Held, HoldOutcome, end_hold, hold
from billing.credits.prefixes import GRANT_PREFIX
from models.credits import GrantKind
from models.ids import new_id, public_id, row_id
from tests.service.world import World

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
_numbers = itertools.count(1)


def kept() -> KeptAs:
    """Return a new idempotency key, and a request that looks like no other."""
    number = next(_numbers)
    return KeptAs(f"{number:032x}", f"{number:064x}")


class Customer:
    """One customer's credits."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.public = world.customer()
        self.id: UUID = row_id("cus", self.public)

    def order(self, amount: int, operation: str = "ai.generate", **metadata: str) -> CreditOrder:
        return CreditOrder(self.id, amount, operation, metadata, "key_test", kept())

    def grant(
        self,
        amount: int,
        *,
        at: datetime = NOW,
        lasts: timedelta | None = None,
        priority: int = 10,
        kind: GrantKind = GrantKind.PROMOTION,
    ) -> str:
        """Return the public id of the new grant."""
        terms = GrantTerms(new_id(), kind, priority, None if lasts is None else at + lasts, None)
        made = grant(self.world.runtime, self.order(amount, "promotion"), terms, balance_max=None, now=at)
        return public_id(GRANT_PREFIX, made.grant_id)

    def revoke(self, grant_id: str, amount: int, *, at: datetime = NOW) -> CreditAnswer:
        row = row_id(GRANT_PREFIX, grant_id)
        return revoke(self.world.runtime, self.order(amount, "refund"), grant_id=row, now=at)

    def deduct(self, amount: int, *, at: datetime = NOW, owing: bool = False) -> CreditAnswer:
        return deduct(self.world.runtime, self.order(amount), now=at, owing=owing)

    def hold(self, amount: int, *, at: datetime = NOW, lasts: timedelta = HOUR) -> Held:
        return hold(self.world.runtime, self.order(amount, "render"), lasts=lasts, now=at)

    def end(self, held: Held, amount: int | None, *, at: datetime = NOW) -> HoldOutcome:
        return end_hold(
            self.world.runtime, hold_id=held.hold_id, amount=amount, own=None, actor="key_test", kept=kept(), now=at
        )

    def account(self, *, at: datetime = NOW) -> Balance:
        return read_balance(self.world.runtime, customer_id=self.id, now=at)

    def left(self, *, at: datetime = NOW) -> list[tuple[str, int]]:
        """Return what each grant has left, in the order in which they are spent."""
        return [(public_id(GRANT_PREFIX, grant.id), grant.remaining) for grant in self.account(at=at).grants]

    def transactions(self) -> list[dict[str, object]]:
        """Drain, and return the customer's transactions, oldest first."""
        drain(self.world)
        return self.world.rows("SELECT * FROM credit_transactions WHERE customer_id = :id ORDER BY seq", id=self.id)


def drain(world: World) -> int:
    """Bring all journals into Postgres; return how many entries there were."""
    drained = 0
    while found := drain_journals(world.runtime, now=lambda: NOW):
        drained += found
    return drained
