"""The overview: the newest objects and deliveries, read only."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.currencies import format_amount
from sandbox.events.modes import read_mode
from sandbox.events.queue import count_held, list_deliveries
from sandbox.json_types import Json
from sandbox.pages.rendering import page
from sandbox.state.lists import ListQuery, read_page
from sandbox.wire.messages import Response
from sandbox.work import Work
from sandbox.workbench import Workbench

_ROWS_LIMIT = 20
_KINDS = (
    ("payment_intent", "Payment intents", ("amount", "status", "customer")),
    ("setup_intent", "Setup intents", ("status", "customer")),
    ("charge", "Charges", ("amount", "status", "failure_code")),
    ("refund", "Refunds", ("amount", "status", "charge")),
    ("dispute", "Disputes", ("amount", "status", "reason")),
    ("customer", "Customers", ("email", "name")),
    ("payment_method", "Payment methods", ("type", "customer")),
    ("webhook_endpoint", "Webhook endpoints", ("status", "url")),
    ("event", "Events", ("type",)),
)


@dataclass(frozen=True, slots=True)
class _Table:
    title: str
    total: str
    columns: tuple[str, ...]
    rows: list[list[str]]


def show_overview(*, workbench: Workbench) -> Response:
    """Return the page."""
    with workbench.work() as work:
        tables = [_objects(work, kind=kind, title=title, fields=fields) for kind, title, fields in _KINDS]
        tables.append(_deliveries(work))
        return page(
            template="overview.html",
            held=count_held(transaction=work.transaction),
            mode=read_mode(transaction=work.transaction).mode.value,
            tables=tables,
        )


def _objects(work: Work, *, kind: str, title: str, fields: tuple[str, ...]) -> _Table:
    found = read_page(transaction=work.transaction, query=ListQuery(kind=kind, limit=_ROWS_LIMIT))
    rows = [[item["id"], *(_cell(item, name) for name in fields), _time(item["created"])] for item in found.items]
    total = f"{len(rows)} newest" if found.has_more else str(len(rows))
    return _Table(title, total, ("id", *fields, "created"), rows)


def _deliveries(work: Work) -> _Table:
    found = list_deliveries(transaction=work.transaction, limit=_ROWS_LIMIT, event=None, state=None)
    rows = [
        [
            item.event,
            item.event_type,
            item.endpoint,
            item.state,
            str(item.attempts),
            item.error or str(item.status or ""),
        ]
        for item in found
    ]
    columns = ("event", "type", "endpoint", "state", "attempts", "answer")
    return _Table("Deliveries", str(len(rows)), columns, rows)


def _cell(item: Json, name: str) -> str:
    value = item.get(name)
    if name == "amount":
        return f"{format_amount(amount=item['amount'], currency=item['currency'])} {item['currency'].upper()}"
    return "" if value is None else str(value)


def _time(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")
