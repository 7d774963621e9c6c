"""Use case: write down a fact, for those who act on it (the outbox) and for those who ask later who did it (the audit log)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from billing import audit, outbox
from billing.actor import Actor


def record_fact(
    session: Session,
    *,
    fact: str,
    object_type: str,
    state: dict[str, object],
    customer_id: UUID | None,
    before: dict[str, object] | None,
    after: dict[str, object] | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Emit the event `fact` (`payment.succeeded`) and add the audit entry of the change.

    `state` is the object's whole representation, with its `id`; `before` and `after` are what the change is about.
    `customer_id` is None for what belongs to no customer, such as a webhook endpoint.
    """
    object_id = str(state["id"])
    outbox.emit(
        session,
        type_=fact,
        object_type=object_type,
        object_id=object_id,
        customer_id=customer_id,
        payload=state,
        now=now,
    )
    audit.record(
        session,
        actor=actor,
        action=fact,
        object_type=object_type,
        object_id=object_id,
        before=before,
        after=after,
        now=now,
    )
