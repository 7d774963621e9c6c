"""Use case: write what entries of the journal did.

Those are the transactions, their entries in the ledger, and the accounts, grants, holds and usage that they add up to. Each table
is written once for all entries: the drain has to outrun the API. The caller holds the shards' rows, so nobody else writes these
accounts meanwhile.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.bulk import insert_rows, update_rows
from billing.credits.bookkeeping import ledger_entry
from billing.credits.deferred_revenue import release_money
from billing.credits.journal import Entry
from billing.credits.low_balance import Change, watch_balances
from billing.credits.shards import shard_of
from billing.ledger.post import post
from models.credits import (
    CreditAccount,
    CreditGap,
    CreditGrant,
    CreditHold,
    CreditTransaction,
    CreditUsage,
    HoldStatus,
    TransactionType,
)

# What a customer's metadata calls the project that a use is for.
PROJECT = "projectId"
_HOLDS = frozenset({TransactionType.HOLD, TransactionType.TRANSFER_HOLD})
_ENDS = {
    TransactionType.CAPTURE: HoldStatus.CAPTURED,
    TransactionType.RELEASE: HoldStatus.RELEASED,
    TransactionType.HOLD_EXPIRED: HoldStatus.EXPIRED,
    TransactionType.TRANSFER_OUT: HoldStatus.CAPTURED,
    TransactionType.TRANSFER_REFUSED: HoldStatus.RELEASED,
}
_NEWER_ACCOUNT = """
    ON CONFLICT (customer_id) DO UPDATE SET seq = excluded.seq, balance = excluded.balance, held = excluded.held,
        debt = excluded.debt, unlimited = excluded.unlimited
"""
_MORE_USAGE = """
    ON CONFLICT (customer_id, day, operation, project) DO UPDATE
    SET amount = credit_usage.amount + excluded.amount, count = credit_usage.count + excluded.count
