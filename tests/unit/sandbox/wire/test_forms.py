"""Stripe's form encoding, against the SDK's own encoder."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from sandbox.wire.errors import ApiError
from sandbox.wire.forms import as_list, decode_form

_names = st.text(alphabet="abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)
_values = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_trees = st.recursive(_values, lambda inner: st.dictionaries(_names, inner, min_size=1, max_size=4), max_leaves=12)


@given(st.dictionaries(_names, _trees, min_size=1, max_size=5))
def test_what_the_sdk_encodes_is_decoded(tree: dict[str, object]) -> None:
    encoded = urlencode(list(_api_encode(tree)))

    assert decode_form(encoded) == tree


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a[b][c]=1&a[d]=2", {"a": {"b": {"c": "1"}, "d": "2"}}),
        ("expand[]=x&expand[]=y", {"expand": {"0": "x", "1": "y"}}),
        ("list[0][a]=1&list[0][b]=2&list[1][a]=3", {"list": {"0": {"a": "1", "b": "2"}, "1": {"a": "3"}}}),
        ("name=J%C3%B6rg+M", {"name": "Jörg M"}),
    ],
)
def test_nested_names_become_maps(encoded: str, decoded: dict[str, object]) -> None:
    assert decode_form(encoded) == decoded


@pytest.mark.parametrize(
    "encoded", ["a=1&a[b]=2", "a[b]=2&a=1", "a[=1", "a]b=1", "[a]=1", "a" + "[b]" * 9 + "=1", "&".join(["a=1"] * 1001)]
)
def test_what_is_no_such_form_is_refused(encoded: str) -> None:
    with pytest.raises(ApiError) as caught:
        decode_form(encoded)

    assert caught.value.status == 400


def test_arrays_follow_their_indices() -> None:
    assert as_list({"10": "c", "2": "b", "0": "a"}) == ["a", "b", "c"]
    assert as_list({"a": "b"}) is None
    assert as_list("a") is None
