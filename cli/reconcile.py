"""`billing reconcile`: compare our rows with the gateway's objects, and settle what differs."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from billing.actor import OPERATOR_CLI
from billing.clock import utc_now
from billing.errors import BillingError, Unavailable
from billing.reconciliation.find import differences_of, open_differences, tallies
from billing.reconciliation.representation import difference_representation, run_representation
from billing.reconciliation.run import (
    CATCH_UP_MAX,
    NIGHTLY_WINDOW,
    SETTLING_TIME,
    ReconciliationUnderWay,
    advance_run,
    begin_run,
)
from billing.reconciliation.settle import dismiss_difference, mend_difference
from billing.runtime import Runtime
from cli.database import command_runtime, command_session
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption
from cli.output import data, messages, print_json, tick
from models.reconciliation import DifferenceState, ReconciliationDifference, ReconciliationRun, RunStatus

SHOWN_MAX = 1_000
POLL_SECONDS = 0.5
IDLE_POLLS_MAX = 600
DifferenceArgument = Annotated[str, typer.Argument(help="The difference's id, diff_…")]

app = typer.Typer(add_completion=False)


@app.callback(invoke_without_command=True, epilog="Example: billing reconcile --since-days 3")
def reconcile(
    context: typer.Context,
    *,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Compare what was created from this day on, UTC.")
    ] = None,
    since_days: Annotated[
        int, typer.Option(min=1, max=CATCH_UP_MAX.days, help="How far back, where --since names no day.")
    ] = NIGHTLY_WINDOW.days,
    lag_minutes: Annotated[
        int, typer.Option(min=0, max=1_440, help="Leave out the newest: it may be on its way still.")
    ] = int(SETTLING_TIME.total_seconds() // 60),
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Compare with Stripe, mend what is safe, and show what is left. Exit code 1 when a difference stays open.

    Beat does the same each night. A missed webhook is made good; amounts, unknown objects and lost calls wait for a person.
    """
    if context.invoked_subcommand is not None:
        return
    now = utc_now()
    until = now - timedelta(minutes=lag_minutes)
    begins = since.replace(tzinfo=UTC) if since is not None else until - timedelta(days=since_days)
    if begins >= until:
        raise CommandFailure("there is nothing between --since and now", mend="name an earlier day")
    runtime = command_runtime(data_dir=data_dir)
    try:
        with runtime.transaction() as session:
            run_id = begin_run(session, since=begins, until=until, actor=OPERATOR_CLI, now=now).id
        run = _follow(runtime, run_id)
        with runtime.transaction() as session:
            query = differences_of(run.id).order_by(ReconciliationDifference.id).limit(SHOWN_MAX)
            found = session.scalars(query).all()
            tally = tallies(session, run_ids=[run.id])[run.id]
    except ReconciliationUnderWay as error:
        raise CommandFailure(error.detail, mend="see GET /reconciliation/runs, then try again") from None
    except Unavailable as error:
        raise _outside(error) from error
    finally:
        runtime.engine.dispose()
    shown = run_representation(run, tally=tally)
    if as_json:
        print_json({**shown, "differences": [difference_representation(difference) for difference in found]})
    else:
        _print_differences(found)
        _print_summary(run, found=tally.found, still_open=tally.still_open)
    if run.status is RunStatus.FAILED or tally.still_open:
        raise typer.Exit(ExitCode.FAILED)


