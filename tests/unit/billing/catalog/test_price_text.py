"""Prices in one line, for people."""

from decimal import Decimal

import pytest

from billing.catalog.price_text import price_text
from billing.catalog.pricing import PriceTerms, Tier
from models.price import PriceInterval, PriceScheme

S, D = PriceScheme, Decimal
TIERS = (Tier(10, D(100)), Tier(None, D(80), D(500)))


@pytest.mark.parametrize(
    ("terms", "component", "meter", "text"),
    [
        (PriceTerms(scheme=S.FLAT, currency="USD", unit_amount=D(2900)), "base", None, "29.00 USD a month"),
        (PriceTerms(scheme=S.FLAT, currency="JPY", unit_amount=D(980)), "base", None, "980 JPY a month"),
        (PriceTerms(scheme=S.PER_UNIT, currency="USD", unit_amount=D(900)), "seats", None, "seats 9.00 USD each a month"),
        (
            PriceTerms(scheme=S.PACKAGE, currency="KWD", unit_amount=D("0.5"), package_size=100),
            "usage", "tokens", "usage 0.0005 KWD for each 100 of tokens a month",
        ),
        (
            PriceTerms(scheme=S.GRADUATED, currency="USD", tiers=TIERS),
            "base", None, "graduated 1.00 each up to 10, 0.80 each and 5.00 above USD a month",
        ),
    ],
)  # fmt: skip
def test_a_price_is_said_in_a_line(terms: PriceTerms, component: str, meter: str | None, text: str) -> None:
    assert price_text(terms, component=component, interval=PriceInterval.MONTH, meter=meter) == text
