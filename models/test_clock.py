"""Test clocks: time that stands still until somebody moves it, for the customers that were made on it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, TextEnum, one_of
from models.ids import new_id


class ClockStatus(StrEnum):
    """Where a clock stands. A deleted one stays as a row: what was done in its time stays, too."""

    READY = "ready"
    ADVANCING = "advancing"
    DELETED = "deleted"


class TestClock(Base):
    """One clock of a test installation. `frozen_time` is what time it is for its customers.

    While it advances, `advanced_from` and `target_time` say from where and to where; else they are NULL.
    """

    __test__ = False  # pytest takes what is named like this for tests
    __tablename__ = "test_clocks"
    __table_args__ = (
        one_of("status", ClockStatus),
        CheckConstraint("frozen_time >= TIMESTAMPTZ '2000-01-01 00:00:00+00'", name="frozen_time_from_2000_on"),
        CheckConstraint(
            "num_nonnulls(advanced_from, target_time) = CASE status WHEN 'advancing' THEN 2 ELSE 0 END",
            name="on_its_way_while_advancing",
        ),
        CheckConstraint("frozen_time BETWEEN advanced_from AND target_time", name="between_start_and_target"),
        CheckConstraint("(status = 'deleted') = (deleted_at IS NOT NULL)", name="deleted_at_some_time"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str | None]
    status: Mapped[ClockStatus] = mapped_column(TextEnum(ClockStatus))
    frozen_time: Mapped[datetime]
    advanced_from: Mapped[datetime | None]
    target_time: Mapped[datetime | None]
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
