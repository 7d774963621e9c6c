"""The bases of all schemas, and the types that several share."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    field_validator,
)

from models.money import UnknownCurrency, minor_unit_exponent

METADATA_KEYS_MAX = 50
METADATA_NAMES = {"minLength": 1, "maxLength": 40}
CUSTOMER_ID_EXAMPLE = "cus_01h455vb4pex5vsknk084sn02q"
PAYMENT_ID_EXAMPLE = "pay_01h455vb4pex5vsknk084sn02q"
# What counts as a space differs between the dialects of patterns (U+0085, U+FEFF); with these two named, none does.
SPACES = r"\s\u0085\ufeff"
_NUMBER = re.compile(r"[+-]?[0-9.]+(?:e[+-]?[0-9]+)?", re.IGNORECASE)


class RequestBody(BaseModel):
    """A JSON body: exact types, nothing unknown."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class EmptyBody(RequestBody):
    """A body that takes nothing: none at all, or `{}`."""


class PathParts(BaseModel):
    """The ids in a path. Any text will do: one that is no id names nothing, which is a 404, not a 422."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class QueryString(BaseModel):
    """A query string: texts are read as what the field takes; nothing unknown, and no NUL, which Postgres cannot compare."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _without_nul(cls, value: object) -> object:
        if isinstance(value, str) and "\x00" in value:
            raise ValueError("holds a NUL character")
        return value


def _instant_as_text(value: object) -> object:
    # pydantic would take a number for seconds, or for milliseconds, since 1970.
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        raise ValueError("takes an instant in ISO 8601, such as 2026-11-22T08:00:00Z")
    return value


def _in_utc(value: datetime) -> datetime:
    # What names no offset is UTC, and not whatever the database's session has as its zone.
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


Instant = Annotated[
    datetime,
    BeforeValidator(_instant_as_text),
    AfterValidator(_in_utc),
    Field(strict=False, examples=["2026-11-22T08:00:00Z"]),
]
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day_as_text(value: object) -> object:
    # As for an instant: 0 would be the first day of 1970.
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("takes a day as YYYY-MM-DD, such as 2026-11-22")
    return value


Day = Annotated[date, BeforeValidator(_day_as_text), Field(strict=False, examples=["2026-11-22"])]
# What it decodes to is looked at where the page is read: one that no list gave is a 400 of its own.
Cursor = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"})]


class PageQuery(QueryString):
    """Where in a list to start, and how much of it to give."""

    limit: int = Field(20, ge=1, le=100, description="how many to give, 1 to 100")
    cursor: Cursor | None = Field(None, description="`next_cursor` of the page before")


class Answered(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid")


class Page(Answered):
    """A page of a list, newest first."""

    has_more: bool
    next_cursor: str | None


class OperationRef(Answered):
    """The operation that does what was asked for."""

    id: str = Field(examples=["op_01h455vb4pex5vsknk084sn02q"])
    status: Literal["queued", "running", "succeeded", "failed"]


class FieldFaultBody(Answered):
    """One part of the request that is at fault."""

    pointer: str = Field(description="JSON pointer (RFC 6901) into the body or, for a query string, to the parameter")
    code: str
    detail: str


class DeclineBody(Answered):
    """Why a payment method was declined, and what to do about it."""

    code: str
    category: Literal["hard", "soft", "action_required", "fraud"]
    message: str
    next_step: str


class Problem(BaseModel):
    """A failure (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="stable; what a program decides by")
    instance: str
    request_id: str | None
    errors: list[FieldFaultBody] | None = None


def _currency(value: str) -> str:
    code = value.upper()
    try:
        minor_unit_exponent(code)
    except UnknownCurrency as error:
        raise ValueError(str(error)) from error
    return code


def _metadata(value: dict[str, str]) -> dict[str, str]:
    if len(value) > METADATA_KEYS_MAX:
        raise ValueError(f"takes {METADATA_KEYS_MAX} keys at most, got {len(value)}")
    return value


Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Currency = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{3}$"),
    AfterValidator(_currency),
    Field(description="ISO 4217, any case in, upper case out", examples=["USD"]),
]
Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=40)],
        Annotated[str, StringConstraints(max_length=500)],
    ],
    AfterValidator(_metadata),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {"type": "string", "maxLength": 500},
            "maxProperties": METADATA_KEYS_MAX,
            "propertyNames": METADATA_NAMES,
            "description": "up to 50 keys of 40 characters, values of 500",
        }
    ),
]
CustomerId = Annotated[str, StringConstraints(max_length=64), Field(examples=[CUSTOMER_ID_EXAMPLE])]
PaymentId = Annotated[str, StringConstraints(max_length=64), Field(examples=[PAYMENT_ID_EXAMPLE])]
PaymentMethodId = Annotated[
    str, StringConstraints(pattern=r"^pm_[A-Za-z0-9_]{1,96}$"), Field(examples=["pm_card_visa"])
]
ReturnUrl = Annotated[
    str,
    StringConstraints(pattern=rf"^https?://[^{SPACES}]{{1,2000}}$"),
    Field(description="where the customer comes back to after authenticating"),
]
# Far above any amount that the gateway takes, and far below what a BIGINT holds.
AmountMinor = Annotated[int, Field(ge=1, le=999_999_999_999, description="integer, in minor units of the currency")]
Credits = Annotated[int, Field(ge=1, le=999_999_999_999, description="how many credits; an integer, never money")]