"""
log = structlog.get_logger(__name__)


class Gap(NamedTuple):
    """Entries of an account that are missing: after `after_seq` comes `found_seq`."""

    customer_id: UUID
    after_seq: int
    found_seq: int


def write_entries(session: Session, entries: Sequence[Entry], *, now: datetime) -> int:
    """Write entries, each account's in the order of their `seq`; return how many were new.

    One that Postgres has already is left out. Entries that never came are noted as a gap: the account goes on with what its
    server says, and somebody has to look.
    """
    known = _known(session, {entry.customer_id for entry in entries})
    new, gaps = sift(entries, known={customer: account.seq for customer, account in known.items()})
    if not new:
        return 0
    _note_gaps(session, gaps, now=now)
    insert_rows(session, CreditTransaction, [_transaction(entry) for entry in new])
    money = release_money(session, new)
    post(session, [ledger_entry(entry, money=money.get(entry.id, ())) for entry in new if entry.amount], now=now)
    newest = {entry.customer_id: entry for entry in new}
    insert_rows(session, CreditAccount, [_account(entry) for entry in newest.values()], on_conflict=_NEWER_ACCOUNT)
    _write_grants(session, new)
    insert_rows(session, CreditHold, [_hold(entry) for entry in new if entry.type in _HOLDS])
    update_rows(
        session,
        CreditHold,
        [_ended_hold(entry) for entry in new if entry.type in _ENDS],
        changes="status = new.status, captured = new.captured, ended_at = new.ended_at",
    )
    insert_rows(session, CreditUsage, list(usage_rows(new)), on_conflict=_MORE_USAGE)
    watch_balances(
        session,
        [
            Change(customer, known[customer].balance, entry.balance)
            for customer, entry in newest.items()
            if customer in known
        ],
        now=now,
    )
    return len(new)


def sift(entries: Iterable[Entry], *, known: Mapping[UUID, int]) -> tuple[list[Entry], list[Gap]]:
    """Return the entries that are newer than what is known of their accounts, and where one is missing before them."""
    newest, new, gaps = dict(known), list[Entry](), list[Gap]()
    for entry in entries:
        last = newest.get(entry.customer_id, 0)
        if entry.seq <= last:
            continue
        if entry.seq > last + 1:
            gaps.append(Gap(entry.customer_id, last, entry.seq))
        newest[entry.customer_id] = entry.seq
        new.append(entry)
    return new, gaps


def usage_rows(entries: Iterable[Entry]) -> Iterable[dict[str, object]]:
    """Yield what was used, by customer, day, operation and project."""
    sums: dict[tuple[UUID, date, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for entry in entries:
        if entry.used:
            day = sums[entry.customer_id, entry.at.date(), entry.operation or "", entry.metadata.get(PROJECT, "")]
            day[0] += entry.used
            day[1] += 1
    # In one order for all, so that two who write the same rows never wait for each other.
    for (customer_id, day_, operation, project), (amount, count) in sorted(sums.items(), key=lambda row: row[0]):
        yield {
            "customer_id": customer_id,
            "day": day_,
            "operation": operation,
            "project": project,
            "amount": amount,
            "count": count,
        }


class _Known(NamedTuple):
    """What Postgres has of an account."""

    seq: int
    balance: int


def _known(session: Session, customers: set[UUID]) -> dict[UUID, _Known]:
    query = select(CreditAccount.customer_id, CreditAccount.seq, CreditAccount.balance).where(
        CreditAccount.customer_id.in_(customers)
    )
    return {row.customer_id: _Known(row.seq, row.balance) for row in session.execute(query)}


def _note_gaps(session: Session, gaps: Sequence[Gap], *, now: datetime) -> None:
    for gap in gaps:
        log.error("credits.gap", customer=str(gap.customer_id), after_seq=gap.after_seq, found_seq=gap.found_seq)
    insert_rows(session, CreditGap, [gap._asdict() | {"found_at": now} for gap in gaps])


def _write_grants(session: Session, entries: Sequence[Entry]) -> None:
    changes: dict[UUID, int] = defaultdict(int)
    for entry in entries:
        for grant, amount in entry.changes.items():
            changes[UUID(grant)] += amount
    rows = [
        {
            "id": grant.id,
            "customer_id": entry.customer_id,
            "kind": str(grant.kind),
            "amount": grant.amount,
            "remaining": changes.pop(grant.id, 0),
            "priority": grant.priority,
            "expires_at": grant.expires_at,
            "reference": entry.reference,
            "origin": grant.origin,
            "created_at": entry.at,
        }
        for entry in entries
        for grant in entry.grants
    ]
    insert_rows(session, CreditGrant, rows)
    update_rows(
        session,
        CreditGrant,
        [{"id": grant, "remaining": amount} for grant, amount in sorted(changes.items()) if amount],
        changes="remaining = credit_grants.remaining + new.remaining",
    )


def _transaction(entry: Entry) -> dict[str, object]:
    return {
        "id": entry.id,
        "customer_id": entry.customer_id,
        "seq": entry.seq,
        "type": str(entry.type),
        "amount": entry.amount,
        "balance": entry.balance,
        "held": entry.held,
        "debt": entry.debt,
        "operation": entry.operation,
        "metadata": entry.metadata,
        "actor": entry.actor,
        "reference": entry.reference,
        "changes": entry.changes,
        "paid": entry.paid,
        "key": entry.key,
        "request": entry.request,
        "answer": entry.answer,
        "created_at": entry.at,
    }


def _account(entry: Entry) -> dict[str, object]:
    return {
        "customer_id": entry.customer_id,
        "shard": shard_of(entry.customer_id),
        "seq": entry.seq,
        "balance": entry.balance,
        "held": entry.held,
        "debt": entry.debt,
        "unlimited": entry.unlimited,
    }


def _hold(entry: Entry) -> dict[str, object]:
    return {
        "id": UUID(entry.reference),
        "customer_id": entry.customer_id,
        "amount": entry.amount,
        "status": str(HoldStatus.ACTIVE),
        "operation": entry.operation,
        "metadata": entry.metadata,
        "counterpart": entry.counterpart,
        "parts": [[grant, -amount] for grant, amount in entry.changes.items()],
        "actor": entry.actor,
        "expires_at": entry.expires_at,
        "created_at": entry.at,
    }


def _ended_hold(entry: Entry) -> dict[str, object]:
    taken = entry.type in {TransactionType.CAPTURE, TransactionType.TRANSFER_OUT}
    return {
        "id": UUID(entry.reference),
        "status": str(_ENDS[entry.type]),
        "captured": entry.amount if taken else 0,
        "ended_at": entry.at,
    }
