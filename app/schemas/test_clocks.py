"""Test clocks: time that a test installation moves by hand."""

from typing import Literal

from pydantic import Field

from app.schemas.base import Answered, Instant, OperationRef, Page, PathParts, RequestBody, Text
from app.schemas.operators import Progress


class ClockCreate(RequestBody):
    """A test clock to add."""

    frozen_time: Instant = Field(description="what time it is for its customers; any instant from 2000 on")
    name: Text | None = None


class ClockAdvance(RequestBody):
    """Where to move a clock."""

    frozen_time: Instant = Field(description="later than it is there, by two years (731 days) at most")


class ClockPath(PathParts):
    """The clock in the path."""

    clock_id: str = Field(examples=["clock_01h455vb4pex5vsknk084sn02q"])


class TestClock(Answered):
    """A test clock."""

    id: str
    name: str | None
    frozen_time: str = Field(description="what time it is for its customers")
    status: Literal["ready", "advancing", "deleted"]
    progress: Progress | None = Field(description="while it advances")
    created_at: str
    deleted_at: str | None


class TestClockPending(TestClock):
    """A test clock that is on its way."""

    operation: OperationRef


class TestClockPage(Page):
    """Test clocks, newest first."""

    data: list[TestClock]
