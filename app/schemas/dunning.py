"""Dunning cases."""

from typing import Literal

from pydantic import Field

from app.schemas.base import Answered, CustomerId, Page, PageQuery, PathParts

CASE_ID_EXAMPLE = "dun_01h455vb4pex5vsknk084sn02q"
Status = Literal["open", "recovered", "exhausted", "closed"]


class CasePath(PathParts):
    """The case in the path."""

    case_id: str = Field(examples=[CASE_ID_EXAMPLE])


class CaseQuery(PageQuery):
    """Which cases."""

    customer_id: CustomerId | None = None
    status: Status | None = None


class DunningCase(Answered):
    """An invoice that was not paid when it was due: what comes next, and why."""

    id: str = Field(examples=[CASE_ID_EXAMPLE])
    invoice_id: str
    customer_id: str
    subscription_id: str | None
    status: Status
    failures: int
    decline_code: str | None
    category: Literal["soft", "hard", "action_required", "fraud"]
    due_at: str
    next_step: Literal["retry", "final_action"] | None
    next_step_at: str | None
    reason: str
    opened_at: str
    ended_at: str | None


class CasePage(Page):
    """Dunning cases, newest first."""

    data: list[DunningCase]
