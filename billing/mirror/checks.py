"""What must always hold of subscriptions that go on here; billing/invariants.py runs it."""

from typing import NamedTuple

from billing.mirror.import_subscription import OPERATION_KIND
from billing.mirror.state import IMPORT_KEY


class Check(NamedTuple):
    """A rule in words, the query that counts what breaks it, and what to do then."""

    name: str
    rule: str
    query: str
    mend: str


CHECKS = (
    Check(
        "imports_are_whole",
        "what was imported from Stripe ends there, and what was told to end there for it goes on here",
        f"""
        SELECT count(*) FROM mirrored_subscriptions m WHERE
            (imported_as IS NOT NULL AND ended_at IS NULL AND NOT cancel_at_period_end)
            OR (imported_as IS NULL AND metadata ? '{IMPORT_KEY}' AND (cancel_at_period_end OR ended_at IS NOT NULL)
                AND NOT EXISTS (SELECT FROM operations o WHERE o.customer_id = m.customer_id
                    AND o.kind = '{OPERATION_KIND}' AND o.finished_at IS NULL))
        """,  # noqa: S608 - our own constants
        "end it at Stripe, or run billing import stripe-subscription again; see docs/how-to/keep-stripe-billing.md",
    ),
)
