"""`billing clock`: test clocks: add one, move it and watch what it does, delete it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from billing.actor import OPERATOR_CLI
from billing.clock import utc_now
from billing.errors import BillingError, Unavailable
from billing.runtime import Runtime
from billing.settings import settings
from billing.test_clocks.advance import request_advance
from billing.test_clocks.create import create_clock
from billing.test_clocks.delete import delete_clock
from billing.test_clocks.find import clocks, customers_of, find_clock
from billing.test_clocks.mode import require_test_mode
from billing.test_clocks.representation import clock_representation
from cli.clock_times import TAKES, TimeNotUnderstood, read_instant, read_target
from cli.database import command_runtime, command_session
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption, YesOption
from cli.output import data, may_animate, messages, print_json, tick
from models.operation import Operation
from models.test_clock import TestClock

LISTED_MAX = 1_000
POLL_SECONDS = 0.3
# The workers do the work; when they do none for so long, the command stops watching.
IDLE_SECONDS_MAX = 60.0
ClockArgument = Annotated[str, typer.Argument(help="The clock's id, clock_…")]
Told = Callable[[dict[str, Any]], None]

app = typer.Typer(
    help="Test clocks: create, list, show, advance, delete. In test mode only.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command(epilog="Example: billing clock create --at 2026-01-31 --name january")
def create(
    *,
    at: Annotated[str, typer.Option(help="What time it is there; now, unless given.")] = "",
    name: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Add a clock. Time stands still there for the customers that are made on it (`POST /customers` with `test_clock`)."""
    with _refused(), command_session(data_dir=data_dir) as session:
        now = utc_now()
        clock = create_clock(
            session,
            frozen_time=read_instant(at) if at else now,
            name=name,
            livemode=settings().livemode,
            actor=OPERATOR_CLI,
            now=now,
        )
        shown = clock_representation(clock)
    if as_json:
        print_json(shown)
        return
    messages().print(f"{tick()} it is {shown['frozen_time']} on the new clock:")
    data().print(shown["id"], markup=False)


@app.command("list", epilog="Example: billing clock list --json")
def list_(*, as_json: JsonOption = False, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """List the clocks, newest first."""
    with _refused(), command_session(data_dir=data_dir) as session:
        require_test_mode(livemode=settings().livemode)
        found = session.scalars(clocks().order_by(TestClock.id.desc()).limit(LISTED_MAX)).all()
        listed = [clock_representation(clock) for clock in found]
    if as_json:
        print_json(listed)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "name", "time there", "status"):
        table.add_column(column, overflow="fold")
    for clock in listed:
        table.add_row(*(str(clock[name] or "") for name in ("id", "name", "frozen_time", "status")))
    data().print(table)


