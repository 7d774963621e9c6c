"""Reading dunning cases."""

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from billing.dunning.prefixes import CASE_PREFIX
from billing.errors import NotFound
from models.dunning import DunningCase
from models.ids import MalformedId, row_id


class DunningCaseNotFound(NotFound):
    """There is no such dunning case for this caller."""

    code = "dunning_case_not_found"


def find_case(session: Session, *, public: str, own: UUID | None) -> DunningCase:
    """Return the case; `own` limits to one customer's own. Raises DunningCaseNotFound."""
    try:
        found = session.get(DunningCase, row_id(CASE_PREFIX, public))
    except MalformedId:
        found = None
    if found is None or own not in {None, found.customer_id}:
        raise DunningCaseNotFound(f"there is no dunning case {public!r}")
    return found


def cases(*, customer_id: UUID | None, status: str | None) -> Select[DunningCase]:
    """Return the query of dunning cases, in no order."""
    query = select(DunningCase)
    if customer_id is not None:
        query = query.where(DunningCase.customer_id == customer_id)
    if status is not None:
        query = query.where(DunningCase.status == status)
    return query
