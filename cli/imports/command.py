"""`billing import`: customers and subscriptions that another system has billed up to now."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar

import typer
from sqlalchemy.exc import IntegrityError

from billing.actor import OPERATOR_CLI
from billing.clock import utc_now
from billing.errors import BillingError, Unavailable
from billing.imports.customers import import_customers
from billing.imports.outcome import Outcome, RowReport
from billing.imports.run import ImportRow, Use, import_rows, once_each, try_rows
from billing.imports.subscriptions import import_subscriptions
from billing.imports.table import TableRow, TableUnreadable, read_table
from billing.runtime import Runtime
from billing.settings import settings
from billing.subscriptions.proration import Policy
from cli.database import command_runtime
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.imports.rows import (
    CUSTOMER_COLUMNS,
    CUSTOMER_REQUIRED,
    SUBSCRIPTION_COLUMNS,
    SUBSCRIPTION_REQUIRED,
    customer_rows,
    subscription_rows,
)
from cli.imports.stripe import stripe_subscription
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption
from cli.output import data, messages, print_json

Row = TypeVar("Row", bound=ImportRow)
Read = Callable[[BinaryIO], Iterator[Row | RowReport]]
FileArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A CSV file, in UTF-8.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would become of each line.")]
# A file may have far more lines than anybody reads; --json has them all.
REFUSED_SHOWN_MAX, OTHERS_SHOWN_MAX = 200, 50

app = typer.Typer(
    help="Import customers and subscriptions: from CSV files, or one that Stripe bills.",
    no_args_is_help=True,
    add_completion=False,
)
app.command("stripe-subscription", epilog="Example: billing import stripe-subscription sub_1Pgc76 --dry-run")(
    stripe_subscription
)


@app.command(epilog="Example: billing import customers customers.csv --dry-run")
def customers(
    *,
    file: FileArgument,
    dry_run: DryRunOption = False,
    test_clock: Annotated[
        str | None, typer.Option(help="In test mode: the clock on which to rehearse the import.")
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Import customers, each once: those whose external_id is there already are left as they are.

    The whole file is checked first, and nothing is imported when a line is refused. Exit code 1 when one is.
    """

    def read(opened: BinaryIO) -> Iterator[Any]:
        return customer_rows(read_table(opened, required=CUSTOMER_REQUIRED, optional=CUSTOMER_COLUMNS))

    with _runtime(data_dir) as runtime:
        use = partial(
            import_customers,
            test_clock=test_clock,
            livemode=runtime.settings.livemode,
            actor=OPERATOR_CLI,
            now=utc_now(),
        )
        _import(runtime, file, read=read, use=use, dry_run=dry_run, as_json=as_json)


