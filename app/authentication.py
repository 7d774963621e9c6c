"""Who calls: an API key, or a customer's token; and whether a route is open to them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import Request

from billing.access.customer_tokens import read_token, token_prefix
from billing.access.keys import PREFIX as KEY_PREFIX
from billing.access.keys import KeyRefused, recognise_key, require_in_force, require_key_of_mode
from billing.actor import Actor
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.errors import Forbidden
from billing.runtime import Runtime
from models.api_key import ApiKey
from models.ids import public_id

_CREDENTIALS_LENGTH_MAX = 1024


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


def recognise_caller(request: Request, *, runtime: Runtime, now: datetime) -> Caller:
    """Return who sends the request. Raises KeyRefused."""
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
    with runtime.statements() as connection:
        key = recognise_key(connection, text=text, pepper=pepper, now=now)
    return Caller(name=public_id(KEY_PREFIX, key.id), scopes=frozenset(key.scopes), key_id=key.id, customer_id=None)
