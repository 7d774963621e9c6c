"""What is checked on a body before anything looks at it."""

import io
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import RequestEntityTooLarge

from app.request_body import (
    BODY_BYTES_MAX,
    JSON_OBJECT,
    BillingRequest,
    BodyForm,
    BodyMalformed,
    BodyOfOtherType,
    BodyTooDeep,
    BodyTooLarge,
    CardDataRejected,
    CharacterRefused,
    check_body,
)

CARD = "4242424242424242"
QUICK = settings(deadline=None, max_examples=100)


def checked(
    body: bytes | str, *, content_type: str = "application/json", chunked: bool = False, form: BodyForm = JSON_OBJECT
) -> Any:
    raw = body.encode() if isinstance(body, str) else body
    request = BillingRequest(
        {
            "REQUEST_METHOD": "POST",
            "wsgi.input": io.BytesIO(raw),
            "CONTENT_TYPE": content_type,
            **({"wsgi.input_terminated": True} if chunked else {"CONTENT_LENGTH": str(len(raw))}),
        }
    )
    check_body(request, form=form)
    return request.get_json()


EXACT = BodyForm(media_types={"application/json": (dict, list), "application/x+json": (list,)}, exact_numbers=True)


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


def test_an_object_is_taken_with_or_without_a_declared_length() -> None:
    assert checked('{"a": [1, null, "é"]}') == {"a": [1, None, "é"]}
    assert checked('{"a": 1}', chunked=True) == {"a": 1}
    assert checked('{"a": 1}', content_type="application/json; charset=utf-8") == {"a": 1}
    assert checked("", content_type="") == {}


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "1",
        "null",
        '"text"',
        "{",
        "{'a': 1}",
        '{"a": 1,}',
        '{"a": 1} {}',
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"a": 1, "a": 2}',
        '{"a": {"b": 1, "b": 1}}',
        '{"a": 01}',
        '{"a": ' + "9" * 5000 + "}",
        '\ufeff{"a": 1}',
        b"\xff\xfe",
        b'{"a": "\xc3\x28"}',
        b'{"a": "\xed\xa0\x80"}',
        '{"a": "\n"}',
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes | str) -> None:
    with pytest.raises(BodyMalformed):
        checked(body)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "text/json"])
def test_another_media_type_is_refused(content_type: str) -> None:
    with pytest.raises(BodyOfOtherType):
        checked("{}", content_type=content_type)


def test_a_route_may_take_other_media_types_each_with_its_own_kind_of_json() -> None:
    assert checked("[]", form=EXACT) == []
    assert checked("{}", form=EXACT) == {}
    assert checked("[1]", content_type="application/x+json", form=EXACT) == [1]
    with pytest.raises(BodyMalformed, match=r"a JSON array$"):
        checked("{}", content_type="application/x+json", form=EXACT)
    with pytest.raises(BodyMalformed, match=r"a JSON object or array$"):
        checked("1", form=EXACT)
    with pytest.raises(BodyOfOtherType, match=r"application/json or application/x\+json"):
        checked("{}", content_type="text/plain", form=EXACT)


def test_numbers_are_exact_where_a_route_counts_them() -> None:
    assert checked("[0.1, 1e-9, 12345678901234567.000000001]", form=EXACT) == [
        Decimal("0.1"),
        Decimal("1e-9"),
        Decimal("12345678901234567.000000001"),
    ]
    # Numbers whose digits would fill the memory are taken as they are written.
    assert checked("[1e999999999, 1e-999999999]", form=EXACT)[0].adjusted() == 999999999


@pytest.mark.parametrize("number", [f"{CARD}.0", "4.242424242424242e15", f"-{CARD}", "4242424242424242e0"])
def test_a_card_number_is_refused_as_an_exact_number_too(number: str) -> None:
    with pytest.raises(CardDataRejected):
        checked(f"[{number}]", form=EXACT)


@pytest.mark.parametrize("chunked", [False, True])
def test_the_size_has_a_limit_that_is_reached_exactly(chunked: bool) -> None:
    padding = " " * (BODY_BYTES_MAX - 2)

    assert checked("{}" + padding, chunked=chunked) == {}
    for too_much in (1, 2, BODY_BYTES_MAX):
        with pytest.raises((BodyTooLarge, RequestEntityTooLarge)):
            checked("{}" + padding + " " * too_much, chunked=chunked)


def test_the_depth_has_a_limit_that_is_reached_exactly() -> None:
    assert checked(nested(32))
    for levels in (33, 34, 5_000, 100_000):
        with pytest.raises(BodyTooDeep):
            checked(nested(levels))
    with pytest.raises(BodyTooDeep):
        checked('{"a":' + "[" * 32 + "]" * 32 + "}")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (r'{"name": "a\u0000b"}', "/name"),
        (r'{"address": {"line1": "\u0000"}}', "/address/line1"),
        (r'{"a": [1, "\ud800"]}', "/a/1"),
        (r'{"metadata": {"a\udc00": "x"}}', "/metadata"),
        (r'{"a/b": {"c~d": "\udfff"}}', "/a~1b/c~0d"),
    ],
)
def test_a_character_that_cannot_be_stored_is_pointed_at(body: str, pointer: str) -> None:
    with pytest.raises(CharacterRefused) as refused:
        checked(body)

    assert [fault.pointer for fault in refused.value.errors] == [pointer]


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert checked(r'{"name": "\ud83d\ude00"}') == {"name": "\N{GRINNING FACE}"}


@pytest.mark.parametrize(
    "body",
    [
        f'{{"a": "{CARD}"}}',
        f'{{"a": "my card is {CARD}."}}',
        f'{{"a": {CARD}}}',
        f'{{"a": -{CARD}}}',
        f'{{"a": {CARD}.0}}',
        '{"a": 4.242424242424242e15}',
        f'{{"{CARD}": 1}}',
        f'{{"a": {{"b": [[{{"c": "{CARD}"}}]]}}}}',
        '{"a": "4242 4242 4242 4242"}',
        '{"a": "4242-4242-4242-4242"}',
        '{"a": "4242 4242 4242 4242 12/30 123"}',
        '{"a": "' + "".join(f"\\u003{digit}" for digit in CARD) + '"}',
        '{"' + "".join(f"\\u003{digit}" for digit in CARD) + '": 1}',
        f'{{"a": "\\n{CARD}"}}',
        f'{{"a": "{CARD}", "a": 1}}',
        f'{{"a": "{CARD}"',
        f"card={CARD}",
        f"<card>{CARD}</card>",
        b"\xff" + CARD.encode(),
    ],
)
def test_a_card_number_is_refused_wherever_and_however_it_stands(body: bytes | str) -> None:
    with pytest.raises(CardDataRejected) as refused:
        checked(body)

    assert CARD not in refused.value.detail


def test_a_card_number_is_refused_before_the_media_type_is_looked_at() -> None:
    with pytest.raises(CardDataRejected):
        checked(f"card={CARD}", content_type="application/x-www-form-urlencoded")


@pytest.mark.parametrize("value", ["1732262400000", '"1732262400000"', '"pay_01h455vb4pex5vsknk084sn02q"', '"4111"'])
def test_timestamps_and_ids_are_not_refused(value: str) -> None:
    assert checked(f'{{"a": {value}}}') == {"a": json.loads(value)}


@QUICK
@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    # What starts as no object does can only be refused.
    with pytest.raises((BodyMalformed, CardDataRejected)):
        checked(b"x" + body)


@QUICK
@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.integers(-999, 999))
)
def test_what_is_taken_is_what_was_sent(body: dict[str, int]) -> None:
    assert checked(json.dumps(body)) == body
