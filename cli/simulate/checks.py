"""Rule: what must be true of a simulated cohort's books, reckoned anew from what the customers did."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from billing.subscriptions.cycle import Cycle, whole_seconds
from cli.simulate.books import Billed, Books, Sum
from models.ids import public_id
from models.ledger import Account

# One after the other, for as long as the longest simulation by the week, and then some.
_PERIODS_MAX = 1_000
_SHOWN_MAX = 5

Pauses = Sequence[tuple[datetime, datetime | None]]


class Verdict(NamedTuple):
    """A rule in words, and what breaks it; nothing where it holds."""

    rule: str
    broken: tuple[str, ...]


def check_books(books: Books, *, pauses: Mapping[str, Pauses], end: datetime) -> list[Verdict]:
    """Return each rule with what breaks it. `pauses` are those that customers asked for, by the subscription's public id."""
    return [
        Verdict("the trial balance is even, for each asset", tuple(_uneven(books))),
        Verdict(
            "what invoices say is paid is what payments brought",
            tuple(_differences(books.invoices_paid, books.payments)),
        ),
        Verdict("what is receivable is what open invoices say", tuple(_receivable(books))),
        Verdict("each period of each subscription has exactly one invoice", tuple(_periods(books, pauses, end))),
        Verdict("no subscription is parked", (f"{books.parked} are",) if books.parked else ()),
    ]


def expected_periods(billed: Billed, *, pauses: Pauses, end: datetime) -> list[datetime]:
    """Return the beginnings of the periods that a subscription owes an invoice for, by `end`.

    The first is that in which it is first to pay. One that begins in a pause owes nothing; nor does one that begins when, or
    after, the subscription has ended. What never was paid at first has its first invoice all the same, and no other.
    """
    cycle = Cycle(billed.anchor, billed.anchor_day, billed.interval)
    starts = [billed.first_paid]
    for number in range(1, _PERIODS_MAX):
        start = cycle.boundary(cycle.number_at(billed.first_paid) + number)
        if start > end:
            break
        starts.append(start)
    until = billed.ended_at
    never_began = billed.status == "expired" or (until is not None and until < billed.first_paid)
    if never_began:
        starts = starts[:1] if billed.first_paid == billed.begin else []
    return [start for start in starts if _is_owed(start, billed=billed, pauses=pauses)]


def _is_owed(start: datetime, *, billed: Billed, pauses: Pauses) -> bool:
    at_its_begin = start == billed.begin
    ended = billed.ended_at is not None and start >= billed.ended_at and not at_its_begin
    # A period that ends when a pause does goes on as paused only if the pause is still on: what resumes comes first.
    paused = any(since <= start and (until is None or start < until) for since, until in pauses)
    return not ended and not paused


def _uneven(books: Books) -> list[str]:
    assets = sorted({account.asset for account in books.accounts})
    sums = {
        asset: sum(account.debit - account.credit for account in books.accounts if account.asset == asset)
        for asset in assets
    }
    return [f"{asset} is out by {difference}" for asset, difference in sums.items() if difference]


def _differences(ours: Sequence[Sum], theirs: Sequence[Sum]) -> list[str]:
    by_currency = {each.currency: each.amount for each in theirs}
    others = {each.currency: each.amount for each in ours}
    return [
        f"{currency}: {others.get(currency, 0)} and {by_currency.get(currency, 0)}"
        for currency in sorted(others.keys() | by_currency.keys())
        if others.get(currency, 0) != by_currency.get(currency, 0)
    ]


def _receivable(books: Books) -> list[str]:
    booked = [
        Sum("receivable", account.asset, 0, account.debit - account.credit)
        for account in books.accounts
        if account.account == Account.RECEIVABLE
    ]
    return _differences(books.open_amounts, booked)


def _periods(books: Books, pauses: Mapping[str, Pauses], end: datetime) -> list[str]:
    broken = []
    for billed in books.billed:
        public = public_id("sub", billed.id)
        own = [(whole_seconds(since), until) for since, until in pauses.get(public, ())]
        if billed.paused_at is not None:
            own.append((billed.paused_at, None))
        expected = expected_periods(billed, pauses=own, end=end)
        missing, extra = set(expected) - set(billed.invoiced), set(billed.invoiced) - set(expected)
        twice = len(billed.invoiced) - len(set(billed.invoiced))
        if missing or extra or twice:
            days = [f"none for {day:%Y-%m-%d}" for day in sorted(missing)[:_SHOWN_MAX]]
            days += [f"one for {day:%Y-%m-%d} too many" for day in sorted(extra)[:_SHOWN_MAX]]
            broken.append(f"{public}: {', '.join([*days, *([f'{twice} twice'] if twice else [])])}")
    return broken
