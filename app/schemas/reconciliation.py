"""Reconciliation runs and the differences that they found."""

from typing import Any, Literal

from pydantic import Field

from app.schemas.base import Answered, Page, PathParts

Kind = Literal[
    "missing_here",
    "missing_there",
    "amount_differs",
    "currency_differs",
    "status_differs",
    "duplicate_there",
    "attempt_unsettled",
]


class RunPath(PathParts):
    """The run in the path."""

    run_id: str = Field(examples=["rec_01h455vb4pex5vsknk084sn02q"])


class Totals(Answered):
    """Sums of the gateway's balance transactions of one currency, in minor units, and ours beside them."""

    currency: str
    transactions: int
    amount: int
    fee: int
    net: int
    compared_amount: int = Field(description="of those that come from payments, refunds and disputes")
    our_amount: int = Field(description="what our rows say of the same")
    difference: int = Field(description="`compared_amount - our_amount`: 0 when the books are equal to the cent")


class Run(Answered):
    """One comparison of what was created from `since` until `until`."""

    id: str
    status: Literal["running", "finished", "failed"]
    step: str | None = Field(description="the part that is, or was, under way; null once finished")
    since: str
    until: str
    compared: dict[str, int] = Field(
        description="how many objects of each type; `in_flight` were left for the next run"
    )
    totals: list[Totals]
    differences_found: int
    differences_open: int = Field(description="of those found, how many are open now")
    requested_by: str
    error: str | None
    started_at: str
    finished_at: str | None


class RunPage(Page):
    """Runs, newest first."""

    data: list[Run]


class ProposedMend(Answered):
    """What would set a difference right."""

    code: Literal[
        "apply_gateway_state",
        "judge_foreign_object",
        "find_lost_object",
        "correct_amount",
        "refund_duplicate",
        "settle_attempt",
        "inspect_refusal",
    ]
    sentence: str
    detail: str | None


class Difference(Answered):
    """Something that the two sides say differently; either side may be null where it has nothing."""

    id: str
    object_type: Literal["payment", "refund", "dispute", "balance_transaction", "attempt"]
    kind: Kind
    our_id: str | None
    gateway_id: str | None
    ours: dict[str, Any] | None
    theirs: dict[str, Any] | None
    proposed_mend: ProposedMend
    state: Literal["open", "mended", "dismissed"]
    first_seen_at: str
    last_seen_at: str
    settled_at: str | None
    settled_by: str | None
    reason: str | None


class DifferencePage(Page):
    """Differences, newest first."""

    data: list[Difference]


class RunWithDifferences(Run):
    """A run with a page of the differences that it saw; `limit` and `cursor` are of these."""

    differences: DifferencePage
