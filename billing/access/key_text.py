"""Rule: the text of an API key: `bk_<mode>_<30 random characters><6 characters of checksum>`.

30 characters of base 62 are 178 random bits. The checksum is CRC-32, so that a mistyped or truncated key is refused without a
look into the database, and so that a scanner of leaked secrets can tell a key from other text.
"""

import re
import secrets
import string
import zlib

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LENGTH = 30
_CHECKSUM_LENGTH = 6
_KEY = re.compile(rf"bk_(test|live)_([0-9A-Za-z]{{{_RANDOM_LENGTH}}})([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})", re.ASCII)


def new_key_text(*, mode: str) -> str:
    """Return a new key's text; it cannot be recovered from what is stored."""
    body = f"bk_{mode}_" + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    return body + _checksum(body)


def mode_of_key(text: str) -> str | None:
    """Return `test` or `live`, or None when the text cannot be a key of ours."""
    match = _KEY.fullmatch(text)
    if match is None or _checksum(text[:-_CHECKSUM_LENGTH]) != match[3]:
        return None
    return match[1]


def hint_of_key(text: str) -> str:
    """Return what may be shown of a key to recognise it by: `bk_test_3f…9Qx2`."""
    return f"{text[:10]}…{text[-4:]}"


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
