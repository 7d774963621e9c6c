"""Identifiers and secrets that look as Stripe's do: a prefix and letters and digits."""

import os

from sandbox import clock

_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE = len(_ALPHABET)
_LETTER_OF_BYTE = bytes(_ALPHABET[byte % _BASE] for byte in range(256))
_DEFAULT_LENGTH = 24

# Where Stripe's identifiers are shorter or longer than the usual 24 characters.
_LENGTHS = {"cus": 14, "req": 14}
_SECRET_LENGTH = 32

# Nine letters hold the microseconds since the epoch until the year 2398.
_MOMENT_LENGTH = 9
_MICROSECONDS = 1_000_000


def random_text(*, length: int) -> str:
    """Return `length` random letters and digits from the operating system's generator."""
    return os.urandom(length).translate(_LETTER_OF_BYTE).decode("ascii")


def new_id(*, prefix: str) -> str:
    """Return a fresh identifier such as `pi_3Qx…`.

    It begins with the moment, so that identifiers of one kind sort by age and new ones lie side by side in an index
    instead of touching a page of it each.
    """
    length = _LENGTHS.get(prefix, _DEFAULT_LENGTH) - _MOMENT_LENGTH
    return f"{prefix}_{_moment_text()}{random_text(length=length)}"


def new_client_secret(*, object_id: str) -> str:
    """Return the secret by which a browser may act on one intent: `<id>_secret_<random>`."""
    return f"{object_id}_secret_{random_text(length=25)}"


def new_signing_secret() -> str:
    """Return the secret by which an endpoint's deliveries are signed."""
    return f"whsec_{random_text(length=_SECRET_LENGTH)}"


def _moment_text() -> str:
    rest = int(clock.now() * _MICROSECONDS)
    letters = bytearray(_MOMENT_LENGTH)
    for place in range(_MOMENT_LENGTH - 1, -1, -1):
        rest, digit = divmod(rest, _BASE)
        letters[place] = _ALPHABET[digit]
    return letters.decode("ascii")
