"""Operations: accepted work whose outcome comes later."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, one_of
from models.leased_work import LeasedWork, due_index


class OperationStatus(StrEnum):
    """Where an operation stands; `succeeded` and `failed` are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Operation(LeasedWork, Base):
    """One accepted request that asks the gateway, with its one unchanging outcome once there is one.

    `outcome_status` and `outcome_body` are the HTTP answer that a replay gives; they commit with the effect. `customer_id` is
    NULL for what is about nobody in particular. `progress` is how far long work has come, in words of its own.
    """

    __tablename__ = "operations"
    __table_args__ = (
        one_of("status", OperationStatus),
        CheckConstraint(
            "(status IN ('succeeded', 'failed')) = (finished_at IS NOT NULL AND outcome_status IS NOT NULL)",
            name="outcome_when_finished",
        ),
        CheckConstraint("(finished_at IS NULL) = (next_attempt_at IS NOT NULL)", name="due_until_finished"),
        # Two operations on one object would race at the gateway: the second is refused instead.
        Index(
            "uq_operations_open_resource",
            "customer_id",
            "resource_type",
            "resource_id",
            unique=True,
            postgresql_where=text("finished_at IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
        due_index("operations"),
        Index("ix_operations_resource", "resource_type", "resource_id", "created_at"),
    )

    kind: Mapped[str]
    status: Mapped[OperationStatus] = mapped_column(TextEnum(OperationStatus), default=OperationStatus.QUEUED)
    customer_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers.id"))
    resource_type: Mapped[str]
    resource_id: Mapped[str]
    params: Mapped[dict[str, Any]]
    progress: Mapped[dict[str, Any] | None]
    request_id: Mapped[str | None]
    outcome_status: Mapped[int | None]
    outcome_body: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    @property
    def of_customer(self) -> UUID:
        """The customer whom it is about. Raises ValueError where it is about nobody."""
        if self.customer_id is None:
            raise ValueError(f"the operation {self.id} ({self.kind}) is about no customer")
        return self.customer_id

    @property
    def was_begun_before(self) -> bool:
        """Whether its call may have been made already: it was postponed, failed, or left behind by a worker that died."""
        return self.failures + self.postponements > 0
