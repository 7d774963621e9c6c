"""Use cases: ask for a setup intent, and for its confirmation; the gateway hears of it from a worker."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import audit, operations
from billing.actor import Actor
from billing.errors import Conflict, NotFound
from billing.setup_intents.representation import PREFIX, setup_intent_representation
from models.customer import Customer
from models.ids import MalformedId, new_id, public_id, row_id
from models.operation import Operation
from models.setup_intent import SetupIntent, SetupIntentStatus

CREATE_KIND = "setup_intent.create"
CONFIRM_KIND = "setup_intent.confirm"
_CONFIRMABLE = frozenset(
    {
        SetupIntentStatus.REQUIRES_PAYMENT_METHOD,
        SetupIntentStatus.REQUIRES_CONFIRMATION,
        SetupIntentStatus.REQUIRES_ACTION,
    }
)


class SetupIntentNotFound(NotFound):
    """There is no such setup intent for this caller."""

    code = "setup_intent_not_found"


class SetupIntentNotInState(Conflict):
    """The setup intent cannot be confirmed where it stands."""

    code = "setup_intent_not_in_state"


def request_setup_intent(
    session: Session, *, customer: Customer, actor: Actor, now: datetime
) -> tuple[SetupIntent, Operation]:
    """Add a pending setup intent and the operation that takes it to the gateway."""
    intent = SetupIntent(
        id=new_id(),
        customer_id=customer.id,
        status=SetupIntentStatus.PENDING,
        version=0,
        created_at=now,
        updated_at=now,
    )
    session.add(intent)
    session.flush()
    public = public_id(PREFIX, intent.id)
    audit.record(
        session,
        actor=actor,
        action="setup_intent.created",
        object_type="setup_intent",
        object_id=public,
        before=None,
        after=setup_intent_representation(intent),
        now=now,
    )
    return intent, _enqueue(session, intent, kind=CREATE_KIND, params={}, actor=actor, now=now)


def request_setup_confirmation(
    session: Session,
    *,
    intent: SetupIntent,
    payment_method: str | None,
    return_url: str | None,
    actor: Actor,
    now: datetime,
) -> Operation:
    """Ask to confirm a locked setup intent. Raises SetupIntentNotInState, OperationUnderWay."""
    if intent.status not in _CONFIRMABLE:
        raise SetupIntentNotInState(f"a setup intent that is {intent.status} cannot be confirmed")
    params: dict[str, object] = {"payment_method": payment_method, "return_url": return_url}
    return _enqueue(session, intent, kind=CONFIRM_KIND, params=params, actor=actor, now=now)


def find_setup_intent(session: Session, *, public: str, own: UUID | None) -> SetupIntent:
    """Return the setup intent with its row locked; `own` limits to one customer's own. Raises SetupIntentNotFound."""
    try:
        query = select(SetupIntent).where(SetupIntent.id == row_id(PREFIX, public)).with_for_update()
    except MalformedId:
        raise SetupIntentNotFound(f"there is no setup intent {public!r}") from None
    intent = session.scalar(query)
    if intent is None or own not in {None, intent.customer_id}:
        raise SetupIntentNotFound(f"there is no setup intent {public!r}")
    return intent


def _enqueue(
    session: Session, intent: SetupIntent, *, kind: str, params: dict[str, object], actor: Actor, now: datetime
) -> Operation:
    return operations.enqueue(
        session,
        kind=kind,
        customer_id=intent.customer_id,
        resource_type="setup_intent",
        resource_id=public_id(PREFIX, intent.id),
        params=params,
        actor=actor,
        now=now,
    )
