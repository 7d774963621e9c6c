"""Cursor lists: newest first, by id, which sorts by time. A cursor is opaque to callers."""

import base64
import binascii
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from billing.errors import BadRequest

T = TypeVar("T")


class CursorMalformed(BadRequest):
    """The cursor did not come from one of our answers."""

    code = "cursor_malformed"


class Listed(NamedTuple, Generic[T]):
    """A query, and the id by which its rows are ordered."""

    query: Select[T]
    key: InstrumentedAttribute[UUID]


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
    return page_of_several(session, [Listed(query, key)], limit=limit, cursor=cursor, represent=represent)


def page_of_several(
    session: Session,
    lists: Sequence[Listed[Any]],
    *,
    limit: int,
    cursor: str | None,
    represent: Callable[[Sequence[Any]], list[dict[str, object]]],
) -> dict[str, object]:
    """Do as `page_of` does for rows of several tables in one order; a page reads at most `limit + 1` of each."""
    before = _decode(cursor) if cursor is not None else None
    found: list[tuple[UUID, Any]] = []
    for query, key in lists:
        older = query if before is None else query.where(key < before)
        rows = session.scalars(older.order_by(key.desc()).limit(limit + 1)).all()
        found += [(getattr(row, key.key), row) for row in rows]
    if len(lists) > 1:
        found.sort(key=itemgetter(0), reverse=True)
    shown, has_more = found[:limit], len(found) > limit
    return {
        "data": represent([row for _, row in shown]),
        "has_more": has_more,
        "next_cursor": _encode(shown[-1][0]) if has_more else None,
    }


def _encode(value: UUID) -> str:
    return base64.urlsafe_b64encode(value.bytes).decode().rstrip("=")


def _decode(cursor: str) -> UUID:
    try:
        return UUID(bytes=base64.b64decode(f"{cursor}==", altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise CursorMalformed("the cursor is not one that a list gave as next_cursor") from None
