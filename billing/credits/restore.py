"""How an account of the ledger is written into the server's memory, with the answers that it gave in the last day."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, or_, select
from sqlalchemy.orm import Session

from billing.credits.answers import RECEIVED_KEPT
from billing.credits.journal import milliseconds
from billing.credits.places import Place
from models.credits import CreditAccount, CreditGrant, CreditHold, CreditTransaction, HoldStatus, TransactionType
from models.customer import Customer
from models.ids import first_id_at, id_instant

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
    on_clock: bool


def new_account(customer_id: UUID, *, on_clock: bool) -> Account:
    """Return the account of a customer who never had one; `on_clock`: it is on a test clock."""
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
    return Account(customer_id, state, (), on_clock)


def read_accounts(
    session: Session, *, customers: Collection[UUID], now: datetime, keep: timedelta
) -> Iterator[Account]:
    """Yield the accounts of those of the customers that have one, as they are after their last drained transaction."""
    grants, holds = _grants(session, customers), _holds(session, customers)
    parts_of = _grants_of_parts(session, [hold for held in holds.values() for hold in held])
    on_clocks = _on_clocks(session, customers)
    answers = _answers(session, customers, on_clocks=on_clocks, now=now, keep=keep)
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
            "transfers": {
                str(hold.id): _transfer(hold, parts_of, on_clock=account.customer_id in on_clocks)
                for hold in held
                if hold.counterpart is not None
            },
        }
        yield Account(account.customer_id, state, answers[account.customer_id], account.customer_id in on_clocks)


def restoring(account: Account, *, epoch: str, now: datetime) -> tuple[list[str], list[str | int]]:
    """Return the keys and arguments with which the script writes an account, unless it is there."""
    place = Place.of(account.customer_id, on_clock=account.on_clock, now=now)
    shard = place.shard
    keys = [shard.epoch, place.due, place.account, shard.transfers]
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


def _on_clocks(session: Session, customers: Collection[UUID]) -> Collection[UUID]:
    """Return those of the customers that are on a test clock."""
    query = select(Customer.id).where(Customer.id.in_(customers), Customer.test_clock_id.is_not(None))
    return frozenset(session.scalars(query))


def _answers(
    session: Session, customers: Collection[UUID], *, on_clocks: Collection[UUID], now: datetime, keep: timedelta
) -> dict[UUID, list[KeptAnswer]]:
    """Return what is still to be answered again. A transfer that came in is known longer: its sender may be stuck.

    Keys live in real time. On a test clock only the id of a transaction tells that.
    """
    found: dict[UUID, list[KeptAnswer]] = defaultdict(list)
    query = select(CreditTransaction).where(
        CreditTransaction.customer_id.in_(customers),
        CreditTransaction.key.is_not(None),
        or_(
            _is_younger(keep, on_clocks=on_clocks, now=now),
            and_(
                CreditTransaction.type == TransactionType.TRANSFER_IN,
                _is_younger(RECEIVED_KEPT, on_clocks=on_clocks, now=now),
            ),
        ),
    )
    for row in session.scalars(query):
        answer = row.answer or ["done", str(row.id), row.balance, milliseconds(row.created_at)]
        begun = id_instant(row.id) if row.customer_id in on_clocks else row.created_at
        until = begun + (RECEIVED_KEPT if row.type is TransactionType.TRANSFER_IN else keep)
        found[row.customer_id].append(KeptAnswer(row.key or "", row.request or "", answer, until))
    return found


def _is_younger(age: timedelta, *, on_clocks: Collection[UUID], now: datetime) -> ColumnElement[bool]:
    younger = CreditTransaction.created_at > now - age
    if not on_clocks:
        return younger
    by_id = CreditTransaction.id >= first_id_at(now - age)
    return case((CreditTransaction.customer_id.in_(on_clocks), by_id), else_=younger)


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


def _transfer(hold: CreditHold, grants: dict[UUID, CreditGrant], *, on_clock: bool) -> str:
    return json.dumps(
        {
            "sender": str(hold.customer_id),
            "receiver": str(hold.counterpart),
            "amount": hold.amount,
            "parts": json.dumps(_parts(hold, grants)),
            "at": milliseconds(hold.created_at),
            "actor": hold.actor or "",
            "clock": on_clock,
        }
    )
