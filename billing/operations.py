"""Use cases around an operation: accept it, and give it its one unchanging outcome."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import leases
from billing.actor import Actor
from billing.errors import BillingError, Conflict, NotFound, as_problem
from billing.hints import Hint
from billing.timestamps import iso
from billing.unit_of_work import hint_after_commit
from models.ids import MalformedId, new_id, public_id, row_id
from models.operation import Operation, OperationStatus

PREFIX = "op"


class OperationUnderWay(Conflict):
    """Another operation on the same object has not finished."""

    code = "operation_in_progress"


class OperationNotFound(NotFound):
    """There is no such operation for this caller."""

    code = "operation_not_found"


def enqueue(
    session: Session,
    *,
    kind: str,
    customer_id: UUID | None,
    resource_type: str,
    resource_id: str,
    params: dict[str, object],
    actor: Actor,
    now: datetime,
    of_new_resource: bool = False,
) -> Operation:
    """Add an operation that is due at once; workers are told after the commit. `customer_id` is None for what is nobody's.

    Raises OperationUnderWay when another operation on the same resource has not finished. The caller holds the lock of the
    resource's row where it exists already, so that the check cannot race; a partial unique index stands behind it. Of a resource
    that the same transaction adds none can be open: with `of_new_resource` the database is not asked.
    """
    if not of_new_resource:
        _require_none_open(session, customer_id=customer_id, resource_type=resource_type, resource_id=resource_id)
    operation = Operation(
        id=new_id(),
        kind=kind,
        status=OperationStatus.QUEUED,
        customer_id=customer_id,
        resource_type=resource_type,
        resource_id=resource_id,
        params=params,
        request_id=actor.request_id,
        created_at=now,
    )
    session.add(operation)
    hint_after_commit(session, Hint.OPERATIONS)
    return operation


def _require_none_open(session: Session, *, customer_id: UUID | None, resource_type: str, resource_id: str) -> None:
    open_operation = session.scalar(
        select(Operation.id).where(
            Operation.customer_id == customer_id,
            Operation.resource_type == resource_type,
            Operation.resource_id == resource_id,
            Operation.finished_at.is_(None),
        )
    )
    if open_operation is not None:
        raise OperationUnderWay(
            f"operation {public_id(PREFIX, open_operation)} on {resource_id} has not finished; wait for it, then try again"
        )


def succeed(operation: Operation, *, status: int, body: dict[str, object], now: datetime) -> None:
    """Give the operation its outcome: the HTTP status and body that every later replay answers."""
    _finish(operation, OperationStatus.SUCCEEDED, outcome_status=status, body=body, now=now)


def fail(operation: Operation, *, error: BillingError, now: datetime) -> None:
    """Give the operation a problem as its outcome."""
    _finish(operation, OperationStatus.FAILED, outcome_status=error.status, body=as_problem(error), now=now)


def find(session: Session, *, public: str, customer_id: UUID | None) -> Operation:
    """Return the operation; `customer_id` limits to one customer's own.

    Raises OperationNotFound, also for another customer's.
    """
    try:
        found = session.get(Operation, row_id(PREFIX, public))
    except MalformedId:
        found = None
    if found is None or customer_id not in {None, found.customer_id}:
        raise OperationNotFound(f"there is no operation {public!r}")
    return found


def representation(operation: Operation) -> dict[str, object]:
    """Return what callers see of an operation."""
    return {
        "id": public_id(PREFIX, operation.id),
        "kind": operation.kind,
        "status": str(operation.status),
        "resource": {"type": operation.resource_type, "id": operation.resource_id},
        "progress": operation.progress,
        "error": operation.outcome_body if operation.status is OperationStatus.FAILED else None,
        "created_at": iso(operation.created_at),
        "finished_at": iso(operation.finished_at),
    }


def _finish(
    operation: Operation, status: OperationStatus, *, outcome_status: int, body: dict[str, object], now: datetime
) -> None:
    leases.release(operation)
    # What was asked for may be personal data (the evidence of a dispute), and is of no use once there is an outcome.
    operation.params = {}
    operation.status = status
    operation.outcome_status = outcome_status
    operation.outcome_body = body
    operation.finished_at = now
