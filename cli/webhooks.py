"""`billing webhooks`: the inbox: what the gateway sent, what became of it, handling it again, fetching what never came."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import select

from billing.actor import OPERATOR_CLI
from billing.clock import utc_now
from billing.errors import Conflict, NotFound, Unavailable
from billing.webhooks.replay import event_representation, find_event, replay_event
from billing.webhooks.resync import resync_events
from cli.database import command_runtime, command_session
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption
from cli.output import data, messages, print_json, tick
from models.inbox_event import InboxEvent, InboxStatus

LISTED_MAX = 1_000

app = typer.Typer(help="The webhook inbox: list, show, replay, resync.", no_args_is_help=True, add_completion=False)


@app.command("list", epilog="Example: billing webhooks list --status dead")
def list_(
    *,
    status: Annotated[InboxStatus | None, typer.Option(help="Only events in this state.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only events of this type.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MAX, help="How many to show.")] = 20,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """List stored events, newest first."""
    query = select(InboxEvent).order_by(InboxEvent.id.desc()).limit(limit)
    if status is not None:
        query = query.where(InboxEvent.status == status)
    if type_ is not None:
        query = query.where(InboxEvent.type == type_)
    with command_session(data_dir=data_dir) as session:
        events = [event_representation(event, with_payload=False) for event in session.scalars(query)]
    if as_json:
        print_json(events)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "type", "status", "received", "result or last error"):
        table.add_column(column)
    for event in events:
        note = event["result"] or event["last_error"] or ""
        table.add_row(
            *(str(cell) for cell in (event["id"], event["type"], event["status"], event["received_at"], note))
        )
    data().print(table)


@app.command(epilog="Example: billing webhooks show evt_1Pgc76")
def show(
    *,
    event_id: Annotated[str, typer.Argument(help="The event's id, evt_…")],
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Show one event with its payload, as JSON."""
    with command_session(data_dir=data_dir) as session:
        try:
            shown = event_representation(find_event(session, external_id=event_id), with_payload=True)
        except NotFound as error:
            raise CommandFailure(error.detail, mend="see `billing webhooks list`") from None
    print_json(shown)


@app.command(epilog="Example: billing webhooks resync --since-days 3")
def resync(
    *,
    since_days: Annotated[int, typer.Option(min=1, max=30, help="How far back; Stripe lists 30 days.")] = 3,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Fetch the events that never came, and have them handled; harmless, however often."""
    runtime = command_runtime(data_dir=data_dir)
    try:
        done = resync_events(runtime, since=utc_now() - timedelta(days=since_days), now=utc_now)
    except Unavailable as error:
        raise CommandFailure(
            error.detail, mend="try again later; see `billing doctor`", exit_code=ExitCode.OUTSIDE_SERVICE
        ) from error
    if as_json:
        print_json(done._asdict())
        return
    messages().print(f"{tick()} {done.listed} events listed, {done.stored} of them had never come")


@app.command(epilog="Example: billing webhooks replay evt_1Pgc76")
def replay(
    *,
    event_id: Annotated[str, typer.Argument(help="The event's id, evt_…")],
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Have a stored event handled again; harmless, however often."""
    with command_session(data_dir=data_dir) as session:
        try:
            event = replay_event(session, external_id=event_id, actor=OPERATOR_CLI, now=utc_now())
        except (NotFound, Conflict) as error:
            raise CommandFailure(error.detail, mend="see `billing webhooks list`") from None
        shown = event_representation(event, with_payload=False)
    if as_json:
        print_json(shown)
        return
    messages().print(f"{tick()} {event_id} will be handled again")
