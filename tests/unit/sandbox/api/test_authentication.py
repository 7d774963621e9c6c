"""API keys."""

import base64

import pytest

from sandbox.api.authentication import Keys, masked
from sandbox.wire.errors import ApiError

_KEYS = Keys("sk_test_0123456789")


def test_the_publishable_key_has_the_same_tail() -> None:
    assert _KEYS.publishable == "pk_test_0123456789"


@pytest.mark.parametrize(
    ("header", "is_publishable"),
    [
        ("Bearer sk_test_0123456789", False),
        ("bearer pk_test_0123456789", True),
        ("Basic " + base64.b64encode(b"sk_test_0123456789:").decode(), False),
    ],
)
def test_both_keys_open(header: str, is_publishable: bool) -> None:
    assert _KEYS.is_publishable({"authorization": header}) is is_publishable


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer sk_test_other", "Basic !!!", "Digest x", "Bearer é"])
def test_others_are_a_401(header: str) -> None:
    with pytest.raises(ApiError) as caught:
        _KEYS.is_publishable({"authorization": header})

    assert (caught.value.status, caught.value.code) == (401, None)


def test_a_refused_key_is_not_repeated() -> None:
    assert masked("sk_test_abcdefghijklmnop") == "sk_test_************mnop"
    assert masked("short") == "*****"
