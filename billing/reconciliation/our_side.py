"""Reading our side of a comparison: the rows that a page of the gateway's objects is about, and what is still in flight."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from billing.gateways.snapshots import BalanceEntrySnapshot, DisputeSnapshot, IntentSnapshot, RefundSnapshot
from billing.payments.representation import PREFIX, REFUND_PREFIX
from models.dispute import Dispute
from models.ids import MalformedId, row_id
from models.mirror import MirroredSubscription
from models.operation import Operation
from models.payment import Payment
from models.refund import Refund

_RESOURCES = ("payment", "refund", "dispute", "invoice", "subscription", "credit_note")


def payments_of(session: Session, *, intents: Sequence[IntentSnapshot]) -> dict[str, Payment]:
    """Return our payments by the intents' ids: those that name the intent, else those that the intent names."""
    named = {intent.id: _named(PREFIX, intent.metadata.get("payment_id")) for intent in intents}
    found = session.scalars(
        select(Payment).where(
            or_(Payment.gateway_id.in_(named), Payment.id.in_([row for row in named.values() if row is not None]))
        )
    ).all()
    by_gateway = {payment.gateway_id: payment for payment in found if payment.gateway_id is not None}
    by_row = {payment.id: payment for payment in found}
    ours = {intent: by_gateway.get(intent) or (by_row.get(row) if row else None) for intent, row in named.items()}
    return {intent: payment for intent, payment in ours.items() if payment is not None}


def billed_by_stripe(session: Session, *, customers: Collection[str | None]) -> set[str]:
    """Return those of the gateway's customers that have a mirrored subscription: what they pay to Stripe Billing is none of ours.

    A payment that we made for them names our row, and is compared as ever.
    """
    named = {customer for customer in customers if customer}
    query = select(MirroredSubscription.gateway_customer_id).where(MirroredSubscription.gateway_customer_id.in_(named))
    return set(session.scalars(query.distinct())) if named else set()


def refunds_of_page(session: Session, *, refunds: Sequence[RefundSnapshot]) -> dict[str, Refund]:
    """Return our refunds by the gateway's ids, as `payments_of` does."""
    named = {refund.id: _named(REFUND_PREFIX, refund.metadata.get("refund_id")) for refund in refunds}
    found = session.scalars(
        select(Refund).where(
            or_(Refund.gateway_id.in_(named), Refund.id.in_([row for row in named.values() if row is not None]))
        )
    ).all()
    by_gateway = {refund.gateway_id: refund for refund in found if refund.gateway_id is not None}
    by_row = {refund.id: refund for refund in found}
    ours = {theirs: by_gateway.get(theirs) or (by_row.get(row) if row else None) for theirs, row in named.items()}
    return {theirs: refund for theirs, refund in ours.items() if refund is not None}


def disputes_of_page(session: Session, *, disputes: Sequence[DisputeSnapshot]) -> dict[str, Dispute]:
    """Return our disputes by the gateway's ids."""
    found = session.scalars(select(Dispute).where(Dispute.gateway_id.in_([dispute.id for dispute in disputes])))
    return {dispute.gateway_id: dispute for dispute in found}


def known_intents(session: Session, *, intents: Collection[str | None]) -> dict[str, Payment]:
    """Return our payments by the ids of their intents."""
    found = session.scalars(select(Payment).where(Payment.gateway_id.in_([intent for intent in intents if intent])))
    return {payment.gateway_id: payment for payment in found if payment.gateway_id is not None}


def sources_of(
    session: Session, *, entries: Sequence[BalanceEntrySnapshot]
) -> dict[str, Payment | Refund | Dispute | None]:
    """Return, by the ids of balance transactions, the rows of ours that they came from."""
    sources = [entry.source for entry in entries if entry.source is not None]
    ids = [source.id for source in sources]
    payments = known_intents(session, intents=[source.payment_intent for source in sources])
    rows: dict[str, Refund | Dispute] = {
        **{str(row.gateway_id): row for row in session.scalars(select(Refund).where(Refund.gateway_id.in_(ids)))},
        **{row.gateway_id: row for row in session.scalars(select(Dispute).where(Dispute.gateway_id.in_(ids)))},
    }
    return {
        entry.id: (
            payments.get(entry.source.payment_intent or "")
            if entry.source.object == "charge"
            else rows.get(entry.source.id)
        )
        for entry in entries
        if entry.source is not None
    }


def busy(session: Session, *, public_ids: Collection[str]) -> set[str]:
    """Return which of these objects of ours have an operation that has not finished: what differs there is no difference yet."""
    # An operation on an invoice or a credit note names the payment or the refund that it makes.
    named = func.coalesce(
        Operation.params["refund_id"].astext, Operation.params["payment_id"].astext, Operation.resource_id
    )
    query = select(named).where(
        Operation.resource_type.in_(_RESOURCES), named.in_(public_ids), Operation.finished_at.is_(None)
    )
    return set(session.scalars(query))


def _named(prefix: str, text: str | None) -> UUID | None:
    try:
        return row_id(prefix, text) if text else None
    except MalformedId:
        return None
