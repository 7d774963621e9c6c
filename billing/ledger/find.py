"""Reading entries and their postings."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.ledger import Account, EntryKind, LedgerEntry, LedgerPosting


class EntryFilter(NamedTuple):
    """Which entries are asked for; None does not limit. `since` and `until` are of the time when it happened, half-open."""

    customer_id: UUID | None = None
    account: Account | None = None
    asset: str | None = None
    reference: str | None = None
    kind: EntryKind | None = None
    since: datetime | None = None
    until: datetime | None = None


def entries_where(wanted: EntryFilter) -> Select[LedgerEntry]:
    """Return the query of the entries, in no order. With `account` and `asset`, one posting has to have both."""
    found = select(LedgerEntry)
    if wanted.customer_id is not None:
        found = found.where(LedgerEntry.customer_id == wanted.customer_id)
    if wanted.reference is not None:
        found = found.where(LedgerEntry.reference == wanted.reference)
    if wanted.kind is not None:
        found = found.where(LedgerEntry.kind == wanted.kind)
    if wanted.since is not None:
        found = found.where(LedgerEntry.occurred_at >= wanted.since)
    if wanted.until is not None:
        found = found.where(LedgerEntry.occurred_at < wanted.until)
    if wanted.account is not None or wanted.asset is not None:
        lines = select(LedgerPosting.entry_id).where(LedgerPosting.entry_id == LedgerEntry.id)
        if wanted.account is not None:
            lines = lines.where(LedgerPosting.account == wanted.account)
        if wanted.asset is not None:
            lines = lines.where(LedgerPosting.asset == wanted.asset)
        found = found.where(lines.exists())
    return found


def postings_of_each(session: Session, *, entry_ids: Collection[UUID]) -> dict[UUID, list[LedgerPosting]]:
    """Return the postings of several entries, in their order, by entry; one query for all of them."""
    found: dict[UUID, list[LedgerPosting]] = {entry_id: [] for entry_id in entry_ids}
    query = select(LedgerPosting).where(LedgerPosting.entry_id.in_(entry_ids))
    for posting in session.scalars(query.order_by(LedgerPosting.entry_id, LedgerPosting.line)):
        found[posting.entry_id].append(posting)
    return found
