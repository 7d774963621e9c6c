"""Webhook endpoints, their deliveries, and our own events."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from app.schemas.base import Answered, Instant, Metadata, Page, PageQuery, PathParts, RequestBody, Text

ENDPOINT_ID_EXAMPLE = "we_01h455vb4pex5vsknk084sn02q"
EndpointStatus = Literal["enabled", "disabled"]
DeliveryStatus = Literal["pending", "delivered", "dead", "skipped"]
Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    Field(description="https, a public host, port 443 or 8443", examples=["https://shop.example/webhooks"]),
]
EventTypes = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=100)]],
    Field(min_length=1, max_length=100, description='types of events, or `["*"]` for all', examples=[["*"]]),
]


class EndpointPath(PathParts):
    """The endpoint in the path."""

    endpoint_id: str


class DeliveryPath(PathParts):
    """The endpoint and one of its deliveries in the path."""

    endpoint_id: str
    delivery_id: str


class EventPath(PathParts):
    """The event in the path."""

    event_id: str


class EndpointCreate(RequestBody):
    """A new endpoint."""

    url: Url
    events: EventTypes = Field(default_factory=lambda: ["*"])
    description: Text | None = None
    metadata: Metadata = Field(default_factory=dict)


class EndpointUpdate(RequestBody):
    """What to change of an endpoint. null clears the description, and leaves the others as they are."""

    url: Url | None = None
    events: EventTypes | None = None
    description: Text | None = None
    metadata: Metadata | None = None
    status: EndpointStatus | None = Field(None, description="switches the endpoint off or on")

    def changes(self) -> dict[str, Any]:
        """Return the fields that are to be set."""
        sent = self.model_dump(exclude_unset=True)
        return {name: value for name, value in sent.items() if value is not None or name == "description"}


class RedeliverMissed(RequestBody):
    """From when on to send again what was missed."""

    since: Instant


class EndpointQuery(PageQuery):
    """Which endpoints to list."""


class DeliveryQuery(PageQuery):
    """Which deliveries to list."""

    status: DeliveryStatus | None = None
    type: str | None = Field(None, max_length=255, description="the event's type")
    event_id: str | None = Field(None, max_length=64)


class EventQuery(PageQuery):
    """Which events to list."""

    type: str | None = Field(None, max_length=255)
    object: str | None = Field(None, max_length=255, description="the id of the object that the event is about")
    from_: Instant | None = Field(None, alias="from", description="at or after")
    to: Instant | None = Field(None, description="before")


class Endpoint(Answered):
    """An endpoint."""

    id: str = Field(examples=[ENDPOINT_ID_EXAMPLE])
    url: str
    description: str | None
    events: list[str]
    status: EndpointStatus
    disabled_reason: Literal["requested", "failing", "gone"] | None
    disabled_at: str | None
    failing_since: str | None = Field(description="since when nothing got through; null when the last event did")
    secret: str | None = Field(description="only in the first answer to its creation and its rotation; then null")
    previous_secret_until: str | None = Field(description="until when the secret before this one signs as well")
    metadata: dict[str, str]
    created_at: str
    updated_at: str


class EndpointPage(Page):
    """Endpoints, newest first."""

    data: list[Endpoint]


class DeliveryAttempt(Answered):
    """One request to the endpoint."""

    at: str
    duration_ms: int
    status_code: int | None = Field(description="the answer's; null when there was none")
    error: str | None = Field(description="why there was no answer")
    answer: str | None = Field(description="the first 1024 characters of the answer's body")


class Delivery(Answered):
    """One event for one endpoint."""

    id: str
    endpoint_id: str
    event_id: str
    event_type: str
    status: DeliveryStatus
    attempts_count: int
    last_error: str | None
    next_attempt_at: str | None = Field(description="null as well while an earlier event of the customer is tried")
    delivered_at: str | None
    created_at: str


class DeliveryWithAttempts(Delivery):
    """One event for one endpoint, with each attempt."""

    attempts: list[DeliveryAttempt]


class DeliveryPage(Page):
    """Deliveries, newest first."""

    data: list[Delivery]


class Redelivered(Answered):
    """How many events will be sent again."""

    redelivered: int
    has_more: bool = Field(description="there are more than one request takes: ask again")


class Deleted(Answered):
    """What was deleted."""

    id: str
    deleted: Literal[True]


class OwnEvent(Answered):
    """Something that happened, with the object as it then was."""

    id: str
    type: str
    timestamp: str
    object_type: str
    object_id: str
    customer_id: str | None
    data: dict[str, Any]


class OwnEventPage(Page):
    """Events, newest first."""

    data: list[OwnEvent]
