"""Rule: customer tokens: short-lived, signed, for one customer's own objects; nothing of them is stored."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer

from billing.access.keys import KeyRefused
from billing.access.scopes import CUSTOMER_SCOPES
from billing.errors import FieldFault, Invalid

_SALT = "billing-customer-token"


class TokenScopesUnknown(Invalid):
    """A scope was asked for that a customer cannot have."""

    code = "scopes_unknown"


class CustomerToken(NamedTuple):
    """What a token says: for whom, what it may do, which key issued it, and until when."""

    customer_id: UUID
    scopes: frozenset[str]
    issued_by: UUID
    expires_at: datetime


def token_prefix(mode: str) -> str:
    """Return how a customer token of this mode begins."""
    return f"bct_{mode}_"


def issue_token(
    *,
    customer_id: UUID,
    scopes: Iterable[str] | None,
    issued_by: UUID,
    issuer_scopes: Iterable[str],
    expires_in: timedelta,
    mode: str,
    pepper: str,
    now: datetime,
) -> tuple[str, datetime]:
    """Return a token's text and its end; it can do nothing that its issuer cannot. Raises TokenScopesUnknown."""
    granted = CUSTOMER_SCOPES & frozenset(issuer_scopes) if scopes is None else frozenset(scopes)
    beyond = sorted(granted - (CUSTOMER_SCOPES & frozenset(issuer_scopes)))
    if beyond:
        detail = f"a token of this key cannot have {', '.join(beyond)}"
        raise TokenScopesUnknown(detail, errors=[FieldFault("/scopes", "unknown_scope", detail)])
    expires_at = (now + expires_in).replace(microsecond=0)
    claims = {"c": customer_id.hex, "s": sorted(granted), "k": issued_by.hex, "e": int(expires_at.timestamp())}
    return token_prefix(mode) + _serializer(pepper, mode=mode).dumps(claims), expires_at


def read_token(text: str, *, mode: str, pepper: str, now: datetime) -> CustomerToken:
    """Return what a token says. Raises KeyRefused for a forged, expired or foreign one."""
    try:
        claims = _serializer(pepper, mode=mode).loads(text.removeprefix(token_prefix(mode)))
        token = CustomerToken(
            customer_id=UUID(hex=claims["c"]),
            scopes=frozenset(claims["s"]),
            issued_by=UUID(hex=claims["k"]),
            expires_at=datetime.fromtimestamp(claims["e"], tz=now.tzinfo),
        )
    except (BadData, KeyError, TypeError, ValueError):
        raise KeyRefused("the customer token is malformed or was not issued here") from None
    if token.expires_at <= now:
        raise KeyRefused("the customer token has expired; ask for a new one")
    return token


def _serializer(pepper: str, *, mode: str) -> URLSafeSerializer:
    return URLSafeSerializer(pepper, salt=f"{_SALT}-{mode}")
