import random
import re
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.card_numbers import contains_card_number, replace_card_numbers

QUICK = settings(deadline=None, max_examples=150)
# The gateways' published test numbers, and others with a brand's prefix and length.
NUMBERS = (
    "4242424242424242",
    "4000056655665556",
    "4222222222222",
    "4000000000000000006",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "371449635398431",
    "30569309025904",
    "36227206271667",
    "6011111111111117",
    "6500000000000002",
    "3566002020360505",
    "6200000000000005",
    "6205500000000000004",
    "6759649826438453",
    "6304000000000000",
)


def with_luhn_digit(digits: str) -> str:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 - index % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return digits + str(-total % 10)


PREFIXES_AND_LENGTHS = st.sampled_from(
    [("4", 13), ("4", 16), ("4", 19), ("51", 16), ("2221", 16), ("34", 15), ("37", 15), ("36", 14), ("6011", 16)]
)


@st.composite
def card_numbers(draw: st.DrawFn) -> str:
    prefix, length = draw(PREFIXES_AND_LENGTHS)
    middle = draw(st.text("0123456789", min_size=length - len(prefix) - 1, max_size=length - len(prefix) - 1))
    return with_luhn_digit(prefix + middle)


@st.composite
def written_card_numbers(draw: st.DrawFn) -> str:
    number = draw(card_numbers())
    separators = draw(st.lists(st.sampled_from(["", "", " ", "-"]), min_size=len(number), max_size=len(number)))
    return "".join(digit + gap for digit, gap in zip(number, separators, strict=True)).rstrip(" -")


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_of_every_brand_are_found(number: str) -> None:
    assert contains_card_number(number)
    assert contains_card_number(f"card: {number}.")
    assert contains_card_number("-".join(number))


@QUICK
@given(written_card_numbers(), st.text("abc.,:;()\"'/\n", max_size=5), st.text(".,:;()\"'/\n", max_size=5))
def test_spaces_hyphens_and_punctuation_around_do_not_hide_one(number: str, before: str, after: str) -> None:
    text = f"{before} {number}{after}"

    assert contains_card_number(text)
    assert not contains_card_number(replace_card_numbers(text, replacement="[redacted]"))


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424242 123",
        "4242 4242 4242 4242 12/28",
        "4242 4242 4242 4242 12 28 123",
        "12 4242-4242-4242-4242",
        "4242424242424242 4000056655665556",
        "4242424242424242.0",
        "\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12\uff14\uff12",
    ],
)
def test_a_number_beside_it_does_not_hide_one(text: str) -> None:
    assert contains_card_number(text)
    assert not re.search(r"4242.?4242", replace_card_numbers(text, replacement="[redacted]"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4242424242424241",
        "4242  4242  4242  4242",
        "424242424242424",
        "42424242424242424242",
        "a4242424242424242",
        "4242424242424242b",
        "tok_4242424242424242",
        "9999999999999995",
        "0000000000000000",
        "1700000000000",
        "2026-11-22T08:15:30.123Z",
        "pay_01h455vb4pex5vsknk084sn02q",
        "+49 30 901820",
        "DE89370400440532013000",
    ],
)
def test_other_texts_are_not_taken_for_one(text: str) -> None:
    assert not contains_card_number(text)
    assert replace_card_numbers(text, replacement="[redacted]") == text


def test_no_millisecond_timestamp_of_this_age_is_taken_for_one() -> None:
    # Every 13-digit timestamp from 2001 to 2286 begins with 1 to 9; those of our days begin with 1.
    assert not any(contains_card_number(str(1_700_000_000_000 + step * 977)) for step in range(20_000))


@QUICK
@given(st.uuids())
def test_identifiers_are_not_taken_for_one(value: object) -> None:
    assert not contains_card_number(f"req_{str(value).replace('-', '')}")


@QUICK
@given(st.text("0123456789 -x", max_size=60))
def test_what_is_left_after_replacing_holds_none(text: str) -> None:
    assert not contains_card_number(replace_card_numbers(text, replacement="[redacted]"))


def test_two_numbers_are_replaced_and_what_stands_between_them_stays() -> None:
    text = "from 4242424242424242, to 378282246310005 (12 items)"

    assert replace_card_numbers(text, replacement="#") == "from #, to # (12 items)"


def test_a_uuid_with_letters_is_no_card_number() -> None:
    rng = random.Random(7)
    made = [str(UUID(int=rng.getrandbits(128), version=4)) for _ in range(50_000)]

    assert [text for text in made if contains_card_number(f'{{"key": "{text}"}}')] == []


@pytest.mark.parametrize(
    "text",
    [
        "abcdefab-1234-1234-1234-abcdefabcdef 4242424242424242",
        "4242-4242-4242-4242 abcdefab-1234-1234-1234-abcdefabcdef",
        "00000000-4242-4242-4242-424200000000",
        "x-4242-4242-4242-4242",
    ],
)
def test_what_only_looks_like_one_or_stands_beside_one_hides_nothing(text: str) -> None:
    assert contains_card_number(text)
