"""Use case: notice that a balance has fallen below what its customer wants to have, in the transaction that writes it down."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from billing import outbox
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from models.ids import public_id

# A balance that stays low is asked about again after this, unless the purchase that was made of it ends the pause sooner.
ASKED_PAUSE = timedelta(minutes=1)
# The rows are locked in the order of their customers, so that two who write balances wait for each other one way round only.
_WANTED = text(
    """
    SELECT customer_id, threshold, enabled AND coalesce(paused_until <= :now, true) AS top_up FROM auto_top_ups
    WHERE customer_id = ANY(CAST(:fallen AS uuid[])) ORDER BY customer_id FOR UPDATE
    """
)
_PAUSE = text("UPDATE auto_top_ups SET paused_until = :until WHERE customer_id = ANY(CAST(:customers AS uuid[]))")


class Change(NamedTuple):
    """What could be spent before some entries of an account, and after them."""

    customer_id: UUID
    before: int
    after: int


def watch_balances(session: Session, changes: Iterable[Change], *, now: datetime) -> None:
    """Emit `credits.low` of each balance that falls below its threshold, and ask for a top-up of each that is below it."""
    fallen = {change.customer_id: change for change in changes if change.after < change.before}
    if not fallen:
        return
    wanted = session.execute(_WANTED, {"now": now, "fallen": list(fallen)}).all()
    low = [(fallen[row.customer_id], row) for row in wanted if fallen[row.customer_id].after < row.threshold]
    due = [change.customer_id for change, row in low if row.top_up]
    if due:
        session.execute(_PAUSE, {"until": now + ASKED_PAUSE, "customers": due})
    for change, row in low:
        if change.before >= row.threshold:
            _emit(session, "credits.low", change, threshold=row.threshold, now=now)
        if row.top_up:
            _emit(session, "credits.top_up_due", change, threshold=row.threshold, now=now)


def _emit(session: Session, type_: str, change: Change, *, threshold: int, now: datetime) -> None:
    customer = public_id(CUSTOMER_PREFIX, change.customer_id)
    outbox.emit(
        session,
        type_=type_,
        object_type="customer",
        object_id=customer,
        customer_id=change.customer_id,
        payload={"id": customer, "customer_id": customer, "balance": change.after, "threshold": threshold},
        now=now,
    )
