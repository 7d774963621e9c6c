"""What credits cost."""

from decimal import Decimal

import pytest

from billing.credits.price import CurrencyNotPriced, price_of
from billing.payments.chargeable import AmountNotChargeable
from models.money import Money

PRICES = {"EUR": Decimal("0.92"), "JPY": Decimal(150), "KWD": Decimal("0.31")}


@pytest.mark.parametrize(
    ("credits_", "currency", "per_dollar", "expected"),
    [
        (1_050, "USD", 100, 1_050),
        (500, "USD", 1_000, 50),
        (501, "USD", 1_000, 50),  # 50.1 cents
        (505, "USD", 1_000, 51),  # 50.5 cents: a half goes up
        (1_050, "EUR", 100, 966),
        (1_050, "JPY", 100, 1_575),
        (1_000, "KWD", 100, 3_100),
    ],
)
def test_the_price_is_exact_and_rounded_once(credits_: int, currency: str, per_dollar: int, expected: int) -> None:
    assert price_of(credits_, currency=currency, per_dollar=per_dollar, prices=PRICES) == Money(expected, currency)


def test_no_rate_is_guessed() -> None:
    with pytest.raises(CurrencyNotPriced, match="no price in GBP; they have one in EUR, JPY, KWD, USD"):
        price_of(500, currency="GBP", per_dollar=100, prices=PRICES)


def test_what_the_gateway_cannot_charge_is_refused() -> None:
    with pytest.raises(AmountNotChargeable):
        price_of(1, currency="USD", per_dollar=1_000, prices={})
