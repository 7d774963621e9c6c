"""Dunning: one case for each invoice that was not paid when it was due."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, one_of
from models.ids import new_id


class DunningStatus(StrEnum):
    """How a case stands: `recovered` when the invoice was paid after all, `exhausted` when the final action was taken.

    `closed` when there is nothing to collect any more: the invoice was voided, or the subscription has ended.
    """

    OPEN = "open"
    RECOVERED = "recovered"
    EXHAUSTED = "exhausted"
    CLOSED = "closed"


class DunningStep(StrEnum):
    """What a case does next: charge again, or take the final action."""

    RETRY = "retry"
    FINAL_ACTION = "final_action"


class DunningFinalAction(StrEnum):
    """What is done when no attempt has collected an invoice, which is then uncollectible.

    `cancel` or `pause` the subscription, or leave it as it is (`uncollectible`).
    """

    CANCEL = "cancel"
    PAUSE = "pause"
    UNCOLLECTIBLE = "uncollectible"


class DunningCase(Base):
    """The failed collection of one invoice. `due_at` is when its payment was due: days are counted from there.

    `failures` counts the attempts that came to nothing. `attempt_id` is the last of them, so that each is counted once, whoever
    tells of it. `next_step` at `next_step_at` is what comes next, and `reason`
    says why; both are NULL once the case has ended.
    """

    __tablename__ = "dunning_cases"
    __table_args__ = (
        one_of("status", DunningStatus),
        one_of("next_step", DunningStep),
        CheckConstraint("failures >= 1", name="failed_before"),
        CheckConstraint("(status = 'open') = (ended_at IS NULL)", name="ended_when_final"),
        CheckConstraint("num_nonnulls(next_step, next_step_at) IN (0, 2)", name="step_has_a_time"),
        CheckConstraint("status = 'open' OR next_step IS NULL", name="nothing_next_when_ended"),
        Index("ix_dunning_cases_customer", "customer_id", "id"),
        Index(
            "ix_dunning_cases_due",
            "next_step_at",
            postgresql_where=text("next_step_at IS NOT NULL AND test_clock_id IS NULL"),
        ),
        Index(
            "ix_dunning_cases_due_on_clock",
            "test_clock_id",
            "next_step_at",
            postgresql_where=text("next_step_at IS NOT NULL AND test_clock_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"), unique=True)
    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"))
    subscription_id: Mapped[UUID | None] = mapped_column(ForeignKey("subscriptions.id"))
    test_clock_id: Mapped[UUID | None] = mapped_column(ForeignKey("test_clocks.id"))
    status: Mapped[DunningStatus] = mapped_column(TextEnum(DunningStatus))
    failures: Mapped[int] = mapped_column(SmallInteger())
    attempt_id: Mapped[UUID] = mapped_column(ForeignKey("payment_attempts.id"))
    decline_code: Mapped[str | None]
    category: Mapped[str]
    due_at: Mapped[datetime]
    next_step: Mapped[DunningStep | None] = mapped_column(TextEnum(DunningStep))
    next_step_at: Mapped[datetime | None]
    reason: Mapped[str]
    opened_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
