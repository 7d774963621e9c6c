"""Currencies: decimals, limits and how amounts read."""

import pytest

from sandbox.currencies import check_amount, format_amount, read_currency
from sandbox.wire.errors import ApiError


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (50, "usd", "$0.50"),
        (99_999_999, "usd", "$999,999.99"),
        (50, "jpy", "¥50"),
        (1500, "kwd", "1.500"),
        (30, "gbp", "£0.30"),
    ],
)
def test_amounts_read_as_in_stripes_messages(amount: int, currency: str, text: str) -> None:
    assert format_amount(amount=amount, currency=currency) == text


@pytest.mark.parametrize(("amount", "currency"), [(50, "usd"), (99_999_999, "usd"), (50, "jpy"), (10, "kwd")])
def test_amounts_within_the_limits_pass(amount: int, currency: str) -> None:
    check_amount(amount=amount, currency=currency)


@pytest.mark.parametrize(
    ("amount", "currency", "message"),
    [
        (49, "usd", "Amount must be at least $0.50 usd"),
        (49, "jpy", "Amount must be at least ¥50 jpy"),
        (100_000_000, "usd", "Amount must be no more than $999,999.99"),
    ],
)
def test_amounts_beyond_the_limits_are_refused(amount: int, currency: str, message: str) -> None:
    with pytest.raises(ApiError) as caught:
        check_amount(amount=amount, currency=currency)

    assert (caught.value.message, caught.value.param) == (message, "amount")


def test_codes_are_read_in_any_case() -> None:
    assert read_currency("USD") == "usd"
    with pytest.raises(ApiError, match="Invalid currency: xyz"):
        read_currency("XYZ")
