"""How the books of a simulation are told to people: figures, a chart of plain bars, and each rule with its verdict."""

from collections.abc import Sequence

from rich.table import Table

from cli.output import cross, data, speaks_unicode, tick
from cli.simulate.books import Books, Sum
from cli.simulate.checks import Verdict
from cli.simulate.report import as_data, bars, percent, shown


def tell_books(books: Books, verdicts: Sequence[Verdict], *, seconds: float) -> None:
    """Print the books."""
    figures = as_data(books, verdicts)
    churn, dunning, trials = figures["churn"], figures["dunning"], figures["trials"]
    _title("Subscriptions")
    _line("customers", f"{books.customers:,}")
    _line("now", _counts(books.subscriptions))
    _line("churn", f"{churn['canceled']:,} canceled, {percent(churn['rate'])} of all")
    _line(
        "trials",
        f"{trials['begun']:,} begun, {trials['converted']:,} paid afterwards ({percent(trials['conversion_rate'])})",
    )
    _line(
        "dunning",
        f"{dunning['cases']:,} cases: {_counts(books.dunning)}; recovered {percent(dunning['recovery_rate'])}",
    )
    _line("recovered", ", ".join(shown(each.amount, each.currency) for each in books.recovered) or "nothing")
    _title("Invoices")
    _table(
        ("status", "count", "total"), [(s.name, f"{s.number:,}", shown(s.amount, s.currency)) for s in books.invoices]
    )
    for currency in sorted({each.currency for each in books.collected}):
        _title(f"Collected by month, {currency}")
        _chart([each for each in books.collected if each.currency == currency])
    _title("Trial balance of these customers")
    _table(
        ("account", "asset", "debit", "credit"),
        [(a.account, a.asset, f"{a.debit:,}", f"{a.credit:,}") for a in books.accounts],
    )
    _title("Rules")
    for verdict in verdicts:
        mark = f"[red]{cross()}[/red]" if verdict.broken else f"[green]{tick()}[/green]"
        data().print(f"  {mark} {verdict.rule}")
        for what in verdict.broken:
            data().print(f"      {what}", markup=False, soft_wrap=True)
    data().print(f"\n{books.customers:,} customers in {seconds:.1f} s.")


def _chart(sums: Sequence[Sum]) -> None:
    for name, bar, amount in bars(sums, full="█" if speaks_unicode() else "#"):
        data().print(f"  {name} {bar} {amount}", markup=False, soft_wrap=True)


def _title(text: str) -> None:
    data().print(f"\n{text}", style="bold")


def _line(name: str, value: str) -> None:
    data().print(f"  {name:<10} {value}", markup=False, soft_wrap=True)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"


def _table(columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    table = Table(box=None, pad_edge=True, header_style="bold")
    for column in columns:
        table.add_column(column, justify="left" if column in {"status", "account", "asset"} else "right")
    for row in rows:
        table.add_row(*row)
    data().print(table)
