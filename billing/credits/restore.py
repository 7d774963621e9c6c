"""How an account of the ledger is written into the server's memory, with the answers that it gave in the last day."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from billing.credits.answers import RECEIVED_KEPT
from billing.credits.journal import milliseconds
from billing.credits.shards import Shard
from models.credits import CreditAccount, CreditGrant, CreditHold, CreditTransaction, HoldStatus, TransactionType

# Grants in the order in which they are spent (lua/account.lua), those that never end behind all others.
_NEVER = 1 << 62


class KeptAnswer(NamedTuple):
    """An answer that was given under an idempotency key, and until when it is given again."""

    key: str
    request: str
    answer: list[Any]
    until: datetime


class Account(NamedTuple):
    """All that the memory holds of one customer."""

    customer_id: UUID
    state: dict[str, Any]
    answers: Sequence[KeptAnswer]


def new_account(customer_id: UUID) -> Account:
    """Return the account of a customer who never had one."""
    state = {
        "seq": 0,
        "balance": 0,
        "held": 0,
        "debt": 0,
        "unlimited": False,
        "grants": [],
        "holds": [],
        "transfers": {},
    }
    return Account(customer_id, state, ())


def read_accounts(
    session: Session, *, customers: Collection[UUID], now: datetime, keep: timedelta
) -> Iterator[Account]:
    """Yield the accounts of those of the customers that have one, as they are after their last drained transaction."""
    grants, holds = _grants(session, customers), _holds(session, customers)
    parts_of = _grants_of_parts(session, [hold for held in holds.values() for hold in held])
    answers = _answers(session, customers, now=now, keep=keep)
    for account in session.scalars(select(CreditAccount).where(CreditAccount.customer_id.in_(customers))):
        held = holds[account.customer_id]
        state = {
            "seq": account.seq,
            "balance": account.balance,
            "held": account.held,
            "debt": account.debt,
            "unlimited": account.unlimited,
            "grants": [
                _grant(grant, grant.remaining) for grant in sorted(grants[account.customer_id], key=_spent_first)
            ],
            "holds": [_hold(hold, parts_of) for hold in held],
            "transfers": {str(hold.id): _transfer(hold, parts_of) for hold in held if hold.counterpart is not None},
        }
        yield Account(account.customer_id, state, answers[account.customer_id])


def restoring(account: Account, *, epoch: str, now: datetime) -> tuple[list[str], list[str | int]]:
    """Return the keys and arguments with which the script writes an account, unless it is there."""
    shard = Shard.of(account.customer_id)
    keys = [shard.epoch, shard.due, shard.account(account.customer_id), shard.transfers]
    arguments: list[str | int] = [epoch, str(account.customer_id), json.dumps(account.state)]
    for kept in account.answers:
        keys.append(shard.answer(account.customer_id, kept.key))
        left = max(1, milliseconds(kept.until) - milliseconds(now))
        arguments += [kept.request, json.dumps(kept.answer), left]
    return keys, arguments


def _grants(session: Session, customers: Collection[UUID]) -> dict[UUID, list[CreditGrant]]:
    found: dict[UUID, list[CreditGrant]] = defaultdict(list)
    query = select(CreditGrant).where(CreditGrant.customer_id.in_(customers), CreditGrant.remaining > 0)
    for grant in session.scalars(query):
        found[grant.customer_id].append(grant)
    return found


def _holds(session: Session, customers: Collection[UUID]) -> dict[UUID, list[CreditHold]]:
    found: dict[UUID, list[CreditHold]] = defaultdict(list)
    query = select(CreditHold).where(CreditHold.customer_id.in_(customers), CreditHold.status == HoldStatus.ACTIVE)
    for hold in session.scalars(query.order_by(CreditHold.id)):
        found[hold.customer_id].append(hold)
    return found


def _grants_of_parts(session: Session, holds: Sequence[CreditHold]) -> dict[UUID, CreditGrant]:
    named = {UUID(grant) for hold in holds for grant, _ in hold.parts}
    if not named:
        return {}
    return {grant.id: grant for grant in session.scalars(select(CreditGrant).where(CreditGrant.id.in_(named)))}


def _answers(
    session: Session, customers: Collection[UUID], *, now: datetime, keep: timedelta
) -> dict[UUID, list[KeptAnswer]]:
    """Return what is still to be answered again. A transfer that came in is known longer: its sender may be stuck."""
    found: dict[UUID, list[KeptAnswer]] = defaultdict(list)
    is_transfer = CreditTransaction.type == TransactionType.TRANSFER_IN
    query = select(CreditTransaction).where(
        CreditTransaction.customer_id.in_(customers),
        CreditTransaction.key.is_not(None),
        or_(
            CreditTransaction.created_at > now - keep,
            and_(is_transfer, CreditTransaction.created_at > now - RECEIVED_KEPT),
        ),
    )
    for row in session.scalars(query):
        answer = row.answer or ["done", str(row.id), row.balance, milliseconds(row.created_at)]
        until = row.created_at + (RECEIVED_KEPT if row.type is TransactionType.TRANSFER_IN else keep)
        found[row.customer_id].append(KeptAnswer(row.key or "", row.request or "", answer, until))
    return found


def _spent_first(grant: CreditGrant) -> tuple[int, int, int, str]:
    return (
        milliseconds(grant.expires_at) or _NEVER,
        grant.priority,
        milliseconds(grant.created_at),
        str(grant.id),
    )


def _grant(grant: CreditGrant, left: int) -> list[Any]:
    return [
        str(grant.id),
        left,
        milliseconds(grant.expires_at),
        grant.priority,
        milliseconds(grant.created_at),
        str(grant.kind),
        *([str(grant.origin)] if grant.origin is not None else []),
    ]


def _parts(hold: CreditHold, grants: dict[UUID, CreditGrant]) -> list[list[Any]]:
    return [_grant(grants[UUID(grant)], amount) for grant, amount in hold.parts]


def _hold(hold: CreditHold, grants: dict[UUID, CreditGrant]) -> list[Any]:
    return [
        str(hold.id),
        hold.amount,
        milliseconds(hold.expires_at),
        _parts(hold, grants),
        hold.operation or "",
        json.dumps(hold.metadata_),
    ]


def _transfer(hold: CreditHold, grants: dict[UUID, CreditGrant]) -> str:
    return json.dumps(
        {
            "sender": str(hold.customer_id),
            "receiver": str(hold.counterpart),
            "amount": hold.amount,
            "parts": json.dumps(_parts(hold, grants)),
            "at": milliseconds(hold.created_at),
            "actor": hold.actor or "",
        }
    )
