"""`billing plans`: the catalog, as the database has it."""

from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import select

from billing.catalog.features import FeatureKind
from billing.catalog.find import PlanNotFound, find_plan, represented
from billing.catalog.price_text import price_text
from billing.catalog.pricing import PriceTerms, Tier
from billing.settings import settings
from cli.database import command_session
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption
from cli.output import data, print_json
from models.plan import Plan
from models.price import PriceInterval, PriceScheme

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
    for column in ("code", "name", "version", "prices", "credits a month", "trial", "offered"):
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
    facts = {"id": str(shown["id"]), "code": found.code, "kind": str(found.kind), "description": found.description}
    facts |= _facts(shown)
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
    roll_over = plan["credits_roll_over_max"]
    credits_ = "unlimited" if plan["credits_unlimited"] else f"{plan['credits_per_month']:,}"
    return {
        "version": str(plan["version"]),
        "prices": ", ".join(_price(price) for price in plan["prices"]) or "agreed on with each customer",
        "credits a month": f"{credits_}, up to {roll_over:,} carried over" if roll_over else credits_,
        "trial": f"{plan['trial_days']} days" if plan["trial_days"] else "none",
        "offered": "yes" if plan["active"] else "no",
    }


def _price(price: dict[str, Any]) -> str:
    terms = PriceTerms(
        scheme=PriceScheme(price["scheme"]),
        currency=price["currency"],
        unit_amount=None if price["unit_amount"] is None else Decimal(price["unit_amount"]),
        package_size=price["package_size"],
        tiers=tuple(
            Tier(tier["up_to"], Decimal(tier["unit_amount"]), Decimal(tier["flat_amount"]))
            for tier in price["tiers"] or ()
        ),
    )
    return price_text(
        terms, component=price["component"], interval=PriceInterval(price["interval"]), meter=price["meter"]
    )


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
