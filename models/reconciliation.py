"""Reconciliation: runs that compare our rows with the gateway's objects, and the differences that they found."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, one_of
from models.ids import new_id
from models.leased_work import LeasedWork, due_index


class RunStatus(StrEnum):
    """Where a run stands; `finished` and `failed` are final."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


class RunStep(StrEnum):
    """The parts of a run, in the order in which they are done.

    First the gateway's lists, then what we have and no list showed, then the attempts that nobody settled; all that was
    found is looked at again and mended where that is safe; last the movements of the balance, against the mended rows.
    """

    PAYMENTS = "payments"
    REFUNDS = "refunds"
    DISPUTES = "disputes"
    UNSEEN_PAYMENTS = "unseen_payments"
    UNSEEN_REFUNDS = "unseen_refunds"
    UNSEEN_DISPUTES = "unseen_disputes"
    UNSETTLED_ATTEMPTS = "unsettled_attempts"
    UNSETTLED_REFUNDS = "unsettled_refunds"
    REVIEW = "review"
    BALANCE = "balance"
    REVIEW_BALANCE = "review_balance"


class ObjectType(StrEnum):
    """What a difference is about."""

    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    BALANCE_TRANSACTION = "balance_transaction"
    ATTEMPT = "attempt"


class DifferenceKind(StrEnum):
    """In what the two sides differ. `duplicate_there`: a second object at the gateway names the same row of ours."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    AMOUNT_DIFFERS = "amount_differs"
    CURRENCY_DIFFERS = "currency_differs"
    STATUS_DIFFERS = "status_differs"
    DUPLICATE_THERE = "duplicate_there"
    ATTEMPT_UNSETTLED = "attempt_unsettled"


class Mend(StrEnum):
    """What would set a difference right. Only `apply_gateway_state` is done without a person."""

    APPLY_GATEWAY_STATE = "apply_gateway_state"
    JUDGE_FOREIGN_OBJECT = "judge_foreign_object"
    FIND_LOST_OBJECT = "find_lost_object"
    CORRECT_AMOUNT = "correct_amount"
    REFUND_DUPLICATE = "refund_duplicate"
    SETTLE_ATTEMPT = "settle_attempt"
    INSPECT_REFUSAL = "inspect_refusal"


class DifferenceState(StrEnum):
    """`open` waits; `mended` is gone; `dismissed` is known and accepted, for as long as neither side changes."""

    OPEN = "open"
    MENDED = "mended"
    DISMISSED = "dismissed"


class ReconciliationRun(LeasedWork, Base):
    """One comparison of the objects that were created in [since, until), done slice by slice.

    `step` and `cursor` say where the next slice begins; they commit with what the slice found, so that a run whose worker died
    goes on where it was. `counts` says how many objects were compared, by type; `totals` holds, per currency, the sums of the
    gateway's balance transactions (amount, fee, net, in minor units) and ours beside them.
    """

    __tablename__ = "reconciliation_runs"
    __table_args__ = (
        one_of("status", RunStatus),
        one_of("step", RunStep),
        CheckConstraint("since < until", name="window_not_empty"),
        CheckConstraint("(status = 'running') = (finished_at IS NULL)", name="finished_when_over"),
        CheckConstraint("(status = 'running') = (next_attempt_at IS NOT NULL)", name="due_until_finished"),
        # Two at once would ask the gateway for the same.
        Index("uq_reconciliation_runs_running", "status", unique=True, postgresql_where=text("status = 'running'")),
        due_index("reconciliation_runs"),
    )

    since: Mapped[datetime]
    until: Mapped[datetime]
    status: Mapped[RunStatus] = mapped_column(TextEnum(RunStatus), default=RunStatus.RUNNING)
    step: Mapped[RunStep] = mapped_column(TextEnum(RunStep), default=RunStep.PAYMENTS)
    cursor: Mapped[str | None]
    slices: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    totals: Mapped[dict[str, Any]] = mapped_column(default=dict)
    requested_by: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ReconciliationDifference(Base):
    """One difference, from the first run that saw it until it is mended or dismissed; later runs only renew `last_seen_at`.

    `subject` names the object whichever side has it: the gateway's id, or our own where the gateway has none. `ours` and
    `theirs` hold status, amounts in minor units and currency, and no personal data.
    """

    __tablename__ = "reconciliation_differences"
    __table_args__ = (
        one_of("object_type", ObjectType),
        one_of("kind", DifferenceKind),
        one_of("mend", Mend),
        one_of("state", DifferenceState),
        CheckConstraint("(state = 'open') = (settled_at IS NULL)", name="settled_unless_open"),
        CheckConstraint("(settled_at IS NULL) = (settled_by IS NULL)", name="settled_by_somebody"),
        CheckConstraint("state <> 'dismissed' OR reason IS NOT NULL", name="dismissed_with_a_reason"),
        Index(
            "uq_reconciliation_differences_open",
            "object_type",
            "subject",
            "kind",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_reconciliation_differences_subject", "subject", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    object_type: Mapped[ObjectType] = mapped_column(TextEnum(ObjectType))
    subject: Mapped[str]
    kind: Mapped[DifferenceKind] = mapped_column(TextEnum(DifferenceKind))
    our_id: Mapped[str | None]
    gateway_id: Mapped[str | None]
    ours: Mapped[dict[str, Any] | None]
    theirs: Mapped[dict[str, Any] | None]
    mend: Mapped[Mend] = mapped_column(TextEnum(Mend))
    mend_detail: Mapped[str | None]
    state: Mapped[DifferenceState] = mapped_column(TextEnum(DifferenceState), default=DifferenceState.OPEN)
    first_run_id: Mapped[UUID] = mapped_column(ForeignKey("reconciliation_runs.id"))
    reviewed_run_id: Mapped[UUID | None] = mapped_column(ForeignKey("reconciliation_runs.id"))
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None]
    reason: Mapped[str | None]


class ReconciliationFinding(Base):
    """That a run saw a difference."""

    __tablename__ = "reconciliation_findings"
    __table_args__ = (Index("ix_reconciliation_findings_difference", "difference_id"),)

    run_id: Mapped[UUID] = mapped_column(ForeignKey("reconciliation_runs.id"), primary_key=True)
    difference_id: Mapped[UUID] = mapped_column(
        ForeignKey("reconciliation_differences.id", ondelete="CASCADE"), primary_key=True
    )


class ReconciliationSeen(Base):
    """That the gateway's lists showed an object to the run that is under way; deleted when the run ends."""

    __tablename__ = "reconciliation_seen"
    __table_args__ = (one_of("object_type", ObjectType),)

    run_id: Mapped[UUID] = mapped_column(ForeignKey("reconciliation_runs.id"), primary_key=True)
    object_type: Mapped[ObjectType] = mapped_column(TextEnum(ObjectType), primary_key=True)
    gateway_id: Mapped[str] = mapped_column(primary_key=True)
