"""Webhook endpoints: where the users of this service want to hear of events."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, one_of
from models.ids import new_id


class EndpointStatus(StrEnum):
    """Whether events are sent there."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    """Who switched it off: its owner, or the service because it failed for days or said that it is gone (410)."""

    REQUESTED = "requested"
    FAILING = "failing"
    GONE = "gone"


class WebhookEndpoint(Base):
    """An address, what it wants to hear of, and the secret that its events are signed with (sealed, never in clear).

    After a rotation the previous secret signs as well, until `previous_secret_until`. A deleted endpoint keeps its row for
    its deliveries, without secrets.
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        one_of("status", EndpointStatus),
        one_of("disabled_reason", DisabledReason),
        CheckConstraint(
            "(status = 'disabled') = (disabled_at IS NOT NULL AND disabled_reason IS NOT NULL)",
            name="disabled_with_a_reason",
        ),
        CheckConstraint("(deleted_at IS NULL) = (secret IS NOT NULL)", name="secret_until_deleted"),
        CheckConstraint("deleted_at IS NULL OR status = 'disabled'", name="deleted_is_disabled"),
        CheckConstraint("(previous_secret IS NULL) = (previous_secret_until IS NULL)", name="previous_secret_ends"),
        CheckConstraint("cardinality(events) > 0", name="events_not_empty"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    url: Mapped[str]
    description: Mapped[str | None]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    status: Mapped[EndpointStatus] = mapped_column(TextEnum(EndpointStatus), default=EndpointStatus.ENABLED)
    disabled_reason: Mapped[DisabledReason | None] = mapped_column(TextEnum(DisabledReason))
    disabled_at: Mapped[datetime | None]
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_secret_until: Mapped[datetime | None]
    # Since when, and how often in a row, nothing got through; both are cleared by one success.
    failing_since: Mapped[datetime | None]
    failures_in_row: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    # Nothing is sent there before this instant of the database's clock.
    paused_until: Mapped[datetime | None]
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", default=dict)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