@app.command(epilog="Example: billing import subscriptions subscriptions.csv --dry-run")
def subscriptions(
    *,
    file: FileArgument,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Import subscriptions of imported customers, each once. The present period is paid for already: the next one is billed.

    The whole file is checked first, and nothing is imported when a line is refused. Exit code 1 when one is.
    """

    def read(opened: BinaryIO) -> Iterator[Any]:
        rows: Iterable[TableRow] = read_table(opened, required=SUBSCRIPTION_REQUIRED, optional=SUBSCRIPTION_COLUMNS)
        return subscription_rows(rows, auto_renew=settings().AUTO_RENEW)

    with _runtime(data_dir) as runtime:
        use = partial(
            import_subscriptions,
            currency=runtime.settings.CURRENCY,
            policy=Policy(),
            actor=OPERATOR_CLI,
            now=utc_now(),
        )
        _import(runtime, file, read=read, use=use, dry_run=dry_run, as_json=as_json)


@contextmanager
def _runtime(data_dir: Path) -> Iterator[Runtime]:
    """Yield a runtime, and say what the use cases say of a refusal."""
    runtime = command_runtime(data_dir=data_dir)
    try:
        yield runtime
    except Unavailable as error:
        raise CommandFailure(
            error.detail,
            mend="see `billing status`; then import the same file again: it goes on where it was cut off",
            exit_code=ExitCode.OUTSIDE_SERVICE,
        ) from error
    except BillingError as error:
        raise CommandFailure(error.detail, mend="see `billing import customers --help`") from None
    except IntegrityError:
        raise CommandFailure(
            "somebody else wrote the same meanwhile",
            mend="import the same file again: it goes on where it was cut off",
        ) from None
    finally:
        runtime.close()


def _import(runtime: Runtime, file: Path, *, read: Read[Row], use: Use[Row], dry_run: bool, as_json: bool) -> None:
    """Try all lines; when none is refused, and it is no dry run, import them. Raises CommandFailure, typer.Exit."""
    tried = _reports(file, read=read, run=lambda rows: try_rows(runtime, rows, use), doing="checked")
    reports, is_refused = tried, any(report.refused for report in tried)
    if not dry_run and not is_refused:
        reports = _reports(file, read=read, run=lambda rows: import_rows(runtime, rows, use), doing="imported")
        is_refused = any(report.refused for report in reports)
    if as_json:
        written = not dry_run and reports is not tried
        print_json({"written": written, "lines": [_as_data(report, written=written) for report in reports]})
    else:
        _tell(reports, dry_run=dry_run, nothing_written=reports is tried)
    if is_refused:
        raise typer.Exit(ExitCode.FAILED)


def _reports(
    file: Path,
    *,
    read: Read[Row],
    run: Callable[[Iterator[Row | RowReport]], Iterator[list[RowReport]]],
    doing: str,
) -> list[RowReport]:
    """Return the report of each line, and tell of each batch how far it is. A file that cannot be read has one for its line."""
    reports: list[RowReport] = []
    try:
        with file.open("rb") as opened:
            for number, batch in enumerate(run(once_each(read(opened))), start=1):
                reports += batch
                if number > 1:
                    messages().print(f"… {len(reports):,} lines {doing}", style="dim")
    except TableUnreadable as error:
        raise CommandFailure(
            f"{file.name}, {error}; nothing is imported",
            mend="see docs/how-to/import-customers.md for the form of the file",
        ) from None
    return reports


def _tell(reports: list[RowReport], *, dry_run: bool, nothing_written: bool) -> None:
    refused = [report for report in reports if report.refused]
    others = [report for report in reports if not report.refused]
    for report in refused[:REFUSED_SHOWN_MAX]:
        for column, detail in report.faults:
            where = f"{column}: " if column else ""
            data().print(f"line {report.line}: refused: {where}{detail}", markup=False, soft_wrap=True)
    for report in others[:OTHERS_SHOWN_MAX]:
        said = f"{report.outcome}: {report.external_id} as {report.id}"
        if nothing_written and report.outcome is Outcome.CREATED:
            said = f"would be created: {report.external_id}"
        data().print(f"line {report.line}: {said}", markup=False, soft_wrap=True)
    left_out = max(0, len(refused) - REFUSED_SHOWN_MAX) + max(0, len(others) - OTHERS_SHOWN_MAX)
    if left_out:
        data().print(f"… and {left_out:,} lines more; --json has them all")
    counts = Counter(report.outcome for report in reports)
    names = {Outcome.CREATED: "to be created"} if nothing_written else {}
    said = ", ".join(f"{counts[outcome]:,} {names.get(outcome, outcome)}" for outcome in Outcome)
    if refused and nothing_written:
        said += "; nothing is imported before every line is right"
    elif dry_run:
        said += "; it was a dry run, nothing is imported"
    messages().print(said)


def _as_data(report: RowReport, *, written: bool) -> dict[str, Any]:
    return {
        "line": report.line,
        "external_id": report.external_id,
        "outcome": str(report.outcome),
        "id": None if report.outcome is Outcome.CREATED and not written else report.id,
        "faults": [fault._asdict() for fault in report.faults],
    }
