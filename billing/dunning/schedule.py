"""Rule: what follows a payment that failed.

A soft decline is tried again by the schedule. A hard one is not: the same card would fail again, and so would one whose bank
wants the customer to authenticate; what is waited for is another card, or the customer, until the schedule ends.
Source: docs/explanation/dunning.md.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from billing.payments.declines import DeclineCategory
from models.dunning import DunningStep

# With the attempt on the due date these are five.
RETRY_DAYS = (1, 3, 5, 7)


class NextStep(NamedTuple):
    """What comes next, when, and why, for people."""

    step: DunningStep
    at: datetime
    reason: str


def next_step(
    *, due_at: datetime, failures: int, category: DeclineCategory, retry_days: Sequence[int] = RETRY_DAYS
) -> NextStep:
    """Return what follows after `failures` attempts (1 or more), the last of which was declined with this category.

    Due on 1 December: after the first soft decline the next attempt is on the 2nd, then on the 4th, the 6th and the 8th; after
    the fifth the final action is due at once.
    """
    last = due_at + timedelta(days=retry_days[-1])
    if category is DeclineCategory.ACTION_REQUIRED:
        return NextStep(DunningStep.FINAL_ACTION, last, "the customer has to authenticate; no attempt helps before")
    if category in {DeclineCategory.HARD, DeclineCategory.FRAUD}:
        return NextStep(DunningStep.FINAL_ACTION, last, "the card will not be accepted; another one is waited for")
    if failures > len(retry_days):
        return NextStep(DunningStep.FINAL_ACTION, last, f"all {failures} attempts have failed")
    at = due_at + timedelta(days=retry_days[failures - 1])
    return NextStep(DunningStep.RETRY, at, f"attempt {failures + 1} of {len(retry_days) + 1}")
