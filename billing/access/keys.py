"""Use cases around API keys: create, recognise, revoke. Only a keyed hash of a key is stored."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.orm import Session

from billing import audit
from billing.access.key_text import hint_of_key, mode_of_key, new_key_text
from billing.access.scopes import ALL_SCOPES, ROLE_SCOPES
from billing.actor import Actor
from billing.errors import FieldFault, Invalid, NotFound, Unauthorized
from billing.timestamps import iso
from models.api_key import ApiKey, Role
from models.ids import MalformedId, new_id, public_id, row_id

PREFIX = "key"
# `last_used_at` is for people; written at most this often, so that a busy key's row is not a hot one.
_LAST_USED_STEP = timedelta(minutes=1)


class KeyNotFound(NotFound):
    """There is no such key."""

    code = "key_not_found"


class KeyRefused(Unauthorized):
    """The key is malformed, unknown, expired, revoked, or of the other mode."""

    code = "key_refused"


class ScopesUnknown(Invalid):
    """A scope was asked for that does not exist or that the role does not have."""

    code = "scopes_unknown"


def create_key(
    session: Session,
    *,
    name: str,
    mode: str,
    role: Role,
    scopes: Iterable[str] | None,
    expires_at: datetime | None,
    pepper: str,
    actor: Actor,
    now: datetime,
) -> tuple[ApiKey, str]:
    """Add a key and return it with its text, which is shown this once.

    Without `scopes` it has all of its role's. Raises ScopesUnknown.
    """
    granted = ROLE_SCOPES[role] if scopes is None else frozenset(scopes)
    beyond = sorted(granted - ROLE_SCOPES[role])
    if beyond:
        detail = f"the role {role} does not have {', '.join(beyond)}; scopes are {', '.join(sorted(ALL_SCOPES))}"
        raise ScopesUnknown(detail, errors=[FieldFault("/scopes", "unknown_scope", detail)])
    text = new_key_text(mode=mode)
    key = ApiKey(
        id=new_id(),
        name=name,
        mode=mode,
        role=role,
        scopes=sorted(granted),
        key_hash=hash_key(text, pepper=pepper),
        hint=hint_of_key(text),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(key)
    session.flush()
    _record(session, key, action="key.created", before=None, actor=actor, now=now)
    return key, text


def require_key_of_mode(text: str, *, mode: str) -> None:
    """Raise KeyRefused, from the text alone, when it cannot be a key of this installation."""
    of_mode = mode_of_key(text)
    if of_mode is None:
        raise KeyRefused("the API key is malformed; it looks like bk_test_… or bk_live_…, in full")
    if of_mode != mode:
        raise KeyRefused(f"this installation is in {mode} mode, the key is not")


class RecognisedKey(NamedTuple):
    """What a request needs to know of its key."""

    id: UUID
    key_hash: bytes
    scopes: list[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


_COLUMNS = [ApiKey.__table__.c[name] for name in RecognisedKey._fields]
_FIND = select(*_COLUMNS).where(ApiKey.key_hash == bindparam("digest"))


def recognise_key(connection: Connection, *, digest: bytes, now: datetime) -> RecognisedKey:
    """Return the key of this hash and note that it was used. Raises KeyRefused when it is unknown, revoked or expired.

    It is one statement, and of a key that was not used for a minute two.
    """
    found = connection.execute(_FIND, {"digest": digest}).first()
    key = RecognisedKey(*found) if found is not None else None
    if key is None or not hmac.compare_digest(key.key_hash, digest):
        raise KeyRefused("the API key is not known")
    require_in_force(key, now=now)
    if key.last_used_at is None or now - key.last_used_at >= _LAST_USED_STEP:
        connection.execute(update(ApiKey).where(ApiKey.id == key.id).values(last_used_at=now))
    return key


def require_in_force(key: ApiKey | RecognisedKey, *, now: datetime) -> None:
    """Raise KeyRefused when the key was revoked or has expired."""
    if key.revoked_at is not None:
        raise KeyRefused("the API key was revoked")
    if key.expires_at is not None and key.expires_at <= now:
        raise KeyRefused("the API key has expired")


def revoke_key(session: Session, *, public: str, actor: Actor, now: datetime) -> ApiKey:
    """Revoke a key at once; revoking twice changes nothing. Raises KeyNotFound."""
    try:
        key = session.scalar(select(ApiKey).where(ApiKey.id == row_id(PREFIX, public)).with_for_update())
    except MalformedId:
        key = None
    if key is None:
        raise KeyNotFound(f"there is no key {public!r}")
    if key.revoked_at is None:
        before = key_representation(key)
        key.revoked_at = now
        _record(session, key, action="key.revoked", before=before, actor=actor, now=now)
    return key


def list_keys(session: Session) -> Sequence[ApiKey]:
    """Return all keys, newest first."""
    return session.scalars(select(ApiKey).order_by(ApiKey.id.desc())).all()


def key_representation(key: ApiKey) -> dict[str, object]:
    """Return what operators see of a key: never its text, nor its hash."""
    return {
        "id": public_id(PREFIX, key.id),
        "name": key.name,
        "mode": key.mode,
        "role": str(key.role),
        "scopes": key.scopes,
        "hint": key.hint,
        "created_at": iso(key.created_at),
        "expires_at": iso(key.expires_at),
        "revoked_at": iso(key.revoked_at),
        "last_used_at": iso(key.last_used_at),
    }


def hash_key(text: str, *, pepper: str) -> bytes:
    """Return the keyed hash under which a key is stored and looked up."""
    return hmac.new(pepper.encode(), text.encode(), hashlib.sha256).digest()


def _record(
    session: Session, key: ApiKey, *, action: str, before: dict[str, object] | None, actor: Actor, now: datetime
) -> None:
    after = key_representation(key)
    audit.record(
        session,
        actor=actor,
        action=action,
        object_type="key",
        object_id=str(after["id"]),
        before=before,
        after=after,
        now=now,
    )
