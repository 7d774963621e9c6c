"""Who calls: an API key, or a customer's token; and whether a route is open to them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from flask import Request

from billing.access.customer_tokens import read_token, token_prefix
from billing.access.keys import PREFIX as KEY_PREFIX
from billing.access.keys import (
    KeyRefused,
    RecognisedKey,
    hash_key,
    recognise_key,
    require_in_force,
    require_key_of_mode,
)
from billing.actor import Actor
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.errors import Forbidden
from billing.runtime import Runtime
from models.api_key import ApiKey
from models.ids import public_id

_CREDENTIALS_LENGTH_MAX = 1024
_RECENT = timedelta(seconds=0.5)
_RECENT_MAX = 10_000


class ScopeMissing(Forbidden):
    """The caller is known, and its key does not have the scope that the route asks for."""

    code = "scope_missing"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A caller that was recognised. `customer_id` is set for a customer's token, which reaches that customer's objects only."""

    name: str
    scopes: frozenset[str]
    key_id: UUID
    customer_id: UUID | None

    def actor(self, request_id: str) -> Actor:
        """Return how the audit log names this caller."""
        return Actor(self.name, request_id)

    def require(self, scope: str) -> None:
        """Raise ScopeMissing unless the caller has `scope`."""
        if scope not in self.scopes:
            raise ScopeMissing(f"this needs the scope {scope}")


class RecentKeys:
    """Keys that this process has looked up within the last half second: a busy caller's key costs two questions a second.

    A key that is revoked is refused when its entry ends, which is within the second that operators are told.
    """

    def __init__(self) -> None:
        self._found: dict[bytes, tuple[RecognisedKey, datetime]] = {}

    def get(self, digest: bytes, *, now: datetime) -> RecognisedKey | None:
        """Return the key if it was looked up a moment ago and has not expired since."""
        found = self._found.get(digest)
        if found is None or not timedelta(0) <= now - found[1] < _RECENT:
            return None
        require_in_force(found[0], now=now)
        return found[0]

    def put(self, digest: bytes, key: RecognisedKey, *, now: datetime) -> None:
        """Remember a key for a moment."""
        if len(self._found) >= _RECENT_MAX:
            self._found.clear()
        self._found[digest] = (key, now)


def recognise_caller(request: Request, *, runtime: Runtime, recent: RecentKeys | None, now: datetime) -> Caller:
    """Return who sends the request. `recent` is for routes that cannot wait for Postgres. Raises KeyRefused."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    text = credentials.strip()
    if scheme.lower() != "bearer" or not text:
        raise KeyRefused("send the API key as Authorization: Bearer bk_…")
    if len(text) > _CREDENTIALS_LENGTH_MAX or not text.isascii():
        raise KeyRefused("the API key is malformed; it looks like bk_test_… or bk_live_…, in full")
    settings = runtime.settings
    pepper = settings.API_KEY_PEPPER.get_secret_value()
    if text.startswith(token_prefix(settings.mode)):
        token = read_token(text, mode=settings.mode, pepper=pepper, now=now)
        with runtime.transaction() as session:
            issuer = session.get(ApiKey, token.issued_by)
        if issuer is None:
            raise KeyRefused("the key that issued this token is gone")
        require_in_force(issuer, now=now)
        return Caller(
            name=public_id(CUSTOMER_PREFIX, token.customer_id),
            scopes=token.scopes & frozenset(issuer.scopes),
            key_id=issuer.id,
            customer_id=token.customer_id,
        )
    require_key_of_mode(text, mode=settings.mode)  # a text that cannot be a key costs no query and no connection
    digest = hash_key(text, pepper=pepper)
    key = recent.get(digest, now=now) if recent is not None else None
    if key is None:
        with runtime.statements() as connection:
            key = recognise_key(connection, digest=digest, now=now)
        if recent is not None:
            recent.put(digest, key, now=now)
    return Caller(name=public_id(KEY_PREFIX, key.id), scopes=frozenset(key.scopes), key_id=key.id, customer_id=None)
