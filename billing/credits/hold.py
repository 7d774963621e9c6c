"""Process: reserve credits for work whose cost is known only afterwards; then take part or all, or give them back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import redis

from billing.credits.accounts import account_keys, common_arguments, run
from billing.credits.answers import (
    CaptureExceedsHold,
    CreditAnswer,
    CreditOrder,
    HoldEnded,
    HoldNotFound,
    KeptAs,
    TooManyHolds,
    done,
)
from billing.credits.journal import instant, milliseconds
from billing.credits.places import Place
from billing.credits.prefixes import HOLD_PREFIX
from billing.credits.scripts import Script
from billing.credits.server import CreditsUnavailable
from billing.credits.shards import Shard, new_hold_id
from billing.hints import Hint
from billing.runtime import Runtime
from models.credits import CreditHold
from models.ids import new_id, public_id

# How long the server says whose a hold was, once it has ended; after that the ledger does.
_OWNED_MILLISECONDS = 3_600_000


class Held(NamedTuple):
    """A hold that was made, and when it ends by itself."""

    answer: CreditAnswer
    hold_id: UUID
    expires_at: datetime


class HoldOutcome(NamedTuple):
    """How a hold ended: how much of it was taken, and how much came back."""

    answer: CreditAnswer
    captured: int
    returned: int


def hold(runtime: Runtime, order: CreditOrder, *, lasts: timedelta, now: datetime) -> Held:
    """Take the amount off the balance for as long as `lasts` says; then it comes back by itself.

    Raises InsufficientCredits, TooManyHolds, IdempotencyKeyReused, CustomerNotFound, CreditsUnavailable.
    """
    hold_id = new_hold_id(order.customer_id)

    def wording(place: Place) -> tuple[Sequence[str], Sequence[str | int]]:
        ends = milliseconds(place.now + lasts)
        owned = max(1, ends - milliseconds(place.now)) + _OWNED_MILLISECONDS
        return (
            [*account_keys(place, order), place.shard.hold(hold_id)],
            [*common_arguments(runtime, place, order), str(hold_id), ends, owned],
        )

    raw = run(runtime, order.customer_id, Script.HOLD, wording, now=now)
    if raw[0] == "too_many":
        raise TooManyHolds(f"the customer has {raw[1]} holds; capture or release some, or let them expire")
    answer = done(raw, order)
    runtime.send_hint(Hint.CREDITS)
    return Held(answer, UUID(raw[4]), instant(raw[6]))


def end_hold(
    runtime: Runtime,
    *,
    hold_id: UUID,
    amount: int | None,
    own: UUID | None,
    actor: str,
    kept: KeptAs,
    now: datetime,
) -> HoldOutcome:
    """Take `amount` of a hold (None: all of it; 0: nothing) and give back the rest; the hold is over.

    `own` limits to one customer's holds. Raises HoldNotFound, HoldEnded, CaptureExceedsHold, IdempotencyKeyReused,
    CreditsUnavailable.
    """
    shard, public = Shard.of(hold_id), public_id(HOLD_PREFIX, hold_id)
    customer_id = _owner(runtime, shard, hold_id)
    if customer_id is None or own not in {None, customer_id}:
        raise HoldNotFound(f"there is no hold {public!r}")

    def wording(place: Place) -> tuple[Sequence[str], Sequence[str | int]]:
        return (
            [shard.journal, place.due, place.account, shard.answer(customer_id, kept.key)],
            [
                milliseconds(place.now),
                runtime.credits.kept_milliseconds,
                str(customer_id),
                str(new_id()),
                "" if amount is None else amount,
                actor,
                *kept,
                str(hold_id),
            ],
        )

    raw = run(runtime, customer_id, Script.END_HOLD, wording, now=now)
    if raw[0] == "no_hold":
        raise HoldEnded(f"{public} was captured or released before, or has expired")
    if raw[0] == "exceeds":
        raise CaptureExceedsHold(f"{amount} are to be captured, and {public} holds {raw[1]}")
    runtime.send_hint(Hint.CREDITS)
    captured, returned = (raw[4], raw[5]) if raw[0] != "reused" else (0, 0)
    order = CreditOrder(customer_id, captured or returned, "", {}, actor, kept)
    return HoldOutcome(done(raw, order), captured, returned)


def _owner(runtime: Runtime, shard: Shard, hold_id: UUID) -> UUID | None:
    try:
        owner = runtime.credits.redis.get(shard.hold(hold_id))
    except redis.RedisError as error:
        raise CreditsUnavailable("the credits server does not answer; try again under the same key") from error
    if owner is not None:
        return UUID(str(owner))
    with runtime.transaction() as session:
        known = session.get(CreditHold, hold_id)
    return None if known is None or known.counterpart is not None else known.customer_id
