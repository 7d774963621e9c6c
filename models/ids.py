"""Public identifiers: a TypeID is a prefix and the 26 characters of a UUIDv7, and sorts by time."""

from datetime import UTC, datetime
from uuid import UUID

import uuid_utils
from typeid import TypeID
from typeid.errors import TypeIDException
from uuid_utils import compat

_TEXT_LENGTH_MAX = 64


class MalformedId(ValueError):
    """The text is not an identifier of the expected kind."""


def new_id() -> UUID:
    """Return a new UUIDv7; ids made later sort after those made before."""
    return compat.uuid7()


def first_id_at(instant: datetime) -> UUID:
    """Return the least UUIDv7 of an instant's millisecond: ids made at it or later are not less."""
    return UUID(int=int(instant.timestamp() * 1000) << 80)


def id_instant(value: UUID) -> datetime:
    """Return when a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp((value.int >> 80) / 1000, tz=UTC)


def public_id(prefix: str, value: UUID) -> str:
    """Return `value` as the text that callers see, for example `pay_01h455vb4pex5vsknk084sn02q`."""
    return str(TypeID.from_uuid(uuid_utils.UUID(bytes=value.bytes), prefix=prefix))


def row_id(prefix: str, text: str) -> UUID:
    """Return the row's UUID of a public id.

    Raises MalformedId when the text is no TypeID or carries another prefix.
    """
    if len(text) > _TEXT_LENGTH_MAX:
        raise MalformedId(f"an id that starts with {prefix}_ has {len(prefix) + 27} characters")
    try:
        parsed = TypeID.from_string(text)
    except (TypeIDException, ValueError) as error:
        raise MalformedId(f"{text!r} is not an id that starts with {prefix}_") from error
    if parsed.prefix != prefix:
        raise MalformedId(f"{text!r} is not an id that starts with {prefix}_")
    return UUID(bytes=parsed.uuid_bytes)


def named_row(prefix: str, metadata: object, name: str) -> UUID | None:
    """Return the row that an object's metadata names, or None where it names none of this kind."""
    text = metadata.get(name) if isinstance(metadata, dict) else None
    try:
        return row_id(prefix, text) if isinstance(text, str) else None
    except MalformedId:
        return None
