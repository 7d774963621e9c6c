"""Meters: which events count, how, and what a unit costs."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.schemas.base import Answered, Page, PathParts, RequestBody
from app.schemas.usage import MeterCode, Name

Rounding = Literal["down", "half_up", "up"]


class MeterCreate(RequestBody):
    """A meter to add."""

    code: MeterCode = Field(description="a word of yours; also the operation of what is deducted")
    name: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
    event_type: Name = Field(description="the `type` of the events that it counts", examples=["ai.generated"])
    value_property: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$")] | None = Field(
        None, description="the number in `data` that is summed; null: each event counts 1", examples=["tokens"]
    )
    credits_per_unit: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,8}(/[1-9][0-9]{0,8})?$")] | None = Field(
        None, description="exact, as a fraction; null: no credits are deducted", examples=["1/1000"]
    )
    rounding: Rounding = Field("down", description="how the credits of a customer's day are made whole")


class MeterPath(PathParts):
    """The meter in the path."""

    meter_id: str = Field(description="the meter's id or its code", examples=["ai_tokens"])


class Meter(Answered):
    """A meter. It does not change; a retired one counts no more."""

    id: str = Field(examples=["mtr_01h455vb4pex5vsknk084sn02q"])
    code: str
    name: str
    event_type: str
    aggregation: Literal["count", "sum"] = Field(description="`sum` where there is a `value_property`")
    value_property: str | None
    credits_per_unit: str | None
    rounding: Rounding | None
    created_at: str
    retired_at: str | None


class MeterPage(Page):
    """A page of meters."""

    data: list[Meter]
