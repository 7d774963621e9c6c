"""`billing catalog`: the catalog from a file and into one, and prices that are agreed on with a customer."""

import re
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from billing.actor import OPERATOR_CLI
from billing.catalog.apply import apply_catalog, catalog_changes
from billing.catalog.customer_price import agree_on_price
from billing.catalog.description import CatalogDescription
from billing.catalog.differences import Change
from billing.catalog.export import catalog_as_toml
from billing.catalog.file import read_catalog
from billing.catalog.present import present_catalog
from billing.catalog.price_text import price_text
from billing.catalog.pricing import PriceTerms
from billing.catalog.representation import price_representation
from billing.clock import utc_now
from billing.customers.find import find_customer
from billing.errors import BillingError
from cli.database import command_session
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption, JsonOption, YesOption
from cli.output import data, messages, print_json, tick
from models.price import BASE_COMPONENT, COMPONENT_PATTERN, PriceInterval, PriceScheme, TaxBehavior

app = typer.Typer(
    help="The catalog: apply a file, export one, agree on a customer's price.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command(epilog="Example: billing catalog apply catalog.toml --dry-run")
def apply(
    *,
    file: Annotated[
        Path, typer.Argument(help="The catalog as TOML; see docs/how-to/change-prices.md.", dir_okay=False)
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference and change nothing.")] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Make plans and coupons what a file says: shows the difference, asks, and writes all of it or nothing.

    A published version is never changed: new terms are a new version, which new customers get. Names, descriptions and what is
    offered change in place. What the file does not name stays as it is.
    """
    if as_json and not (yes or dry_run):
        raise CommandFailure(
            "--json does not ask", mend="add --yes to apply it, or --dry-run to see it", exit_code=ExitCode.USAGE
        )
    wanted = _read(file)
    try:
        with command_session(data_dir=data_dir) as session:
            changes = catalog_changes(session, wanted=wanted)
        applied = False
        if not as_json:
            _print(changes)
        if changes and not dry_run:
            if not yes:
                typer.confirm("Apply this?", abort=True, err=True)
            with command_session(data_dir=data_dir) as session:
                apply_catalog(session, wanted=wanted, shown=changes, actor=OPERATOR_CLI, now=utc_now())
            applied = True
    except BillingError as error:
        raise CommandFailure(error.detail, mend="nothing was changed; mend the file, and apply it again") from None
    if as_json:
        print_json({"applied": applied, "changes": [change._asdict() for change in changes]})
    elif applied:
        messages().print(f"{tick()} applied; see `billing plans list`")


@app.command(epilog="Example: billing catalog export > catalog.toml")
def export(*, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Print the catalog as a file that `billing catalog apply` takes: current versions, and coupons.

    Prices that were agreed on with a customer are not in it.
    """
    with command_session(data_dir=data_dir) as session:
        sys.stdout.write(catalog_as_toml(present_catalog(session)))


@app.command(
    "price-for",
    epilog="Example: billing catalog price-for cus_01h455vb4pex5vsknk084sn02q --plan enterprise --interval year "
    "--amount 1200000 --currency USD",
)
def price_for(
    *,
    customer: Annotated[str, typer.Argument(help="The customer's id, cus_…")],
    plan: Annotated[str, typer.Option(help="The plan's code or id.")],
    interval: Annotated[PriceInterval, typer.Option(help="What one price pays for.")],
    amount: Annotated[str, typer.Option(help="In minor units of the currency; may be below one: 0.25.")],
    currency: Annotated[str, typer.Option(help="ISO 4217: USD.")],
    scheme: Annotated[PriceScheme, typer.Option(help="flat, or per_unit: so much each.")] = PriceScheme.FLAT,
    component: Annotated[str, typer.Option(help="What of the plan it is the price of.")] = BASE_COMPONENT,
    version: Annotated[
        int | None, typer.Option(min=1, help="Of the plan's terms; the current one, unless given.")
    ] = None,
    tax_behavior: Annotated[TaxBehavior, typer.Option(help="Whether tax comes on top.")] = TaxBehavior.EXCLUSIVE,
    as_json: JsonOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Agree on a price with one customer: it counts before the list price, and before an earlier one of theirs."""
    terms = _terms(scheme=scheme, amount=amount, currency=currency.upper())
    if not re.fullmatch(COMPONENT_PATTERN, component):
        raise CommandFailure(f"{component!r} is no component", mend="give a word: base", exit_code=ExitCode.USAGE)
    try:
        with command_session(data_dir=data_dir) as session:
            price = agree_on_price(
                session,
                customer_id=find_customer(session, public=customer, own=None).id,
                plan=plan,
                version=version,
                component=component,
                interval=interval,
                terms=terms,
                tax_behavior=tax_behavior,
                actor=OPERATOR_CLI,
                now=utc_now(),
            )
            shown = price_representation(price)
    except BillingError as error:
        raise CommandFailure(error.detail, mend="see `billing plans list`") from None
    if as_json:
        print_json(shown)
        return
    said = price_text(terms, component=component, interval=interval, meter=None)
    messages().print(f"{tick()} {shown['id']}: {customer} pays {said} for {plan}", markup=False)


def _read(file: Path) -> CatalogDescription:
    try:
        return read_catalog(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailure(
            f"{file} cannot be read: {error}", mend="name a TOML file", exit_code=ExitCode.USAGE
        ) from None
    except BillingError as error:
        problem = "\n".join([f"{file} is no catalog:", *(f"  {fault.detail}" for fault in error.errors)])
        raise CommandFailure(
            problem if error.errors else f"{file}: {error.detail}",
            mend="see docs/how-to/change-prices.md, or begin with `billing catalog export`",
        ) from None


def _terms(*, scheme: PriceScheme, amount: str, currency: str) -> PriceTerms:
    try:
        return PriceTerms(scheme=scheme, currency=currency, unit_amount=Decimal(amount))
    except (InvalidOperation, ValueError) as error:
        problem = str(error) if isinstance(error, ValueError) else f"{amount!r} is no number"
        raise CommandFailure(
            problem, mend="give minor units, such as --amount 1200000 for 12,000.00 USD", exit_code=ExitCode.USAGE
        ) from None


def _print(changes: Sequence[Change]) -> None:
    if not changes:
        messages().print(f"{tick()} nothing to do: the catalog is what the file says")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("what", "field", "is", "becomes", "how"):
        table.add_column(column, overflow="fold")
    for change in changes:
        table.add_row(change.subject, change.field, change.before or "", change.after or "", change.how)
    data().print(table)
