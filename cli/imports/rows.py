"""Rule: from a line of a CSV file to what is imported. A cell takes what the API's field of the same name takes."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints, ValidationError

from app.schemas.base import Currency, Instant, Metadata, PaymentMethodId, QueryString
from app.schemas.customers import AddressBody, CustomerDetails, Email
from app.schemas.subscriptions import Interval, PlanName, Quantity
from billing.customers.representation import ADDRESS_PARTS
from billing.imports.customers import CustomerRow
from billing.imports.outcome import RowReport, refused
from billing.imports.subscriptions import SubscriptionRow
from billing.imports.table import METADATA_PREFIX, Fault, TableRow
from billing.subscriptions.cycle import whole_seconds
from models.price import PriceInterval
from models.subscription import Collection

ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
DAYS_UNTIL_DUE = 30


def _as_instant(value: object) -> object:
    # A day alone is its first instant.
    return f"{value}T00:00:00Z" if isinstance(value, str) and len(value) == len("2026-01-31") else value


def _not_far_off(value: datetime) -> datetime:
    if not 2000 <= value.year <= 2999:
        raise ValueError("takes an instant from 2000 to 2999")
    return value.astimezone(UTC)


Moment = Annotated[Instant, BeforeValidator(_as_instant), AfterValidator(_not_far_off)]


class CustomerLine(QueryString):
    """The columns of a file of customers, beside those that the API has, too: the parts of the address and the details."""

    external_id: ExternalId
    email: Email
    gateway_customer_id: Annotated[str, StringConstraints(pattern=r"^cus_[A-Za-z0-9_]{1,96}$")] | None = None


class SubscriptionLine(QueryString):
    """The columns of a file of subscriptions."""

    customer: ExternalId
    plan: PlanName
    external_id: ExternalId | None = None
    status: Literal["active", "trialing"] = "active"
    interval: Interval = "month"
    quantity: Quantity = 1
    currency: Currency | None = None
    current_period_start: Moment
    billing_anchor_day: Annotated[int, Field(ge=1, le=31)] | None = None
    trial_end: Moment | None = None
    collection: Literal["automatic", "send_invoice"] = "automatic"
    days_until_due: Annotated[int, Field(ge=0, le=365)] = DAYS_UNTIL_DUE
    payment_method: PaymentMethodId | None = None
    auto_renew: bool | None = None
    metadata: Metadata = Field(default_factory=dict)


_DETAILS = tuple(name for name in CustomerDetails.model_fields if name != "address")
CUSTOMER_COLUMNS = (*CustomerLine.model_fields, *ADDRESS_PARTS, *(name for name in _DETAILS if name != "metadata"))
CUSTOMER_REQUIRED = ("external_id", "email")
SUBSCRIPTION_COLUMNS = tuple(name for name in SubscriptionLine.model_fields if name != "metadata")
SUBSCRIPTION_REQUIRED = ("customer", "plan", "current_period_start")

_EXAMPLES = {
    "email": "ada@example.com",
    "currency": "USD",
    "country": "DE",
    "locale": "de-DE",
    "timezone": "Europe/Berlin",
    "gateway_customer_id": "cus_NffrFeUfNV2Hib",
    "payment_method": "pm_1MqLiJLkdIwHu7ixUEgbFdYF",
}
Parsed = TypeVar("Parsed")


def customer_rows(rows: Iterable[TableRow]) -> Iterator[CustomerRow | RowReport]:
    """Yield each customer, or why the row is none."""
    return _each(rows, _customer)


def subscription_rows(rows: Iterable[TableRow], *, auto_renew: bool) -> Iterator[SubscriptionRow | RowReport]:
    """Yield each subscription, or why the row is none; `auto_renew` is the service's default."""
    return _each(rows, lambda row: _subscription(row, auto_renew=auto_renew))


class _RowFaulty(Exception):
    def __init__(self, *faults: Fault) -> None:
        super().__init__("the row cannot be imported")
        self.faults = faults


def _each(rows: Iterable[TableRow], parse: Callable[[TableRow], Parsed]) -> Iterator[Parsed | RowReport]:
    for row in rows:
        external_id = row.cells.get("external_id")
        try:
            yield refused(row.line, external_id, *row.faults) if row.faults else parse(row)
        except _RowFaulty as faulty:
            yield refused(row.line, external_id, *faulty.faults)


def _customer(row: TableRow) -> CustomerRow:
    cells = _nested(row.cells)
    models: tuple[type[BaseModel], ...] = (CustomerLine, AddressBody, CustomerDetails)
    faults: list[Fault] = []
    found: dict[str, Any] = {}
    for model, names in zip(models, (CustomerLine.model_fields, ADDRESS_PARTS, _DETAILS), strict=True):
        try:
            part = model.model_validate({name: cells[name] for name in names if name in cells})
        except ValidationError as error:
            faults += _faults(error)
        else:
            found |= part.model_dump(include=set(names))
    if faults:
        raise _RowFaulty(*faults)
    external_id, gateway_id = found.pop("external_id"), found.pop("gateway_customer_id")
    found["metadata_"] = found.pop("metadata")
    return CustomerRow(row.line, external_id, gateway_id, found)


def _subscription(row: TableRow, *, auto_renew: bool) -> SubscriptionRow:
    try:
        line = SubscriptionLine.model_validate(_nested(row.cells))
    except ValidationError as error:
        raise _RowFaulty(*_faults(error)) from None
    if line.status == "trialing" and line.trial_end is None:
        raise _RowFaulty(Fault("trial_end", "is needed for a trial: when it ends"))
    if line.status == "active" and line.trial_end is not None:
        raise _RowFaulty(Fault("trial_end", "is for a trial that still runs; the status of such a row is trialing"))
    return SubscriptionRow(
        line=row.line,
        external_id=line.external_id or f"{line.customer}/{line.plan}",
        customer=line.customer,
        plan=line.plan,
        interval=PriceInterval(line.interval),
        quantity=line.quantity,
        currency=line.currency,
        current_period_start=whole_seconds(line.current_period_start),
        billing_anchor_day=line.billing_anchor_day,
        trial_end=whole_seconds(line.trial_end) if line.trial_end else None,
        collection=Collection(line.collection),
        days_until_due=line.days_until_due,
        payment_method=line.payment_method,
        auto_renew=auto_renew if line.auto_renew is None else line.auto_renew,
        metadata=line.metadata,
    )


def _nested(cells: dict[str, str]) -> dict[str, Any]:
    """Return the cells with those of `metadata.…` as one dictionary."""
    metadata = {
        column.removeprefix(METADATA_PREFIX): text
        for column, text in cells.items()
        if column.startswith(METADATA_PREFIX)
    }
    plain = {column: text for column, text in cells.items() if not column.startswith(METADATA_PREFIX)}
    return {**plain, "metadata": metadata} if metadata else plain


def _faults(error: ValidationError) -> list[Fault]:
    return [
        Fault(str(fault["loc"][0]) if fault["loc"] else None, _said(fault["type"], fault["msg"], fault["loc"]))
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    ]


def _said(type_: str, message: str, place: tuple[int | str, ...]) -> str:
    """Return what is wrong for who reads a list of lines: an example says more than a pattern."""
    if type_ == "missing":
        return "is missing"
    if type_ == "string_pattern_mismatch" and place and place[0] in _EXAMPLES:
        return f"has not the form that it takes, as in {_EXAMPLES[str(place[0])]}"
    return message.removeprefix("Value error, ")
