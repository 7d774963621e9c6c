"""API keys: the one secret key of the sandbox, and the publishable key that belongs to it."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.wire.errors import ApiError, invalid_request

SECRET_PREFIX = "sk_test_"  # noqa: S105 - the beginning of every test key, no key
PUBLISHABLE_PREFIX = "pk_test_"

_NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth "
    "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we "
    "can help at https://support.stripe.com/."
)


@dataclass(frozen=True, slots=True)
class Keys:
    """The two keys of the sandbox."""

    secret: str

    @property
    def publishable(self) -> str:
        """Return the key for browsers: the same tail as the secret key's."""
        return PUBLISHABLE_PREFIX + self.secret.removeprefix(SECRET_PREFIX)

    def is_publishable(self, headers: Mapping[str, str], /) -> bool:
        """Tell which key a request carries. Raises ApiError (401) for none or another."""
        key = _given_key(headers)
        if key is None:
            raise _unauthorized(_NO_KEY)
        if hmac.compare_digest(key.encode(), self.secret.encode()):
            return False
        if hmac.compare_digest(key.encode(), self.publishable.encode()):
            return True
        raise _unauthorized(f"Invalid API Key provided: {masked(key)}")


def secret_key_required() -> ApiError:
    """Return the error for a browser's key on a route that is not for browsers."""
    return invalid_request(
        status=403,
        message="This API call cannot be made with a publishable API key. Please use a secret API key. You can find a "
        "list of your API keys at https://dashboard.stripe.com/account/apikeys.",
        code="secret_key_required",
    )


def masked(key: str, /) -> str:
    """Return a key with all but its prefix and its last four characters hidden."""
    head, tail = (key[:8], key[-4:]) if len(key) > 12 else ("", "")
    return head + "*" * (len(key) - len(head) - len(tail)) + tail


def _given_key(headers: Mapping[str, str]) -> str | None:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value:
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode("latin-1").partition(":")[0] or None
        except binascii.Error:
            return None
    return None


def _unauthorized(message: str) -> ApiError:
    return invalid_request(status=401, message=message)
