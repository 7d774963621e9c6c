"""Use case: answer a repeated request as its first answer was, and keep an answer in the transaction of what it answers for.

While the first request runs it holds an advisory lock of its transaction; whoever comes meanwhile gets a 409. A request that
fails rolls back and leaves its key free; a process that dies leaves nothing behind.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from billing.errors import BadRequest, Conflict, Invalid
from models.idempotency_key import IdempotencyKey

KEPT_FOR = timedelta(hours=24)
PURGE_BATCH = 5_000


class IdempotencyKeyInUse(Conflict):
    """The first request under this key has not been answered yet."""

    code = "idempotency_key_in_use"


class IdempotencyKeyReused(Invalid):
    """The key was used for another request."""

    code = "idempotency_key_reused"


class IdempotencyKeyRequired(BadRequest):
    """This request moves money and takes an Idempotency-Key."""

    code = "idempotency_key_required"


class IdempotencyKeyMalformed(BadRequest):
    """The key is empty, too long, or holds characters that are not printable ASCII."""

    code = "idempotency_key_malformed"


def request_hash(*, method: str, path: str, body: bytes) -> bytes:
    """Return what tells one request from another under the same key."""
    return hashlib.sha256(b"\x00".join((method.encode(), path.encode(), body))).digest()


def begin(session: Session, *, caller: str, key: str, digest: bytes, now: datetime) -> IdempotencyKey | None:
    """Return the stored answer, or None when this is the first request under the key (its lock is then ours).

    Raises IdempotencyKeyInUse while the first runs, IdempotencyKeyReused when it was another request.
    """
    lock = int.from_bytes(hashlib.sha256(f"{caller}\x00{key}".encode()).digest()[:8], "big", signed=True)
    if not session.scalar(select(func.pg_try_advisory_xact_lock(lock))):
        raise IdempotencyKeyInUse("the first request with this Idempotency-Key is still running; try again in a moment")
    stored = session.get(IdempotencyKey, (caller, key))
    if stored is not None and stored.expires_at <= now:
        session.delete(stored)
        session.flush()
        return None
    if stored is not None and stored.request_hash != digest:
        raise IdempotencyKeyReused("this Idempotency-Key was used for another request; use a new one")
    return stored


def keep(
    session: Session,
    *,
    caller: str,
    key: str,
    digest: bytes,
    status: int,
    body: dict[str, Any],
    operation_id: UUID | None,
    now: datetime,
) -> None:
    """Keep the answer under the key for 24 h."""
    session.flush()  # the operation's row comes first
    session.add(
        IdempotencyKey(
            caller=caller,
            key=key,
            request_hash=digest,
            response_status=status,
            response_body=body,
            operation_id=operation_id,
            created_at=now,
            expires_at=now + KEPT_FOR,
        )
    )


def purge_expired(session: Session, *, now: datetime) -> int:
    """Delete up to PURGE_BATCH answers whose time is over, and return how many."""
    expired = (
        select(IdempotencyKey.caller, IdempotencyKey.key).where(IdempotencyKey.expires_at <= now).limit(PURGE_BATCH)
    )
    result = session.execute(
        delete(IdempotencyKey)
        .where(func.row(IdempotencyKey.caller, IdempotencyKey.key).in_(expired))
        .returning(IdempotencyKey.key),
        execution_options={"synchronize_session": False},
    )
    return len(result.all())
