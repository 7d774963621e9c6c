"""Use case: prove that the ledger is whole, and that it says what the rows of payments, refunds and disputes say."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from billing.database import lift_time_limits
from billing.ledger.checks import CHECKS, Check

# Of each check; that there are more is said, not listed.
FINDINGS_MAX = 100
_CLEARING = text(
    """
    SELECT o.asset, e.kind, sum(o.amount)::bigint AS amount
    FROM ledger_postings o JOIN ledger_entries e ON e.id = o.entry_id
    WHERE o.account = 'gateway_clearing' GROUP BY o.asset, e.kind ORDER BY o.asset, e.kind
    """
)


class Violation(NamedTuple):
    """What breaks a check: an entry, an account or an object, and how."""

    subject: str
    detail: str


class Verdict(NamedTuple):
    """What a check found: at most FINDINGS_MAX violations, and whether there are more."""

    check: Check
    violations: list[Violation]
    more: bool


class ClearingLine(NamedTuple):
    """By how much entries of one kind have moved gateway_clearing; signed, in the asset's smallest unit."""

    asset: str
    kind: str
    amount: int


def verify(session: Session, *, checks: Sequence[Check] = CHECKS) -> Iterator[Verdict]:
    """Run the checks, one after the other. It reads the whole ledger, and so may take longer than a request may."""
    lift_time_limits(session)
    for check in checks:
        rows = session.execute(text(f"{check.query} LIMIT {FINDINGS_MAX + 1}")).all()
        violations = [Violation(row.subject, row.detail) for row in rows[:FINDINGS_MAX]]
        yield Verdict(check, violations, more=len(rows) > FINDINGS_MAX)


def explain_clearing(session: Session) -> list[ClearingLine]:
    """Return what the balance of gateway_clearing is made of, by asset and kind of entry."""
    return [ClearingLine(row.asset, row.kind, row.amount) for row in session.execute(_CLEARING)]
