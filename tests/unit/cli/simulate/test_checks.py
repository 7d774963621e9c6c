"""The rules of a simulated cohort's books: each holds for books that are right, and bites for books that are not."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from cli.simulate.books import AccountSum, Billed, Books, Sum, Trials
from cli.simulate.checks import check_books, expected_periods
from models.ids import public_id
from models.price import PriceInterval


def day(month: int, of_month: int) -> datetime:
    return datetime(2026, month, of_month, 9, tzinfo=UTC)


END = datetime(2026, 5, 1, tzinfo=UTC)
SUBSCRIPTION = UUID(int=7)


def billed(**changed: Any) -> Billed:
    """A subscription by the month from 31 January: 28 February, 31 March, 30 April."""
    fields: dict[str, Any] = {
        "id": SUBSCRIPTION,
        "begin": day(1, 31),
        "first_paid": day(1, 31),
        "anchor": day(1, 31),
        "anchor_day": 31,
        "interval": PriceInterval.MONTH,
        "status": "active",
        "ended_at": None,
        "paused_at": None,
        "invoiced": (day(1, 31), day(2, 28), day(3, 31), day(4, 30)),
    }
    return Billed(**{**fields, **changed})


def books(**changed: Any) -> Books:
    fields: dict[str, Any] = {
        "customers": 1,
        "subscriptions": {"active": 1},
        "invoices": [Sum("open", "USD", 1, 500), Sum("paid", "USD", 3, 8_700)],
        "collected": [Sum("2026-01", "USD", 3, 8_700)],
        "payments": [Sum("payments", "USD", 3, 8_700)],
        "invoices_paid": [Sum("invoices", "USD", 3, 8_700)],
        "open_amounts": [Sum("open", "USD", 1, 500)],
        "dunning": {},
        "recovered": [],
        "trials": Trials(0, 0, 0),
        "churn": [],
        "accounts": [
            AccountSum("receivable", "USD", 9_200, 8_700),
            AccountSum("gateway_clearing", "USD", 8_700, 0),
            AccountSum("revenue", "USD", 0, 9_200),
        ],
        "parked": 0,
        "billed": [billed()],
    }
    return Books(**{**fields, **changed})


def broken(found: Books, **pauses: Any) -> list[str]:
    verdicts = check_books(found, pauses=pauses, end=END)
    return [what for verdict in verdicts for what in verdict.broken]


def test_books_that_are_right_hold() -> None:
    assert broken(books()) == []


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        (
            {"accounts": [AccountSum("revenue", "USD", 0, 1), AccountSum("receivable", "USD", 500, 0)]},
            "USD is out by 499",
        ),
        ({"payments": [Sum("payments", "USD", 2, 5_800)]}, "USD: 8700 and 5800"),
        ({"payments": []}, "USD: 8700 and 0"),
        ({"open_amounts": []}, "USD: 0 and 500"),
        ({"parked": 2}, "2 are"),
        ({"billed": [billed(invoiced=(day(1, 31), day(2, 28), day(4, 30)))]}, "none for 2026-03-31"),
        ({"billed": [billed(invoiced=(*billed().invoiced, day(5, 31)))]}, "one for 2026-05-31 too many"),
        ({"billed": [billed(invoiced=(*billed().invoiced, day(4, 30)))]}, "1 twice"),
    ],
)
def test_books_that_are_wrong_are_found_out(changed: dict[str, Any], what: str) -> None:
    assert any(what in each for each in broken(books(**changed)))


def test_a_period_that_begins_in_a_pause_owes_nothing() -> None:
    paused = billed(invoiced=(day(1, 31), day(4, 30)))
    spans = [(day(2, 10), day(4, 10))]

    assert broken(books(billed=[paused]), **{public_id("sub", SUBSCRIPTION): spans}) == []
    assert broken(books(billed=[paused])) != []


def test_one_that_is_paused_still_owes_nothing_from_then_on() -> None:
    assert broken(books(billed=[billed(status="paused", paused_at=day(3, 10), invoiced=billed().invoiced[:2])])) == []


@pytest.mark.parametrize(
    ("changed", "periods"),
    [
        ({"status": "canceled", "ended_at": day(3, 31)}, [day(1, 31), day(2, 28)]),
        ({"status": "canceled", "ended_at": day(3, 15)}, [day(1, 31), day(2, 28)]),
        ({"status": "expired", "ended_at": day(2, 1)}, [day(1, 31)]),
        ({"interval": PriceInterval.YEAR}, [day(1, 31)]),
        ({"interval": PriceInterval.QUARTER}, [day(1, 31), day(4, 30)]),
        # A trial until 14 February, from which periods are counted.
        (
            {"first_paid": day(2, 14), "anchor": day(2, 14), "anchor_day": 14},
            [day(2, 14), day(3, 14), day(4, 14)],
        ),
        # One that was canceled before its trial ended owes nothing, not even in the end.
        (
            {
                "first_paid": day(2, 14),
                "anchor": day(2, 14),
                "anchor_day": 14,
                "status": "canceled",
                "ended_at": day(2, 3),
            },
            [],
        ),
        (
            {
                "first_paid": day(2, 14),
                "anchor": day(2, 14),
                "anchor_day": 14,
                "status": "canceled",
                "ended_at": day(2, 14),
            },
            [],
        ),
    ],
)
def test_which_periods_are_owed(changed: dict[str, Any], periods: list[datetime]) -> None:
    assert expected_periods(billed(**changed), pauses=(), end=END) == periods
