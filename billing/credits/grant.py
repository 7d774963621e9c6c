"""Process: give credits, and take them back."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from billing.credits.accounts import account_keys, common_arguments, run
from billing.credits.answers import CreditAnswer, CreditLimitExceeded, CreditOrder, done
from billing.credits.journal import milliseconds
from billing.credits.places import Place, find_clock_of
from billing.credits.scripts import Script
from billing.errors import Invalid
from billing.hints import Hint
from billing.runtime import Runtime
from models.credits import GrantKind

# What is spent first among grants that end together; the lower, the sooner.
DEFAULT_PRIORITY = {
    GrantKind.PROMOTION: 10,
    GrantKind.ALLOWANCE: 20,
    GrantKind.TRANSFER: 30,
    GrantKind.ADJUSTMENT: 30,
    GrantKind.PURCHASE: 40,
}


class GrantTerms(NamedTuple):
    """What a grant is: its id, kind, when it ends (None: never), its priority, what it is for (`pay_…`), and of which it was."""

    id: UUID
    kind: GrantKind
    priority: int
    expires_at: datetime | None
    reference: str | None
    origin: UUID | None = None


class Granted(NamedTuple):
    """A grant that was made."""

    answer: CreditAnswer
    grant_id: UUID


class GrantExpired(Invalid):
    """The grant would end before it begins."""

    code = "grant_expired"


def grant(
    runtime: Runtime, order: CreditOrder, terms: GrantTerms, *, balance_max: int | None, now: datetime
) -> Granted:
    """Add a grant to the account; a debt is paid from it first.

    `balance_max` None: what was paid for is never refused, also when the customer's test clock was deleted meanwhile.

    Raises GrantExpired, CreditLimitExceeded, IdempotencyKeyReused, CustomerNotFound, CreditsUnavailable.
    """
    is_paid_for = balance_max is None
    if terms.expires_at is not None and terms.expires_at <= now:
        find_clock_of(runtime, order.customer_id, hidden_too=is_paid_for)  # by its clock it may not have ended

    def wording(place: Place) -> tuple[Sequence[str], Sequence[str | int]]:
        if terms.expires_at is not None and terms.expires_at <= place.now:
            raise GrantExpired(
                f"the grant would end at {terms.expires_at.isoformat()}, which is not after {place.now.isoformat()}"
            )
        return account_keys(place, order), [
            *common_arguments(runtime, place, order),
            str(terms.id),
            str(terms.kind),
            terms.priority,
            milliseconds(terms.expires_at),
            balance_max or 0,
            terms.reference or "",
            str(terms.origin or ""),
        ]

    raw = run(runtime, order.customer_id, Script.GRANT, wording, now=now, hidden_too=is_paid_for)
    if raw[0] == "exceeds":
        raise CreditLimitExceeded(
            f"{order.amount} more would be above the most that a customer may hold, {balance_max}; it can spend {raw[1]} now"
        )
    answer = done(raw, order)
    runtime.send_hint(Hint.CREDITS)
    return Granted(answer, UUID(raw[4]))


def revoke(runtime: Runtime, order: CreditOrder, *, grant_id: UUID, now: datetime) -> CreditAnswer:
    """Take back what a grant has left, up to the amount; what is spent or held of it becomes the customer's debt.

    Raises IdempotencyKeyReused, CustomerNotFound, CreditsUnavailable.
    """
    raw = run(
        runtime,
        order.customer_id,
        Script.REVOKE,
        lambda place: (account_keys(place, order), [*common_arguments(runtime, place, order), str(grant_id)]),
        now=now,
        hidden_too=True,
    )
    runtime.send_hint(Hint.CREDITS)
    return done(raw, order)
