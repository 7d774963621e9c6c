"""`billing ledger`: prove that the books are whole, and post what they do not say yet."""

import typer

from billing.clock import utc_now
from billing.ledger.backfill import backfill as post_what_is_missing
from billing.ledger.verify import ClearingLine, Verdict, explain_clearing
from billing.ledger.verify import verify as run_checks
from billing.unit_of_work import DatabaseUnavailable
from cli.database import command_runtime, command_session
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption
from cli.output import cross, data, messages, print_json, tick

app = typer.Typer(help="The ledger: verify it, post what is missing.", no_args_is_help=True, add_completion=False)


@app.callback()
def group() -> None:
    """The ledger."""


@app.command(epilog="Example: billing ledger verify --json")
def verify(*, as_json: JsonOption = False, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Check that every entry balances and that the books say what payments, refunds and disputes say.

    Reads the whole ledger and changes nothing. Shows what the balance of gateway_clearing is made of. Exit code 1 when
    something differs.
    """
    verdicts: list[Verdict] = []
    with command_session(data_dir=data_dir) as session:
        for verdict in run_checks(session):
            verdicts.append(verdict)
            messages().print(f"… {len(verdicts)}: {verdict.check.name.replace('_', ' ')}", style="dim")
        clearing = explain_clearing(session)
    broken = [verdict for verdict in verdicts if verdict.violations]
    if as_json:
        print_json(_as_data(verdicts, clearing))
    else:
        _print(verdicts, clearing)
    if broken:
        raise CommandFailure(
            f"the ledger is not whole: {', '.join(verdict.check.name for verdict in broken)}",
            mend="where facts are not posted: `billing ledger backfill`; for the rest see docs/explanation/ledger.md",
            exit_code=ExitCode.FAILED,
        )


@app.command(epilog="Example: billing ledger backfill")
def backfill(*, as_json: JsonOption = False, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Post what payments, refunds and disputes have moved and the ledger does not say: facts from before it was there.

    Runs beside the service, in batches; however often it runs, nothing is posted twice.
    """
    runtime = command_runtime(data_dir=data_dir)
    payments = entries = 0
    try:
        for done in post_what_is_missing(runtime, now=utc_now()):
            payments, entries = payments + done.payments, entries + done.entries
            messages().print(f"… {payments} payments looked at, {entries} entries posted", style="dim")
    except DatabaseUnavailable as error:
        raise CommandFailure(
            "Postgres does not answer",
            mend="call it again: it goes on with what is missing",
            exit_code=ExitCode.OUTSIDE_SERVICE,
        ) from error
    finally:
        runtime.close()
    if as_json:
        print_json({"payments": payments, "entries": entries})
    else:
        messages().print(f"{tick()} {payments} payments looked at, {entries} entries posted")


def _as_data(verdicts: list[Verdict], clearing: list[ClearingLine]) -> dict[str, object]:
    return {
        "whole": not any(verdict.violations for verdict in verdicts),
        "checks": [
            {
                "name": verdict.check.name,
                "rule": verdict.check.rule,
                "violations": [violation._asdict() for violation in verdict.violations],
                "more": verdict.more,
            }
            for verdict in verdicts
        ],
        "gateway_clearing": [line._asdict() for line in clearing],
    }


def _print(verdicts: list[Verdict], clearing: list[ClearingLine]) -> None:
    for verdict in verdicts:
        mark = f"[red]{cross()}[/red]" if verdict.violations else f"[green]{tick()}[/green]"
        data().print(f"{mark} {verdict.check.rule}")
        for violation in verdict.violations:
            data().print(f"  {violation.subject}: {violation.detail}", markup=False)
        if verdict.more:
            data().print("  … and more")
    for asset in sorted({line.asset for line in clearing}):
        lines = [line for line in clearing if line.asset == asset]
        parts = ", ".join(f"{line.kind} {line.amount}" for line in lines)
        data().print(f"gateway_clearing {asset}: {sum(line.amount for line in lines)} = {parts}", markup=False)
