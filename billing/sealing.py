"""Rule: a secret that the service has to read again is kept sealed, so that a copy of the database does not give it away.

AES-256-GCM under a key that is derived from ENCRYPTION_KEY for this use alone. What it is sealed for (a table and a row) is
authenticated with it: a sealed text that is moved to another row does not open. While ENCRYPTION_KEY is rotated, the newest
seals and all open.
"""

import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from billing.errors import InvariantBroken

_FORMAT = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_INFO = b"billing sealed secrets 1"


class SealDoesNotOpen(InvariantBroken):
    """A sealed secret was sealed under a key that ENCRYPTION_KEY does not hold any more, or was changed or moved."""

    code = "seal_does_not_open"


def seal(plain: bytes, *, keys: Sequence[bytes], sealed_for: str) -> bytes:
    """Return `plain` sealed under the first of `keys`: format, key id, nonce, ciphertext."""
    key = _derived(keys[0])
    nonce = os.urandom(_NONCE_BYTES)
    return _FORMAT + _key_id(key) + nonce + AESGCM(key).encrypt(nonce, plain, sealed_for.encode())


def unseal(sealed: bytes, *, keys: Sequence[bytes], sealed_for: str) -> bytes:
    """Return what was sealed. Raises SealDoesNotOpen."""
    start = len(_FORMAT)
    key_id, nonce = sealed[start : start + _KEY_ID_BYTES], sealed[start + _KEY_ID_BYTES :][:_NONCE_BYTES]
    for key in map(_derived, keys):
        if sealed.startswith(_FORMAT) and _key_id(key) == key_id:
            try:
                return AESGCM(key).decrypt(nonce, sealed[start + _KEY_ID_BYTES + _NONCE_BYTES :], sealed_for.encode())
            except InvalidTag:
                break
    raise SealDoesNotOpen(f"the secret of {sealed_for} does not open; is its key still in ENCRYPTION_KEY?")


def _derived(key: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(key)


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()[:_KEY_ID_BYTES]