@app.command("list", epilog="Example: billing reconcile list --json")
def list_(*, as_json: JsonOption = False, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """List the differences that are open, oldest first, without a new comparison."""
    with command_session(data_dir=data_dir) as session:
        found = session.scalars(open_differences().order_by(ReconciliationDifference.id).limit(SHOWN_MAX)).all()
    if as_json:
        print_json([difference_representation(difference) for difference in found])
        return
    _print_differences(found)


@app.command(epilog="Example: billing reconcile mend diff_01h455vb4pex5vsknk084sn02q")
def mend(
    *,
    difference_id: DifferenceArgument,
    as_not_made: Annotated[
        bool, typer.Option("--as-not-made", help="State that a call never reached Stripe; nothing is charged.")
    ] = False,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Look at a difference again and mend it; a call of which nobody knows what came is looked up and settled."""
    runtime = command_runtime(data_dir=data_dir)
    try:
        mended = mend_difference(
            runtime, public=difference_id, as_not_made=as_not_made, actor=OPERATOR_CLI, now=utc_now
        )
    except Unavailable as error:
        raise _outside(error) from error
    except BillingError as error:
        raise CommandFailure(error.detail, mend="see `billing reconcile list`, and docs/how-to/reconcile.md") from None
    finally:
        runtime.engine.dispose()
    _print_settled(mended, as_json=as_json)


@app.command(epilog='Example: billing reconcile dismiss diff_01h455vb4pex5vsknk084sn02q --reason "made by hand"')
def dismiss(
    *,
    difference_id: DifferenceArgument,
    reason: Annotated[str, typer.Option(help="Why it may stay as it is; kept with it, and in the audit log.")],
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Accept a difference as it is. It comes back when one of the sides changes."""
    if not reason.strip():
        raise CommandFailure("a dismissal needs a reason", mend="say in --reason why the difference may stay")
    with command_session(data_dir=data_dir) as session:
        try:
            dismissed = dismiss_difference(
                session, public=difference_id, reason=reason, actor=OPERATOR_CLI, now=utc_now()
            )
        except BillingError as error:
            raise CommandFailure(error.detail, mend="see `billing reconcile list`") from None
    _print_settled(dismissed, as_json=as_json)


def _follow(runtime: Runtime, run_id: UUID) -> ReconciliationRun:
    """Do the run's slices, beside a worker that may do some of them, and say which part is under way."""
    idle, told = 0, None
    while idle < IDLE_POLLS_MAX:
        ends = advance_run(runtime, now=utc_now)
        with runtime.transaction() as session:
            run = session.get_one(ReconciliationRun, run_id)
        if run.status is not RunStatus.RUNNING:
            return run
        if run.step != told:
            told = run.step
            messages().print(f"… {str(run.step).replace('_', ' ')}", style="dim")
        if not ends["advanced"]:
            idle += 1
            time.sleep(POLL_SECONDS)
    raise CommandFailure(
        f"the run waits: {run.last_error or 'a worker holds it'}",
        mend="the workers go on with it; see GET /reconciliation/runs",
        exit_code=ExitCode.OUTSIDE_SERVICE,
    )


def _outside(error: Unavailable) -> CommandFailure:
    return CommandFailure(
        error.detail, mend="try again later; see `billing doctor`", exit_code=ExitCode.OUTSIDE_SERVICE
    )


def _print_differences(found: Sequence[ReconciliationDifference]) -> None:
    if not found:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "object", "kind", "ours", "theirs", "state", "mend"):
        table.add_column(column, overflow="fold")
    for difference in found:
        shown = difference_representation(difference)
        table.add_row(
            str(shown["id"]),
            difference.subject,
            str(difference.kind),
            _facts(difference.ours),
            _facts(difference.theirs),
            str(difference.state),
            str(difference.mend),
        )
    data().print(table)


def _facts(facts: dict[str, object] | None) -> str:
    """Return one side in few words: `succeeded 2900 USD`."""
    if facts is None:
        return "none"
    named = [facts.get(name) for name in ("call", "type", "status", "amount", "currency")]
    return " ".join(str(value) for value in named if value is not None)


def _print_summary(run: ReconciliationRun, *, found: int, still_open: int) -> None:
    for currency, totals in sorted(run.totals.items()):
        difference = totals["compared_amount"] - totals["our_amount"]
        messages().print(
            f"  {currency}: {totals['transactions']} movements, {totals['amount']} in all, {totals['fee']} fees, "
            f"{totals['net']} net; differs from ours by {difference} (minor units)"
        )
    if run.status is RunStatus.FAILED:
        messages().print(f"the run failed: {run.last_error}", style="bold red", markup=False)
        return
    compared = sum(number for name, number in run.counts.items() if name != "in_flight")
    mark = tick() if not still_open else "!"
    messages().print(f"{mark} {compared} objects compared, {found} differences found, {still_open} of them open")


def _print_settled(difference: ReconciliationDifference, *, as_json: bool) -> None:
    shown = difference_representation(difference)
    if as_json:
        print_json(shown)
        return
    verb = "mended" if difference.state is DifferenceState.MENDED else "dismissed"
    messages().print(f"{tick()} {shown['id']} is {verb}: {difference.reason}", markup=False)
