"""Process: let a customer use credits without a limit, or with one again."""

from datetime import datetime

from billing.credits.accounts import account_keys, common_arguments, run
from billing.credits.answers import CreditAnswer, CreditOrder, done
from billing.credits.scripts import Script
from billing.hints import Hint
from billing.runtime import Runtime


def set_unlimited(
    runtime: Runtime, order: CreditOrder, *, unlimited: bool, now: datetime, hidden_too: bool = False
) -> CreditAnswer:
    """Make the account unlimited (uses are counted, and never refused), or limited again. The order's amount is 0.

    Grants are not touched: without a limit nothing is taken from them. `hidden_too`: also when the customer's test clock was
    deleted. Raises IdempotencyKeyReused, CustomerNotFound,
    CreditsUnavailable.
    """
    raw = run(
        runtime,
        order.customer_id,
        Script.SET_LIMIT,
        lambda place: (account_keys(place, order), [*common_arguments(runtime, place, order), int(unlimited)]),
        now=now,
        hidden_too=hidden_too,
    )
    runtime.send_hint(Hint.CREDITS)
    return done(raw, order)