@app.command(epilog="Example: billing clock show clock_01h455vb4pex5vsknk084sn02q")
def show(*, clock_id: ClockArgument, as_json: JsonOption = False, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Show one clock: what time it is there, how many customers live in it and, while it advances, how far it has come."""
    with _refused(), command_session(data_dir=data_dir) as session:
        require_test_mode(livemode=settings().livemode)
        clock = find_clock(session, public=clock_id)
        shown, customers = clock_representation(clock), len(customers_of(session, clock_id=clock.id))
    if as_json:
        print_json({**shown, "customers": customers})
        return
    way: Any = shown["progress"]
    facts = {
        "id": shown["id"],
        "name": shown["name"] or "",
        "time there": shown["frozen_time"],
        "status": f"on its way to {way['to']}" if way else shown["status"],
        "customers": customers,
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for fact, value in facts.items():
        table.add_row(fact, str(value))
    data().print(table)


@app.command(epilog="Example: billing clock advance clock_01h455vb4pex5vsknk084sn02q +1m")
def advance(
    *,
    clock_id: ClockArgument,
    to: Annotated[str, typer.Argument(help=f"Where to: {TAKES}.")],
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Move a clock forward, and wait until all that falls due on the way is done.

    The workers do it; whoever stops this command stops nothing. Exit code 1 when the advance fails.
    """
    runtime = command_runtime(data_dir=data_dir)
    try:
        with _refused():
            with runtime.transaction() as session:
                at = find_clock(session, public=clock_id).frozen_time
                _, operation = request_advance(
                    session,
                    public=clock_id,
                    frozen_time=read_target(to, at=at),
                    livemode=settings().livemode,
                    actor=OPERATOR_CLI,
                    now=utc_now(),
                )
                operation_id = operation.id
            ended = _follow(runtime, operation_id)
    finally:
        runtime.close()
    outcome = ended.outcome_body or {}
    if ended.outcome_status != 200:
        raise CommandFailure(
            f"the clock stopped at {(ended.progress or {}).get('at')}: {outcome.get('detail')}",
            mend=f"see `billing logs`, then `billing clock advance {clock_id} …` goes on from there",
        )
    if as_json:
        print_json(outcome)
    else:
        messages().print(f"{tick()} it is {outcome['frozen_time']} there")


@app.command(epilog="Example: billing clock delete clock_01h455vb4pex5vsknk084sn02q --yes")
def delete(
    *,
    clock_id: ClockArgument,
    yes: YesOption = False,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Delete a clock and hide its customers. What was posted for them stays."""
    with _refused(), command_session(data_dir=data_dir) as session:
        require_test_mode(livemode=settings().livemode)
        clock = find_clock(session, public=clock_id)
        customers = len(customers_of(session, clock_id=clock.id))
        if not yes:
            typer.confirm(f"Delete {clock_id} and hide its {customers} customers?", abort=True, err=True)
        shown = clock_representation(delete_clock(session, public=clock_id, actor=OPERATOR_CLI, now=utc_now()))
    if as_json:
        print_json({**shown, "customers": customers})
    else:
        messages().print(f"{tick()} {clock_id} is deleted, {customers} customers are hidden")


@contextmanager
def _refused() -> Iterator[None]:
    """Say what the use case says of a refusal."""
    try:
        yield
    except TimeNotUnderstood as error:
        raise CommandFailure(str(error), mend="see `billing clock advance --help`", exit_code=ExitCode.USAGE) from None
    except Unavailable as error:
        raise CommandFailure(
            error.detail, mend="see `billing status`, and `billing doctor`", exit_code=ExitCode.OUTSIDE_SERVICE
        ) from error
    except BillingError as error:
        raise CommandFailure(error.detail, mend="see `billing clock list`") from None


def _follow(runtime: Runtime, operation_id: UUID) -> Operation:
    """Return the operation once it has its outcome, and tell meanwhile how far it has come."""
    with _telling() as tell:
        idle_since, last = time.monotonic(), None
        while time.monotonic() - idle_since < IDLE_SECONDS_MAX:
            with runtime.transaction() as session:
                operation = session.get_one(Operation, operation_id)
            progress = operation.progress or {}
            if progress != last:
                idle_since, last = time.monotonic(), progress
                tell(progress)
            if operation.finished_at is not None:
                return operation
            time.sleep(POLL_SECONDS)
    raise CommandFailure(
        f"the clock stands at {(last or {}).get('at')}: nobody moves it",
        mend="do the workers run? see `billing status`; they go on with it by themselves",
        exit_code=ExitCode.OUTSIDE_SERVICE,
    )


@contextmanager
def _telling() -> Iterator[Told]:
    """Yield what tells how far a clock has come: a bar for a person, a line for each stop elsewhere."""
    if not may_animate():
        yield lambda progress: messages().print(f"… {progress['at']}", style="dim")
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=messages(), transient=True) as bar:
        task = bar.add_task("", total=None)

        def tell(progress: dict[str, Any]) -> None:
            begun, target, at = (datetime.fromisoformat(progress[end]) for end in ("from", "to", "at"))
            done, total = (at - begun).total_seconds(), (target - begun).total_seconds()
            bar.update(task, description=progress["at"], completed=done, total=total)

        yield tell
