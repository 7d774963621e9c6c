"""Lines that wait for a subscription's next invoice: reading them, adding them, and noting which invoice took them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from billing.invoicing.draft import Line
from billing.invoicing.issue import line_values
from billing.subscriptions.cycle import Period
from billing.subscriptions.proration import Share
from models.ids import new_id
from models.invoice import PendingLine
from models.subscription import Subscription


def pending_lines_of_each(session: Session, *, subscription_ids: Collection[UUID]) -> dict[UUID, list[Line]]:
    """Return what waits for the next invoice of each subscription, oldest first; one query for all of them."""
    found: dict[UUID, list[Line]] = {subscription_id: [] for subscription_id in subscription_ids}
    query = (
        select(PendingLine)
        .where(PendingLine.subscription_id.in_(subscription_ids), PendingLine.invoice_id.is_(None))
        .order_by(PendingLine.id)
    )
    for row in session.scalars(query):
        found[row.subscription_id].append(_line(row))
    return found


def add_pending_lines(session: Session, subscription: Subscription, lines: Sequence[Line], *, at: datetime) -> None:
    """Let lines wait for the subscription's next invoice. The caller holds the subscription's lock."""
    session.add_all(
        PendingLine(
            id=new_id(),
            subscription_id=subscription.id,
            **line_values(line, currency=subscription.currency),
            created_at=at,
        )
        for line in lines
    )


def take_pending_lines(session: Session, invoice_of: Mapping[UUID, UUID]) -> None:
    """Note that an invoice has taken what waited for it, by subscription. The caller holds the subscriptions' locks."""
    for subscription_id, invoice_id in invoice_of.items():
        session.execute(
            update(PendingLine)
            .where(PendingLine.subscription_id == subscription_id, PendingLine.invoice_id.is_(None))
            .values(invoice_id=invoice_id)
        )


def _line(row: PendingLine) -> Line:
    return Line(
        kind=row.kind,
        description=row.description,
        quantity=row.quantity,
        amount_minor=row.amount_minor,
        discount_minor=row.discount_minor,
        formula=row.formula,
        period=Period(row.period_start, row.period_end) if row.period_start and row.period_end else None,
        price_id=row.price_id,
        item_id=row.subscription_item_id,
        share=Share(row.share_parts, row.share_of)
        if row.share_parts is not None and row.share_of is not None
        else None,
    )
