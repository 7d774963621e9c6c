"""API keys: who may call, stored as a keyed hash only."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, one_of
from models.ids import new_id


class Role(StrEnum):
    """What a key is for; billing/access/scopes.py says what each may do."""

    ADMIN = "admin"
    OPERATOR = "operator"
    SERVICE = "service"
    READER = "reader"


class ApiKey(Base):
    """A secret key of a caller. The text is shown once; the row keeps its HMAC-SHA-256 and a hint to recognise it by."""

    __tablename__ = "api_keys"
    __table_args__ = (
        one_of("role", Role),
        one_of("mode", ("test", "live")),
        CheckConstraint("octet_length(key_hash) = 32", name="key_hash_is_sha256"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    mode: Mapped[str]
    role: Mapped[Role] = mapped_column(TextEnum(Role))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    key_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    hint: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
