"""The columns of a row that is work: when it is due next, who holds it, and how often it failed by its own fault.

`next_attempt_at` is the one truth about when somebody must look again: NULL is finished; while a worker holds the row it
is the end of the lease; otherwise it is when the next attempt is due. So "due" is one comparison, whether the row is new,
postponed, or left behind by a process that died. A row that comes due while `lease_token` is set was left behind.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.ids import new_id


class LeasedWork:
    """Mixin for tables whose rows are claimed under `FOR UPDATE SKIP LOCKED` (see billing/leases.py)."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    next_attempt_at: Mapped[datetime | None] = mapped_column(server_default=text("now()"))
    lease_token: Mapped[UUID | None]
    failures: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    postponements: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    last_error: Mapped[str | None]


def due_index(table: str) -> Index:
    """Return the partial index that finds due rows among millions of finished ones."""
    return Index(f"ix_{table}_due", "next_attempt_at", postgresql_where=text("next_attempt_at IS NOT NULL"))
