"""Answers kept under the Idempotency-Key of the request that they answered."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class IdempotencyKey(Base):
    """The stored answer, committed in the transaction of what it answers for.

    A row either holds the answer itself or names the operation whose answer it is.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        CheckConstraint("char_length(key) BETWEEN 1 AND 255", name="key_length"),
        CheckConstraint("octet_length(request_hash) = 32", name="request_hash_is_sha256"),
        Index("ix_idempotency_keys_expires", "expires_at"),
    )

    caller: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    response_status: Mapped[int]
    response_body: Mapped[dict[str, Any]]
    operation_id: Mapped[UUID | None] = mapped_column(ForeignKey("operations.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
