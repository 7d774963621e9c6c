"""Rule and use case: when the price of purchased credits is earned.

The price is deferred revenue until the credits are gone for good. How many are gone is counted for each purchase, and what they
are worth is `price * gone / credits`, rounded down: so single uses may round, and all of them together never do. A use earns the
difference to what was there before it, in the entry of the use itself.

Credits that were sent to somebody else stay a part of their purchase: the deferred revenue is that of who paid.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from billing.bulk import update_rows
from billing.credits.journal import Entry
from billing.ledger.entry import Posting
from models.credits import CreditPurchase, PurchaseStep, TransactionType
from models.ledger import Account

# Under what name a purchase's steps stand in the journal, as the operation of what they give and take back.
OPERATIONS = {
    PurchaseStep.PAID: "purchase",
    PurchaseStep.REFUNDED: "purchase_refunded",
    PurchaseStep.DISPUTED: "purchase_disputed",
}
_ROOTS = text("SELECT id, coalesce(origin, id) AS root FROM credit_grants WHERE id = ANY(CAST(:ids AS uuid[]))")
_LOTS = text(
    """
    SELECT id, customer_id, credits, price_minor, currency, released FROM credit_purchases
    WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE
    """
)


class Release(NamedTuple):
    """Credits of a grant that are gone for good (negative: that came back), and the account that their price goes to."""

    grant_id: UUID
    credits: int
    to: Account


@dataclass(slots=True)
class Lot:
    """A purchase, and how many of its credits are gone."""

    id: UUID
    customer_id: UUID
    credits: int
    price_minor: int
    currency: str
    released: int

    def release(self, credits_: int) -> int:
        """Count credits as gone, and return what part of the price that is."""
        before = self.price_minor * self.released // self.credits
        self.released += credits_
        return self.price_minor * self.released // self.credits - before


def releases_of(entry: Entry) -> Iterator[Release]:
    """Yield what an entry does to grants for good: what it uses, what expires, what is taken back, and what comes back."""
    if entry.used:
        yield from (Release(UUID(grant), amount, Account.REVENUE) for grant, amount in entry.paid.items())
    elif entry.type is TransactionType.GRANT_EXPIRED:
        yield from (Release(UUID(grant), -amount, Account.BREAKAGE_REVENUE) for grant, amount in entry.changes.items())
    elif entry.type is TransactionType.REVOKE:
        yield from (Release(UUID(grant), -amount, _taken_by(entry)) for grant, amount in entry.changes.items())
    for grant in entry.grants:
        added = entry.changes.get(str(grant.id), 0)
        if grant.origin is not None and entry.type is TransactionType.GRANT:
            # What was taken back comes again. Where it ends the debt that the taking made, nothing had been released for that.
            yield Release(grant.id, -added, _taken_by(entry))
        elif added < grant.amount:
            yield Release(grant.id, grant.amount - added, Account.REVENUE)  # it pays a debt: what was used before


def release_money(session: Session, entries: Sequence[Entry]) -> dict[UUID, tuple[Posting, ...]]:
    """Return the money that entries move, by the entry's id, and count the credits that are gone.

    The purchases are locked, in the order of their ids, until the transaction ends.
    """
    releases = [(entry.id, release) for entry in entries for release in releases_of(entry)]
    if not releases:
        return {}
    roots = _roots(session, {release.grant_id for _, release in releases}, entries)
    lots = _lock_lots(session, set(roots.values()))
    money: dict[UUID, dict[tuple[Account, str, UUID | None], int]] = defaultdict(lambda: defaultdict(int))
    for entry_id, release in releases:
        lot = lots.get(roots[release.grant_id])
        if lot is not None:
            worth = lot.release(release.credits)
            money[entry_id][Account.DEFERRED_REVENUE, lot.currency, lot.customer_id] += worth
            money[entry_id][release.to, lot.currency, None] -= worth
    rows = [{"id": lot.id, "released": lot.released} for lot in lots.values()]
    update_rows(session, CreditPurchase, rows, changes="released = new.released")
    return {entry_id: _postings(lines) for entry_id, lines in money.items()}


def _postings(lines: Mapping[tuple[Account, str, UUID | None], int]) -> tuple[Posting, ...]:
    return tuple(
        Posting(account=account, asset=currency, amount=amount, customer_id=customer_id)
        for (account, currency, customer_id), amount in lines.items()
        if amount
    )


def _taken_by(entry: Entry) -> Account:
    return Account.DISPUTES if entry.operation == OPERATIONS[PurchaseStep.DISPUTED] else Account.REFUNDS


def _roots(session: Session, grants: set[UUID], entries: Iterable[Entry]) -> dict[UUID, UUID]:
    """Return the grant that each grant was first a part of; for most that is itself."""
    new = {grant.id: grant.origin or grant.id for entry in entries for grant in entry.grants}
    known = {row.id: row.root for row in session.execute(_ROOTS, {"ids": list(grants - new.keys())})}
    return known | new


def _lock_lots(session: Session, ids: set[UUID]) -> dict[UUID, Lot]:
    return {row.id: Lot(*row) for row in session.execute(_LOTS, {"ids": list(ids)})}
