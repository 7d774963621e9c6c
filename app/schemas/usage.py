"""Usage: events in, and what they add up to."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from app.request_body import BodyForm
from app.schemas.base import (
    Answered,
    CustomerId,
    Day,
    Instant,
    Page,
    PageQuery,
    QueryString,
    RequestBody,
)

EVENTS_MAX = 1_000
# What CloudEvents allows as the name of an extension attribute. These are taken and not looked at.
_EXTENSION = re.compile(r"[a-z0-9]{1,64}")
Name = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
MeterCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$"), Field(examples=["ai_tokens"])]


class CloudEvent(RequestBody):
    """An event of CloudEvents 1.0 in JSON. Other attributes, as extensions bring them, are taken and ignored."""

    specversion: Literal["1.0"]
    id: Name = Field(description="unique within its source: the same one again counts once", examples=["4711"])
    source: Name = Field(description="who reports it", examples=["https://shop.example/ai"])
    type: Name = Field(description="decides which meter counts it", examples=["ai.generated"])
    subject: CustomerId = Field(description="the customer")
    time: Instant = Field(description="when it happened: the day (UTC) on which it counts")
    data: Any = Field(None, description="holds the number that a meter sums, and `projectId` to group `GET /usage`")


def without_extensions(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event without the attributes that CloudEvents leaves to extensions."""
    return {
        name: value
        for name, value in event.items()
        if name in CloudEvent.model_fields or not _EXTENSION.fullmatch(name)
    }


_EVENT_SCHEMA = {
    **CloudEvent.model_json_schema(),
    "additionalProperties": True,
    "propertyNames": {"pattern": f"^{_EXTENSION.pattern}$"},
}
_BATCH_SCHEMA = {
    "type": "array",
    "maxItems": EVENTS_MAX,
    "description": "Events. One that is none has an error of its own in the answer, and holds up no other.",
    "items": {},
}
CLOUD_EVENTS = BodyForm(
    media_types={
        "application/json": (dict, list),
        "application/cloudevents+json": (dict,),
        "application/cloudevents-batch+json": (list,),
    },
    exact_numbers=True,
    documented={
        "application/json": {"oneOf": [_EVENT_SCHEMA, _BATCH_SCHEMA]},
        "application/cloudevents+json": _EVENT_SCHEMA,
        "application/cloudevents-batch+json": _BATCH_SCHEMA,
    },
)


class EventResult(Answered):
    """What became of one event: `id` and `status`, or `error`. `duplicate`: it counted already."""

    id: str | None = Field(None, examples=["uev_01h455vb4pex5vsknk084sn02q"])
    status: Literal["accepted", "duplicate"] | None = None
    error: dict[str, Any] | None = Field(None, description="a problem (RFC 9457)")


class Report(Answered):
    """The results, in the order of the events."""

    data: list[EventResult]


class EventQuery(PageQuery):
    """Whose events, or which one."""

    customer_id: CustomerId | None = None
    event_id: str | None = Field(None, description="the event's own `id`")


class Charge(Answered):
    """The credits of an event."""

    credits: int
    status: Literal["pending", "charged", "failed"]
    transaction_id: str | None = Field(description="what took them, once they are deducted")


class UsageEvent(Answered):
    """An event that counts."""

    id: str
    source: str
    event_id: str = Field(description="the event's own `id`")
    customer_id: str
    meter: str = Field(description="the meter's code")
    time: str
    quantity: str = Field(description="exact, as a text", examples=["12.5"])
    project: str | None
    charge: Charge | None = Field(description="null where it costs no credits")
    received_at: str


class UsageEventPage(Page):
    """A page of events."""

    data: list[UsageEvent]


class MeteredQuery(QueryString):
    """Whose usage, of which meter, and when; `from` and `to` are days (UTC), the second one not included."""

    customer_id: CustomerId | None = None
    meter: MeterCode | None = Field(None, description="the meter's code")
    from_: Day | None = Field(None, alias="from")
    to: Day | None = None
    group_by: Literal["day", "meter"] = "day"


class MeteredRow(Answered):
    """What a meter counted."""

    meter: str
    day: str | None = None
    quantity: str = Field(description="exact, as a text", examples=["12.5"])
    count: int = Field(description="in how many events")


class MeteredUsage(Answered):
    """What was counted, by day (newest first) and meter, or by meter; at most 1,000 rows."""

    data: list[MeteredRow]
