"""Use case: emit an event in the transaction of the fact, with the duty to tell each consumer and each webhook endpoint."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from billing.hints import Hint
from billing.outgoing.fan_out import fan_out
from billing.unit_of_work import hint_after_commit
from models.ids import new_id
from models.outbox import OutboxDelivery, OutboxEvent

GATEWAY_CUSTOMER = "gateway_customer"
PURCHASED_CREDITS = "purchased_credits"
AUTO_TOP_UP = "auto_top_up"
INVOICE = "invoice"
PLAN_CREDITS = "plan_credits"
PLAN_CREDIT_LIMIT = "plan_credit_limit"

# Who hears of what. A type that nobody listens to is still kept: it is what GET /events will list.
CONSUMERS: dict[str, tuple[str, ...]] = {
    "customer.created": (GATEWAY_CUSTOMER,),
    "customer.updated": (GATEWAY_CUSTOMER,),
    "credit_purchase.payment_changed": (PURCHASED_CREDITS,),
    "credits.top_up_due": (AUTO_TOP_UP,),
    "invoice.payment_changed": (INVOICE,),
    "subscription.credit_limit_due": (PLAN_CREDIT_LIMIT,),
    "subscription.credits_due": (PLAN_CREDITS,),
}


def emit(
    session: Session,
    *,
    type_: str,
    object_type: str,
    object_id: str,
    customer_id: UUID | None,
    payload: dict[str, object],
    now: datetime,
) -> OutboxEvent:
    """Add the event and one delivery for each consumer of its type and for each webhook endpoint that wants to hear of it.

    Workers are told after the commit.
    """
    event = OutboxEvent(
        id=new_id(),
        type=type_,
        object_type=object_type,
        object_id=object_id,
        customer_id=customer_id,
        payload=payload,
        created_at=now,
    )
    session.add(event)
    fan_out(session, event=event)
    consumers = CONSUMERS.get(type_, ())
    if consumers:
        session.add_all(OutboxDelivery(event=event, consumer=consumer) for consumer in consumers)
        hint_after_commit(session, Hint.OUTBOX)
    return event
