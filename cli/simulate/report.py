"""Rule: how the books of a simulation look: for people with a chart, for programs as data."""

from collections.abc import Sequence
from typing import Any

from cli.simulate.behavior import Offer
from cli.simulate.books import Books, Sum
from cli.simulate.checks import Verdict
from models.money import minor_unit_exponent

BAR_WIDTH = 40


def as_data(books: Books, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the books for programs: the same for the same seed. Amounts are in minor units."""
    begun = sum(books.subscriptions.values())
    canceled = books.subscriptions.get("canceled", 0)
    opened = sum(books.dunning.values())
    return {
        "customers": books.customers,
        "subscriptions": books.subscriptions,
        "invoices": [_named("status", each) for each in books.invoices],
        "collected": [_named("month", each) for each in books.collected],
        "collected_total": [{"currency": each.currency, "amount": each.amount} for each in books.payments],
        "churn": {
            "canceled": canceled,
            "rate": _share(canceled, begun),
            "by_month": [{"month": month, "canceled": count} for month, count in books.churn],
        },
        "dunning": {
            "cases": opened,
            **books.dunning,
            "recovery_rate": _share(books.dunning.get("recovered", 0), opened - books.dunning.get("open", 0)),
            "recovered_amounts": [{"currency": each.currency, "amount": each.amount} for each in books.recovered],
        },
        "trials": {**books.trials._asdict(), "conversion_rate": _share(books.trials.converted, books.trials.begun)},
        "trial_balance": [account._asdict() for account in books.accounts],
        "checks": [
            {"rule": verdict.rule, "holds": not verdict.broken, "broken": list(verdict.broken)} for verdict in verdicts
        ],
    }


def bars(sums: Sequence[Sum], *, full: str, width: int = BAR_WIDTH) -> list[tuple[str, str, str]]:
    """Return a line of the chart for each sum of one currency: its name, a bar of `full`, and the amount."""
    greatest = max((each.amount for each in sums), default=0)
    return [
        (
            each.name,
            full * (round(width * each.amount / greatest) if greatest else 0),
            shown(each.amount, each.currency),
        )
        for each in sums
    ]


def shown(amount: int, currency: str) -> str:
    """Return an amount as people write it: `12,345.60 USD`."""
    exponent = minor_unit_exponent(currency)
    sign, digits = "-" * (amount < 0), str(abs(amount)).rjust(exponent + 1, "0")
    whole, part = (digits[:-exponent], digits[-exponent:]) if exponent else (digits, "")
    return f"{sign}{int(whole):,}{'.' if part else ''}{part} {currency}"


def percent(share: str | None) -> str:
    """Return a share for people: `12.5 %`, or a dash where there is nothing to divide by."""
    return "-" if share is None else f"{float(share) * 100:.1f} %"


def offers_of(plans: Sequence[Any]) -> list[Offer]:
    """Return what `GET /plans` offers at a list price by the month or the year, in the catalog's order."""
    return [
        Offer(
            plan=plan["code"],
            interval=price["interval"],
            currency=price["currency"],
            free=price["scheme"] == "flat" and price["amount"] == 0,
            per_unit=price["scheme"] != "flat",
        )
        for plan in plans
        if plan["kind"] == "plan" and plan["active"]
        for price in plan["prices"]
        if price["component"] == "base" and price["meter"] is None and price["interval"] in {"month", "year"}
        if price["tax_behavior"] == "exclusive"
    ]


def _named(name: str, each: Sum) -> dict[str, Any]:
    return {name: each.name, "currency": each.currency, "count": each.number, "amount": each.amount}


def _share(part: int, of: int) -> str | None:
    return None if not of else f"{part / of:.4f}"
