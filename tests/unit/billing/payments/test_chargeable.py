import pytest

from billing.payments.chargeable import AmountNotChargeable, require_chargeable
from models.money import Money


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (1, "USD"),
        (99_999_999, "USD"),
        (2900, "JPY"),
        (10, "KWD"),
        (2900, "BHD"),
        (999_999_999_999, "IDR"),
        (50, "HUF"),
        (1, "KRW"),
    ],
)
def test_what_the_gateway_charges_exactly_is_taken(amount: int, currency: str) -> None:
    assert require_chargeable(amount_minor=amount, currency=currency) == Money(amount, currency)


@pytest.mark.parametrize(
    ("amount", "currency", "pointer", "code"),
    [
        (0, "USD", "/amount", "amount_out_of_range"),
        (-1, "USD", "/amount", "amount_out_of_range"),
        (100_000_000, "USD", "/amount", "amount_out_of_range"),
        (1_000_000_000_000, "IDR", "/amount", "amount_out_of_range"),
        (1, "KWD", "/amount", "amount_not_divisible"),
        (2905, "KWD", "/amount", "amount_not_divisible"),
        (2909, "TND", "/amount", "amount_not_divisible"),
        (2900, "ISK", "/currency", "unsupported_currency"),
        (2900, "UGX", "/currency", "unsupported_currency"),
        (2900, "MGA", "/currency", "unsupported_currency"),
        (2900, "IRR", "/currency", "unsupported_currency"),
        (29000, "CLF", "/currency", "unsupported_currency"),
        (2900, "XAU", "/currency", "unknown_currency"),
        (2900, "ZZZ", "/currency", "unknown_currency"),
        (2900, "usd", "/currency", "unknown_currency"),
    ],
)
def test_what_would_be_charged_wrong_is_refused_with_a_pointer(
    amount: int, currency: str, pointer: str, code: str
) -> None:
    with pytest.raises(AmountNotChargeable) as refused:
        require_chargeable(amount_minor=amount, currency=currency)

    assert [(fault.pointer, fault.code) for fault in refused.value.errors] == [(pointer, code)]
    assert refused.value.status == 422
