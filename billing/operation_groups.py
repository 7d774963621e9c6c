"""Process: what is done for several payments' operations in one transaction. Where that fails, each of them goes alone.

The money comes first, as it does for one (billing/invoicing/perform_payment.py): what payments have become is committed, and then
the invoices that they pay follow in a second transaction, which gives their operations their outcome. Whoever is cut off between
the two leaves operations whose attempt is answered; their lease brings them back, and they go on alone.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import leases
from billing.actor import WORKER
from billing.fail_points import fail_point
from billing.invoicing.perform_payment import InvoiceFollows
from billing.payments.perform import (
    PaymentSettlement,
    PreparedCall,
    apply_settlements,
    payment_id_of,
    prepare_calls,
)
from billing.runtime import Runtime
from models.operation import Operation
from models.payment import PaymentAttempt

log = structlog.get_logger(__name__)


def prepare_together(
    runtime: Runtime, operations: Sequence[Operation], *, now: Callable[[], datetime]
) -> dict[UUID, PreparedCall]:
    """Commit the attempts of operations of one claim; one that is missing in the answer goes alone."""
    if not operations:
        return {}
    try:
        with runtime.transaction() as session:
            begun = _begun(session, operations)
            return prepare_calls(session, operations=[each for each in operations if each.id not in begun], now=now())
    except Exception:
        log.warning("operations.not_prepared_together", operations=len(operations), exc_info=True)
        return {}


def settle_together(
    runtime: Runtime,
    brought: Sequence[tuple[Operation, PaymentSettlement]],
    *,
    has_more: Callable[[Operation], bool],
    now: Callable[[], datetime],
) -> set[UUID]:
    """Commit what calls brought; return the ids of the operations whose payment is settled, none where that failed.

    Each is given its outcome, but for one that has more to do, which keeps its lease. One whose lease is lost is not among them.
    """
    if not brought:
        return set()
    try:
        fail_point("operation.before_settlement")
        with runtime.transaction() as session:
            standing = _standing(session, [operation for operation, _ in brought])
            theirs = [(operation, settlement) for operation, settlement in brought if operation.id in standing]
            settlements = [
                (settlement, WORKER._replace(request_id=operation.request_id)) for operation, settlement in theirs
            ]
            outcomes = apply_settlements(session, settlements, now=now())
            for (operation, _), outcome in zip(theirs, outcomes, strict=True):
                if not has_more(operation):
                    outcome.give_to(standing[operation.id], now=now())
            fail_point("operation.before_commit")
    except Exception:
        log.warning("operations.not_settled_together", operations=len(brought), exc_info=True)
        return set()
    return set(standing)


def follow_together(runtime: Runtime, operations: Sequence[Operation], *, now: Callable[[], datetime]) -> set[UUID]:
    """Let invoices follow their settled payments, and give the operations their outcome; return which, none where that failed.

    In the order of the customers, whose locks come first: two who do this never wait for each other.
    """
    if not operations:
        return set()
    try:
        fail_point("operation.before_invoices")
        with runtime.transaction() as session:
            standing = _standing(session, operations)
            for operation in sorted(standing.values(), key=lambda each: each.of_customer.bytes):
                settlement = InvoiceFollows(payment_id_of(operation), operation)
                actor = WORKER._replace(request_id=operation.request_id)
                settlement.apply(session, actor=actor, now=now()).give_to(operation, now=now())
            fail_point("operation.invoices_before_commit")
    except Exception:
        log.warning("operations.invoices_did_not_follow_together", operations=len(operations), exc_info=True)
        return set()
    return set(standing)


def _begun(session: Session, operations: Sequence[Operation]) -> set[UUID]:
    """Return which have an attempt: an invoice's operation that was given back between its two transactions."""
    query = select(PaymentAttempt.operation_id).where(
        PaymentAttempt.operation_id.in_([operation.id for operation in operations])
    )
    return set(session.scalars(query))


def _standing(session: Session, operations: Sequence[Operation]) -> dict[UUID, Operation]:
    """Lock the operations whose lease still stands, for the rest of the transaction."""
    return {held.id: session.merge(held, load=False) for held in leases.hold_all(session, operations)}
