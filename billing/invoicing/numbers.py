"""Use case: take the numbers of invoices and credit notes, without a gap and none twice.

A series is a row that whoever takes numbers locks until its own commit: a roll-back gives them back, and the next one waits for
the outcome. A batch takes its numbers at once, and takes them last, so that the row is locked for a moment only.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

TEST_SERIES = "TEST"
_TAKE = text(
    """
    INSERT INTO invoice_series (series, last_number) VALUES (:series, :count)
    ON CONFLICT (series) DO UPDATE SET last_number = invoice_series.last_number + excluded.last_number
    RETURNING last_number
    """
)


def series_of(year: int, *, prefix: str, on_test_clock: bool) -> str:
    """Return the series of a year: `INV-2026`, or `TEST-2026` for customers on a test clock. Each starts at 1."""
    return f"{TEST_SERIES if on_test_clock else prefix}-{year}"


def credit_note_series_of(year: int, *, prefix: str, on_test_clock: bool) -> str:
    """Return the series of a year's credit notes: `INV-CN-2026`, or `TEST-CN-2026`. A prefix has no hyphen: it is no other's."""
    return f"{TEST_SERIES if on_test_clock else prefix}-CN-{year}"


def take_numbers(session: Session, wanted: Sequence[str]) -> list[str]:
    """Return one number for each of the `wanted` series, in their order: `INV-2026-000123`."""
    counts = {series: wanted.count(series) for series in sorted(set(wanted))}  # one order for all who take several
    following = {}
    for series, count in counts.items():
        last = session.execute(_TAKE, {"series": series, "count": count}).scalar_one()
        following[series] = last - count
    numbers = []
    for series in wanted:
        following[series] += 1
        numbers.append(f"{series}-{following[series]:06d}")
    return numbers
