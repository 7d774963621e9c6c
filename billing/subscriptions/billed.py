"""Reading what was billed for a subscription's items in its present period: what is given back is computed against it."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from billing.subscriptions.cycle import Period
from billing.subscriptions.lines import Billed
from billing.subscriptions.proration import Share
from models.credit_note import CreditNoteLine
from models.invoice import Invoice, InvoiceLine, InvoiceStatus, LineKind, PendingLine

_CHARGES = (LineKind.RECURRING, LineKind.PRORATION_CHARGE)
# Of an invoice that nobody will pay nothing is given back.
_WORTH_NOTHING = (InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE)


def billed_in(session: Session, *, item_ids: Sequence[UUID], period: Period) -> dict[UUID, list[Billed]]:
    """Return what was billed for each item in a period, less discounts and credit notes; also what waits to be."""
    found: dict[UUID, list[Billed]] = defaultdict(list)
    taken_back = (
        select(func.coalesce(func.sum(CreditNoteLine.amount_minor), 0))
        .where(
            CreditNoteLine.invoice_id == InvoiceLine.invoice_id, CreditNoteLine.line_position == InvoiceLine.position
        )
        .scalar_subquery()
    )
    invoiced = (
        select(InvoiceLine, InvoiceLine.amount_minor - InvoiceLine.discount_minor - taken_back)
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .where(Invoice.status.not_in(_WORTH_NOTHING), _charged(InvoiceLine, item_ids, period))
        .order_by(InvoiceLine.invoice_id, InvoiceLine.position)
    )
    waiting = (
        select(PendingLine, PendingLine.amount_minor - PendingLine.discount_minor)
        .where(PendingLine.invoice_id.is_(None), _charged(PendingLine, item_ids, period))
        .order_by(PendingLine.id)
    )
    for line, billed in (*session.execute(invoiced), *session.execute(waiting)):
        if line.subscription_item_id is not None and line.share_parts is not None and line.share_of is not None:
            share = Share(line.share_parts, line.share_of)
            found[line.subscription_item_id].append(Billed(int(billed), share))
    return found


def _charged(
    table: type[InvoiceLine] | type[PendingLine], item_ids: Sequence[UUID], period: Period
) -> ColumnElement[bool]:
    return and_(
        table.subscription_item_id.in_(item_ids),
        table.kind.in_(_CHARGES),
        table.period_start >= period.start,
        table.period_end <= period.end,
    )
