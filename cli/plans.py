"""`billing plans`: the catalog, as the database has it."""

from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import select

from billing.catalog.features import FeatureKind
from billing.catalog.find import PlanNotFound, find_plan, represented
from billing.settings import settings
from cli.database import command_session
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption
from cli.output import data, print_json
from models.money import minor_unit_exponent
from models.plan import Plan

SHOWN_MAX = 1_000

app = typer.Typer(help="The catalog of plans: list, show.", no_args_is_help=True, add_completion=False)


@app.command("list", epilog="Example: billing plans list --json")
def list_(*, as_json: JsonOption = False, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """List all plans, also those that are not offered any more."""
    with command_session(data_dir=data_dir) as session:
        found = session.scalars(select(Plan).order_by(Plan.position, Plan.id).limit(SHOWN_MAX)).all()
        plans = represented(session, found, trial_days_default=settings().TRIAL_PERIOD_DAYS)
    if as_json:
        print_json(plans)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("code", "name", "prices", "credits a month", "trial", "offered"):
        table.add_column(column, overflow="fold")
    for plan in plans:
        table.add_row(str(plan["code"]), str(plan["name"]), *_facts(plan).values())
    data().print(table)


@app.command(epilog="Example: billing plans show pro")
def show(
    *,
    plan: Annotated[str, typer.Argument(help="The plan's code, or its id, plan_…")],
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Show one plan: what it costs, and what it holds of each feature."""
    with command_session(data_dir=data_dir) as session:
        try:
            found = find_plan(session, named=plan)
        except PlanNotFound as error:
            raise CommandFailure(error.detail, mend="see `billing plans list`") from None
        (shown,) = represented(session, [found], trial_days_default=settings().TRIAL_PERIOD_DAYS)
    if as_json:
        print_json(shown)
        return
    facts = {"id": str(shown["id"]), "code": found.code, "description": found.description, **_facts(shown)}
    features: Any = shown["features"]
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, value)
    for feature in features:
        table.add_row(feature["feature"], _allowed(feature))
    data().print(table)


def _facts(plan: dict[str, Any]) -> dict[str, str]:
    """Return what a plan costs and gives, by what it is called, for people."""
    prices = [
        f"{Decimal(price['amount']).scaleb(-minor_unit_exponent(price['currency']))} {price['currency']} a {price['interval']}"
        for price in plan["prices"]
    ]
    return {
        "prices": ", ".join(prices) or "agreed on with each customer",
        "credits a month": "unlimited" if plan["credits_unlimited"] else f"{plan['credits_per_month']:,}",
        "trial": f"{plan['trial_days']} days" if plan["trial_days"] else "none",
        "offered": "yes" if plan["active"] else "no",
    }


def _allowed(feature: dict[str, Any]) -> str:
    """Return what a plan allows of one feature in few words: `100 a month`."""
    if feature["unlimited"]:
        return "unlimited"
    match feature["kind"]:
        case FeatureKind.TEXT:
            return feature["value"] or "none"
        case FeatureKind.COUNTED:
            return f"{feature['limit']:,} a month"
        case FeatureKind.SIZE:
            return f"{feature['limit']:,} bytes"
        case _:
            return f"{feature['limit']:,} at once"
