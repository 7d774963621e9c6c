"""Rules for parameters, and the errors in Stripe's words."""

from typing import Any

import pytest

from sandbox.wire.errors import ApiError
from sandbox.wire.parameters import (
    Boolean,
    Choice,
    CreatedFilter,
    Fields,
    Integer,
    Many,
    Metadata,
    Rule,
    Text,
    Url,
    merge_metadata,
)


@pytest.mark.parametrize(
    ("rule", "given", "value"),
    [
        (Text(), "a", "a"),
        (Text(unsettable=True), "", None),
        (Integer(), "-12", -12),
        (Integer(unsettable=True), "", None),
        (Boolean(), "true", True),
        (Boolean(), "false", False),
        (Choice(("a", "b")), "b", "b"),
        (Many(Integer()), {"1": "2", "0": "1"}, [1, 2]),
        (Many(Text(), unsettable=True), "", []),
        (Metadata(), {"a": "1", "b": ""}, {"a": "1", "b": None}),
        (Metadata(), "", None),
        (CreatedFilter(), "7", {"gte": 7, "lte": 7}),
        (CreatedFilter(), {"gt": "7"}, {"gt": 7}),
        (Url(), "https://shop.example/return?a=1", "https://shop.example/return?a=1"),
        (Url(), "app://return", "app://return"),
        (Fields({"a": Integer()}), {"a": "1"}, {"a": 1}),
    ],
)
def test_values_are_read(rule: Rule, given: Any, value: Any) -> None:
    assert rule.read(given, name="x") == value


@pytest.mark.parametrize(
    ("rule", "given", "code"),
    [
        (Text(), "", "parameter_invalid_empty"),
        (Text(), {"a": "b"}, None),
        (Text(max_length=3), "long", None),
        (Integer(), "1.5", "parameter_invalid_integer"),
        (Integer(), "9" * 30, "parameter_invalid_integer"),
        (Integer(), "²", "parameter_invalid_integer"),
        (Integer(minimum=1), "0", "parameter_invalid_integer"),
        (Integer(maximum=5), "6", "parameter_invalid_integer"),
        (Boolean(), "yes", None),
        (Choice(("a", "b")), "c", None),
        (Many(Text()), "a", None),
        (Metadata(), {str(number): "1" for number in range(51)}, None),
        (Metadata(), {"k" * 41: "1"}, None),
        (Metadata(), {"k": "v" * 501}, None),
        (Url(), "javascript:alert(1)", "url_invalid"),
        (Url(), "https://a.example/\r\nset-cookie: a=b", "url_invalid"),
        (Url(schemes=("http", "https")), "https://", "url_invalid"),
        (Url(schemes=("http", "https")), "ftp://a.example", "url_invalid"),
        (Url(schemes=("http", "https")), "http://a.example:99999", "url_invalid"),
    ],
)
def test_wrong_values_name_their_parameter(rule: Rule, given: Any, code: str | None) -> None:
    with pytest.raises(ApiError) as caught:
        rule.read(given, name="outer[x]")

    assert caught.value.status == 400
    assert (caught.value.param or "").startswith("outer[x]")
    assert caught.value.code == code


def test_all_unknown_names_are_told_at_once() -> None:
    rule = Fields({"card": Fields({"number": Text()})})

    with pytest.raises(ApiError) as caught:
        rule.read({"colour": "1", "size": "2"}, name="")
    with pytest.raises(ApiError) as nested:
        rule.read({"card": {"pin": "1"}}, name="")

    assert caught.value.message == "Received unknown parameters: colour, size"
    assert (nested.value.message, nested.value.param) == ("Received unknown parameter: card[pin]", "card[pin]")


def test_a_missing_name_is_told_in_full() -> None:
    rule = Fields({"card": Fields({"number": Text()}, required=("number",))})

    with pytest.raises(ApiError) as caught:
        rule.read({"card": {}}, name="")

    assert caught.value.message == "Missing required param: card[number]."


def test_metadata_changes_are_merged() -> None:
    current = {"keep": "1", "drop": "2"}

    assert merge_metadata(current=current, changes={"drop": None, "add": "3"}) == {"keep": "1", "add": "3"}
    assert merge_metadata(current=current, changes=None) == {}
