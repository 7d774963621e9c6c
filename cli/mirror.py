"""`billing mirror`: subscriptions that Stripe bills, as they are mirrored here."""

from typing import Annotated

import typer
from rich.progress import Progress, TextColumn
from rich.table import Table

from billing.actor import OPERATOR_CLI
from billing.clock import utc_now
from billing.errors import Unavailable
from billing.mirror.find import mirrored_subscriptions, represented_mirrors
from billing.mirror.sync import Synced, sync_mirrors
from cli.database import command_runtime, command_session
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption
from cli.output import data, may_animate, messages, print_json, tick
from models.mirror import MirroredSubscription
from models.subscription import SubscriptionStatus

LISTED_MAX = 1_000

app = typer.Typer(
    help="Subscriptions that Stripe bills: list, sync.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command("list", epilog="Example: billing mirror list --incomplete")
def list_(
    *,
    status: Annotated[SubscriptionStatus | None, typer.Option(help="Only subscriptions in this status.")] = None,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Only those whose customer or plan is not known here.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MAX, help="How many to show.")] = 20,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """List mirrored subscriptions, newest first, with what of ours each of them lacks."""
    query = mirrored_subscriptions(customer_id=None, status=status, plan=None)
    if incomplete:
        query = query.where(MirroredSubscription.customer_id.is_(None) | MirroredSubscription.plan_id.is_(None))
    with command_session(data_dir=data_dir) as session:
        found = session.scalars(query.order_by(MirroredSubscription.id.desc()).limit(limit)).all()
        shown = represented_mirrors(session, found)
        notes = [_note(mirror) for mirror in found]
    if as_json:
        print_json(shown)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("at Stripe", "status", "plan", "customer", "paid until", "note"):
        table.add_column(column, overflow="fold")
    for each, note in zip(shown, notes, strict=True):
        cells = (
            each["gateway_id"],
            each["gateway_status"],
            each["plan"],
            each["customer_id"],
            each["current_period_end"],
        )
        table.add_row(*(str(cell or "") for cell in cells), note)
    data().print(table)


@app.command(epilog="Example: billing mirror sync")
def sync(
    *,
    create_customers: Annotated[
        bool,
        typer.Option("--create-customers", help="Make a customer here of each who subscribes there and is unknown."),
    ] = False,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Fetch every subscription that has not ended at Stripe, and mirror it; harmless, however often.

    For those that were there before the webhooks were, and after a price or a customer became known.
    """
    runtime = command_runtime(data_dir=data_dir)
    try:
        with Progress(
            TextColumn("{task.completed} subscriptions"), console=messages(), disable=not may_animate()
        ) as bar:
            task = bar.add_task("", total=None)
            done = sync_mirrors(
                runtime,
                adds_customers=create_customers,
                actor=OPERATOR_CLI,
                now=utc_now,
                progress=lambda seen: bar.update(task, completed=seen),
            )
    except Unavailable as error:
        raise CommandFailure(
            error.detail, mend="try again later; see `billing doctor`", exit_code=ExitCode.OUTSIDE_SERVICE
        ) from error
    finally:
        runtime.close()
    if as_json:
        print_json(done._asdict())
        return
    messages().print(f"{tick()} {done.seen} subscriptions at Stripe are mirrored{_missing(done)}")


def _note(mirror: MirroredSubscription) -> str:
    notes = []
    if mirror.imported_as is not None:
        notes.append("imported")
    elif mirror.cancel_at_period_end:
        notes.append("ends with its period")
    if mirror.customer_id is None:
        notes.append(f"no customer here is {mirror.gateway_customer_id}: sync --create-customers")
    if mirror.plan_id is None:
        prices = ", ".join(str(item["price_id"]) for item in mirror.items)
        notes.append(f"no plan: set billing_plan in the metadata of {prices}, then sync")
    return "; ".join(notes)


def _missing(done: Synced) -> str:
    parts = []
    if done.without_customer:
        parts.append(f"{done.without_customer} of customers that are not known here")
    if done.without_plan:
        parts.append(f"{done.without_plan} without a plan of ours")
    return f"; {', '.join(parts)}: see `billing mirror list --incomplete`" if parts else ""
