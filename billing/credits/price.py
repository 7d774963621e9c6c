"""Rule: what credits cost.

A dollar buys CREDITS_PER_DOLLAR credits. In another currency, CREDIT_PRICES says what as many cost; no rate is ever guessed.
"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from billing.errors import FieldFault, Invalid
from billing.payments.chargeable import require_chargeable
from models.money import Money, minor_unit_exponent, round_half_away_from_zero

DOLLAR = "USD"


class CurrencyNotPriced(Invalid):
    """Credits have no price in this currency."""

    code = "currency_not_priced"


def price_of(credits_: int, *, currency: str, per_dollar: int, prices: Mapping[str, Decimal]) -> Money:
    """Return what credits cost, rounded to the nearest minor unit, a half up.

    1,050 credits at 100 a dollar: 10.50 USD. Where EUR is priced at 0.92: 9.66 EUR. `prices` are what `per_dollar` credits cost,
    in the currency's main unit. Raises CurrencyNotPriced, and AmountNotChargeable for what the gateway cannot charge.
    """
    price = Decimal(1) if currency == DOLLAR else prices.get(currency)
    if price is None:
        priced = ", ".join(sorted({DOLLAR, *prices}))
        detail = f"credits have no price in {currency}; they have one in {priced}"
        raise CurrencyNotPriced(detail, errors=[FieldFault("/currency", "not_priced", detail)])
    exact = Fraction(credits_, per_dollar) * Fraction(price) * 10 ** minor_unit_exponent(currency)
    return require_chargeable(amount_minor=round_half_away_from_zero(exact), currency=currency)
