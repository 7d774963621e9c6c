"""Use case: there is another card, so what was not paid is tried at once, whatever the schedule says."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from billing.business_time import business_now
from models.dunning import DunningCase, DunningStatus, DunningStep
from models.subscription import Subscription


def try_new_card(session: Session, *, customer_id: UUID, now: datetime, subscription_id: UUID | None = None) -> None:
    """Make the customer's open cases due, but for those of a subscription with a card of its own. `now` is real time.

    With `subscription_id` it is the card of that subscription, and only its cases are meant. The caller holds the customer's
    lock. A case whose attempt is under way is left: what comes of that is heard of by itself.
    """
    has_own_card = select(Subscription.id).where(
        Subscription.id == DunningCase.subscription_id, Subscription.payment_method_id.is_not(None)
    )
    if subscription_id is None:
        whose, which = or_(DunningCase.subscription_id.is_(None), ~has_own_card.exists()), "default card"
    else:
        whose, which = DunningCase.subscription_id == subscription_id, "card for the subscription"
    session.execute(
        update(DunningCase)
        .where(
            DunningCase.customer_id == customer_id,
            DunningCase.status == DunningStatus.OPEN,
            DunningCase.next_step.is_not(None),
            whose,
        )
        .values(
            next_step=DunningStep.RETRY,
            next_step_at=business_now(session, customer_id=customer_id, now=now),
            reason=f"the customer has another {which}: it is tried at once",
        ),
        execution_options={"synchronize_session": False},
    )
