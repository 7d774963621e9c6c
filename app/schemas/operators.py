"""What operators see: operations, stored webhook events, the audit log, health."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from app.schemas.base import Answered, Instant, Page, PageQuery, PathParts, RequestBody


class OperationPath(PathParts):
    """The operation in the path."""

    operation_id: str


class Resource(Answered):
    """What an operation is about."""

    type: str
    id: str


class Progress(Answered):
    """How far the advance of a test clock has come."""

    from_: str = Field(alias="from")
    to: str
    at: str


class Operation(Answered):
    """Accepted work, and its outcome once there is one."""

    id: str
    kind: str
    status: Literal["queued", "running", "succeeded", "failed"]
    resource: Resource
    progress: Progress | None = Field(description="of long work: how far it has come")
    error: dict[str, Any] | None = Field(description="the problem that it came to")
    created_at: str
    finished_at: str | None


EventStatus = Literal["received", "processing", "processed", "ignored", "failed", "dead"]


class EventPath(PathParts):
    """The event in the path."""

    event_id: str


class EventQuery(PageQuery):
    """Which events to list."""

    type: str | None = Field(None, max_length=255)
    status: EventStatus | None = None
    from_: Instant | None = Field(None, alias="from", description="received at or after")
    to: Instant | None = Field(None, description="received before")


class Replay(RequestBody):
    """The event to handle again."""

    event_id: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(examples=["evt_1Pgc76"])


class Event(Answered):
    """A stored webhook event."""

    id: str
    source: str
    type: str
    status: EventStatus
    failures: int
    postponements: int
    last_error: str | None
    result: str | None
    received_at: str
    processed_at: str | None


class EventWithPayload(Event):
    """A stored webhook event with what the gateway sent."""

    payload: dict[str, Any]


class EventPage(Page):
    """Stored events, newest first."""

    data: list[Event]


class AuditQuery(PageQuery):
    """Which entries of the audit log to list."""

    actor: str | None = Field(None, max_length=128)
    object: str | None = Field(None, max_length=255, description="the object's id")
    action: str | None = Field(None, max_length=128)
    from_: Instant | None = Field(None, alias="from")
    to: Instant | None = None


class AuditEntry(Answered):
    """One change, with personal data redacted."""

    id: str
    at: str
    actor: str
    action: str
    object_type: str
    object_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None
    seq: int | None = Field(description="place in the hash chain; null for the seconds until it is sealed")


class AuditPage(Page):
    """Entries of the audit log, newest first."""

    data: list[AuditEntry]


class Received(Answered):
    """The answer to a webhook."""

    received: bool
    duplicate: bool


class Live(Answered):
    """The process answers."""

    status: Literal["ok"]


class Ready(Answered):
    """The service can take requests."""

    status: Literal["ready"]


class Health(Answered):
    """How the service is."""

    status: Literal["ok", "degraded"]
    service: str
    version: str
    uptime: float = Field(description="seconds since this process started")
    stripe: Literal["connected", "unreachable", "unknown"]
    stats: dict[str, int | None]
    checks: dict[str, dict[str, Any]]
