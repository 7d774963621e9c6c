"""The audit log and the hash chain that seals it. Entries and seals are insert-only (triggers refuse the rest)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base
from models.ids import new_id


class AuditEntry(Base):
    """One change: who did what to which object, with personal data redacted."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_object", "object_id", "id"),
        Index("ix_audit_entries_actor", "actor", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    object_type: Mapped[str]
    object_id: Mapped[str]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    request_id: Mapped[str | None]


class AuditPending(Base):
    """An entry that is not sealed yet; written with the entry, so that no commit waits for the chain."""

    __tablename__ = "audit_pending"

    entry_id: Mapped[UUID] = mapped_column(ForeignKey("audit_entries.id"), primary_key=True)
    entry: Mapped[AuditEntry] = relationship(lazy="raise")


class AuditSeal(Base):
    """An entry's place in the chain: `hash` covers the entry and the hash before it."""

    __tablename__ = "audit_seals"
    __table_args__ = (
        CheckConstraint("seq > 0", name="seq_positive"),
        CheckConstraint("octet_length(hash) = 32", name="hash_is_sha256"),
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("audit_entries.id"), unique=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class AuditHead(Base):
    """The chain's newest seal, signed with a key that the database does not know: a cut tail no longer matches it."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[bytes] = mapped_column(LargeBinary)
