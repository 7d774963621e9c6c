"""Rule: what never reaches a log or the audit log: secrets, card numbers and personal data.

One filter for all of them: by the name of a field where the name says what it holds, and by the look of a text elsewhere.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from billing.card_numbers import contains_card_number, replace_card_numbers

REDACTED = "[redacted]"
TOO_DEEP = "[too deep]"
_DEPTH_MAX = 16

# Personal data (GDPR) and secrets, by field name; compared in lower case without "-" and "_".
# fmt: off
_FIELDS = frozenset({
    "accessactivitylog", "address", "apikey", "apikeypepper", "authorization", "billingaddress", "billingdetails",
    "brokerurl", "cancellationrebuttal", "celerybrokerurl", "city", "clientsecret", "cookie", "credential",
    "credentials", "creditsurl", "customeremail", "customeremailaddress", "customername", "customerpurchaseip",
    "databaseurl", "duplicatechargeexplanation", "email", "encryptionkey", "evidence", "firstname", "flowerbasicauth",
    "fullname", "idempotencykey", "ip", "ipaddress", "keyhash", "lastname", "line1", "line2", "name", "password",
    "peer", "phone", "postalcode", "receiptemail", "rediscreditsurl", "redisurl", "refundrefusalexplanation",
    "remoteaddr", "secret", "secretkey", "setcookie", "shipping", "shippingaddress", "shippingtrackingnumber",
    "signature", "state", "stripesecretkey", "stripesignature", "stripewebhooksecret", "taxid", "token",
    "uncategorizedtext", "useragent", "xforwardedfor", "zip",
})
# fmt: on
_TEXTS = (
    re.compile(r"\b[sr]k_(?:test|live)_[A-Za-z0-9_]+"),
    re.compile(r"\bb(?:k|ct)_(?:test|live)_[A-Za-z0-9_.\-]+"),
    re.compile(r"\bwhsec_[A-Za-z0-9+/=_\-]+"),
    re.compile(r"\b(?:pi|seti)_[A-Za-z0-9]+_secret_[A-Za-z0-9]+"),
    re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"),
    # Postgres quotes the whole row that broke a constraint.
    re.compile(r"(?<=DETAIL:)[^\n]*"),
    re.compile(r"(?i)\bbearer\s+[^\s,;\"']+"),
    re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+"),
)


# What at least one of the texts above, or a card number, cannot be without. Most texts of a log line have none of it, and that is
# found out here in a tenth of the time.
_SUSPICIOUS = ("k_", "bct_", "whsec_", "_secret_", "://", "detail:", "bearer", "@")
_DIGITS = re.compile(r"\d(?:[ \-]?\d){11}")
_REMEMBERED_FIELDS = 4_096


def redact_text(text: str) -> str:
    """Return `text` with secrets, e-mail addresses and card numbers replaced by `[redacted]`."""
    if not _is_suspicious(text):
        return text
    for pattern in _TEXTS:
        text = pattern.sub(REDACTED, text)
    return replace_card_numbers(text, replacement=REDACTED)


def _is_suspicious(text: str) -> bool:
    lower = text.lower()
    return any(part in lower for part in _SUSPICIOUS) or _DIGITS.search(text) is not None


def redact(value: object, *, depth: int = 0) -> object:
    """Return a JSON-like value with every secret and all personal data replaced; the keys stay, so that a change shows."""
    if depth > _DEPTH_MAX:
        return TOO_DEEP
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, int | float):
        return REDACTED if contains_card_number(str(value)) else value
    if value is None:
        return None
    if isinstance(value, Mapping):
        redacted: dict[str, object] = {}
        for key, item in value.items():
            field, is_sensitive = _field(str(key))
            redacted[field] = REDACTED if is_sensitive and item is not None else redact(item, depth=depth + 1)
        return redacted
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [redact(item, depth=depth + 1) for item in value]
    return redact_text(str(value))


@lru_cache(maxsize=_REMEMBERED_FIELDS)
def _field(name: str) -> tuple[str, bool]:
    """Return how a field's name is written, and whether what it holds is never written."""
    return redact_text(name), name.lower().replace("-", "").replace("_", "") in _FIELDS
