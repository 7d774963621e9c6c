"""Reading runs and differences."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from billing.errors import NotFound
from billing.reconciliation.representation import DIFFERENCE_PREFIX, RUN_PREFIX, Tally
from models.ids import MalformedId, row_id
from models.reconciliation import (
    DifferenceState,
    ReconciliationDifference,
    ReconciliationFinding,
    ReconciliationRun,
)


class RunNotFound(NotFound):
    """There is no reconciliation run with this id."""

    code = "reconciliation_run_not_found"


class DifferenceNotFound(NotFound):
    """There is no difference with this id."""

    code = "difference_not_found"


def find_run(session: Session, *, public: str) -> ReconciliationRun:
    """Return the run. Raises RunNotFound, also for a text that is no id."""
    try:
        found = session.get(ReconciliationRun, row_id(RUN_PREFIX, public))
    except MalformedId:
        found = None
    if found is None:
        raise RunNotFound(f"there is no reconciliation run {public!r}")
    return found


def find_difference(session: Session, *, public: str, lock: bool = False) -> ReconciliationDifference:
    """Return the difference; `lock` takes the row lock. Raises DifferenceNotFound."""
    try:
        query = select(ReconciliationDifference).where(ReconciliationDifference.id == row_id(DIFFERENCE_PREFIX, public))
    except MalformedId:
        raise DifferenceNotFound(f"there is no difference {public!r}") from None
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise DifferenceNotFound(f"there is no difference {public!r}")
    return found


def differences_of(run_id: UUID) -> Select[ReconciliationDifference]:
    """Return the query of the differences that a run saw, in no order."""
    return select(ReconciliationDifference).where(
        ReconciliationDifference.id.in_(
            select(ReconciliationFinding.difference_id).where(ReconciliationFinding.run_id == run_id)
        )
    )


def open_differences() -> Select[ReconciliationDifference]:
    """Return the query of all differences that are open, in no order."""
    return select(ReconciliationDifference).where(ReconciliationDifference.state == DifferenceState.OPEN)


def tallies(session: Session, *, run_ids: Collection[UUID]) -> dict[UUID, Tally]:
    """Return how many differences each run saw; one query for all of them."""
    still_open = func.count().filter(ReconciliationDifference.state == DifferenceState.OPEN)
    query = (
        select(ReconciliationFinding.run_id, func.count(), still_open)
        .join(ReconciliationDifference, ReconciliationDifference.id == ReconciliationFinding.difference_id)
        .where(ReconciliationFinding.run_id.in_(run_ids))
        .group_by(ReconciliationFinding.run_id)
    )
    counted = {row[0]: Tally(row[1], row[2]) for row in session.execute(query)}
    return {run_id: counted.get(run_id, Tally()) for run_id in run_ids}
