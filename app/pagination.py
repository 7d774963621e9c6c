"""Cursor lists: newest first, by id, which sorts by time. A cursor is opaque to callers."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from billing.errors import BadRequest

T = TypeVar("T")


class CursorMalformed(BadRequest):
    """The cursor did not come from one of our answers."""

    code = "cursor_malformed"


def page_of(
    session: Session,
    query: Select[T],
    *,
    key: InstrumentedAttribute[UUID],
    limit: int,
    cursor: str | None,
    represent: Callable[[Sequence[T]], list[dict[str, object]]],
) -> dict[str, object]:
    """Return `{data, has_more, next_cursor}` of the query's rows after `cursor`. Raises CursorMalformed.

    `represent` gets all rows of the page at once, so that what belongs to them can be read in one query.
    """
    if cursor is not None:
        query = query.where(key < _decode(cursor))
    rows = session.scalars(query.order_by(key.desc()).limit(limit + 1)).all()
    shown, has_more = rows[:limit], len(rows) > limit
    return {
        "data": represent(shown),
        "has_more": has_more,
        "next_cursor": _encode(getattr(shown[-1], key.key)) if has_more else None,
    }


def _encode(value: UUID) -> str:
    return base64.urlsafe_b64encode(value.bytes).decode().rstrip("=")


def _decode(cursor: str) -> UUID:
    try:
        return UUID(bytes=base64.b64decode(f"{cursor}==", altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise CursorMalformed("the cursor is not one that a list gave as next_cursor") from None
