"""Identifiers and secrets that look as Stripe's do: a prefix and random letters and digits."""

import os

_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LETTER_OF_BYTE = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))
_DEFAULT_LENGTH = 24

# Where Stripe's identifiers are shorter or longer than the usual 24 characters.
_LENGTHS = {"cus": 14, "req": 14, "whsec": 32}


def random_text(*, length: int) -> str:
    """Return `length` random letters and digits from the operating system's generator."""
    return os.urandom(length).translate(_LETTER_OF_BYTE).decode("ascii")


def new_id(*, prefix: str) -> str:
    """Return a fresh identifier such as `pi_3Qx…`."""
    return f"{prefix}_{random_text(length=_LENGTHS.get(prefix, _DEFAULT_LENGTH))}"


def new_client_secret(*, object_id: str) -> str:
    """Return the secret by which a browser may act on one intent: `<id>_secret_<random>`."""
    return f"{object_id}_secret_{random_text(length=25)}"
