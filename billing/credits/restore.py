"""How an account of the ledger is written into the server's memory.

Plain columns are read, never rows of the ORM: a rebuild reads every account that there is.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Uuid, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session

from billing.credits.journal import milliseconds
from billing.credits.kept_answers import KeptAnswer
from billing.credits.places import Place
from models.credits import CreditAccount, CreditGrant, CreditHold, GrantKind, HoldStatus
from models.customer import Customer

# Grants in the order in which they are spent (lua/account.lua), those that never end behind all others.
_NEVER = 1 << 62
_ACCOUNT = (
    CreditAccount.customer_id,
    CreditAccount.seq,
    CreditAccount.balance,
    CreditAccount.held,
    CreditAccount.debt,
    CreditAccount.unlimited,
)
_GRANT = (
    CreditGrant.id,
    CreditGrant.customer_id,
    CreditGrant.remaining,
    CreditGrant.expires_at,
    CreditGrant.priority,
    CreditGrant.created_at,
    CreditGrant.kind,
    CreditGrant.origin,
)
_GrantRow = Row[UUID, UUID, int, datetime | None, int, datetime, GrantKind, UUID | None]


class Account(NamedTuple):
    """All that the memory holds of one customer but the answers that it was given."""

    customer_id: UUID
    state: dict[str, Any]
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
    return Account(customer_id, state, on_clock)


def read_accounts(session: Session, *, customers: Collection[UUID]) -> Iterator[Account]:
    """Yield the accounts of those of the customers that have one, as they are after their last drained transaction."""
    grants, holds = _grants(session, customers), _holds(session, customers)
    parts_of = _grants_of_parts(session, [hold for held in holds.values() for hold in held])
    on_clocks = _on_clocks(session, customers)
    for customer_id, seq, balance, held_amount, debt, unlimited in session.execute(
        select(*_ACCOUNT).where(_among(CreditAccount.customer_id, customers))
    ):
        held = holds.get(customer_id, ())
        state = {
            "seq": seq,
            "balance": balance,
            "held": held_amount,
            "debt": debt,
            "unlimited": unlimited,
            "grants": [
                _grant(grant, grant.remaining) for grant in sorted(grants.get(customer_id, ()), key=_spent_first)
            ],
            "holds": [_hold(hold, parts_of) for hold in held],
            "transfers": {
                str(hold.id): _transfer(hold, parts_of, on_clock=customer_id in on_clocks)
                for hold in held
                if hold.counterpart is not None
            },
        }
        yield Account(customer_id, state, customer_id in on_clocks)


def restoring(
    account: Account, answers: Sequence[KeptAnswer], *, epoch: str, now: datetime
) -> tuple[list[str], list[str | int]]:
    """Return the keys and arguments with which the script writes an account with answers of it, unless it is there."""
    place = Place.of(account.customer_id, on_clock=account.on_clock, now=now)
    shard = place.shard
    keys = [shard.epoch, place.due, place.account, shard.transfers]
    arguments: list[str | int] = [epoch, str(account.customer_id), json.dumps(account.state)]
    for kept in answers:
        keys.append(shard.answer(account.customer_id, kept.key))
        arguments += [kept.request, kept.answer, kept.milliseconds_left(now)]
    return keys, arguments


def _among(column: InstrumentedAttribute[UUID], wanted: Collection[UUID]) -> ColumnElement[bool]:
    """Say that a column is one of many: one parameter, where IN takes as many."""
    return column == any_(literal(list(wanted), ARRAY(Uuid())))


def _grants(session: Session, customers: Collection[UUID]) -> dict[UUID, list[_GrantRow]]:
    found: dict[UUID, list[_GrantRow]] = defaultdict(list)
    query = select(*_GRANT).where(_among(CreditGrant.customer_id, customers), CreditGrant.remaining > 0)
    for grant in session.execute(query):
        found[grant.customer_id].append(grant)
    return found


def _holds(session: Session, customers: Collection[UUID]) -> dict[UUID, list[CreditHold]]:
    found: dict[UUID, list[CreditHold]] = defaultdict(list)
    query = select(CreditHold).where(_among(CreditHold.customer_id, customers), CreditHold.status == HoldStatus.ACTIVE)
    for hold in session.scalars(query.order_by(CreditHold.id)):
        found[hold.customer_id].append(hold)
    return found


def _grants_of_parts(session: Session, holds: Sequence[CreditHold]) -> dict[UUID, _GrantRow]:
    named = {UUID(grant) for hold in holds for grant, _ in hold.parts}
    if not named:
        return {}
    return {grant.id: grant for grant in session.execute(select(*_GRANT).where(_among(CreditGrant.id, named)))}


def _on_clocks(session: Session, customers: Collection[UUID]) -> Collection[UUID]:
    """Return those of the customers that are on a test clock."""
    query = select(Customer.id).where(_among(Customer.id, customers), Customer.test_clock_id.is_not(None))
    return frozenset(session.scalars(query))


def _spent_first(grant: _GrantRow) -> tuple[int, int, int, str]:
    return (
        milliseconds(grant.expires_at) or _NEVER,
        grant.priority,
        milliseconds(grant.created_at),
        str(grant.id),
    )


def _grant(grant: _GrantRow, left: int) -> list[Any]:
    return [
        str(grant.id),
        left,
        milliseconds(grant.expires_at),
        grant.priority,
        milliseconds(grant.created_at),
        str(grant.kind),
        *([str(grant.origin)] if grant.origin is not None else []),
    ]


def _parts(hold: CreditHold, grants: dict[UUID, _GrantRow]) -> list[list[Any]]:
    return [_grant(grants[UUID(grant)], amount) for grant, amount in hold.parts]


def _hold(hold: CreditHold, grants: dict[UUID, _GrantRow]) -> list[Any]:
    return [
        str(hold.id),
        hold.amount,
        milliseconds(hold.expires_at),
        _parts(hold, grants),
        hold.operation or "",
        json.dumps(hold.metadata_),
    ]


def _transfer(hold: CreditHold, grants: dict[UUID, _GrantRow], *, on_clock: bool) -> str:
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
