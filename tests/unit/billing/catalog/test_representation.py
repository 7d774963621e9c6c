"""What callers see of prices and coupons."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from app.schemas.plans import PlanPrice
from billing.catalog.representation import coupon_representation, price_representation
from models.coupon import Coupon, CouponDuration
from models.price import Price, PriceInterval, PriceScheme, TaxBehavior

TIERS: list[dict[str, object]] = [{"up_to": None, "unit_amount": "80", "flat_amount": "0"}]


def price(scheme: PriceScheme, **columns: object) -> Price:
    return Price(
        id=UUID(int=1),
        component="base",
        interval=PriceInterval.MONTH,
        currency="USD",
        scheme=scheme,
        tax_behavior=TaxBehavior.EXCLUSIVE,
        **columns,
    )


@pytest.mark.parametrize(
    ("row", "amount", "unit_amount"),
    [
        (price(PriceScheme.FLAT, unit_amount=Decimal("2900.00000000")), 2900, "2900"),
        (price(PriceScheme.PER_UNIT, unit_amount=Decimal("900.00000000")), 900, "900"),
        (price(PriceScheme.PER_UNIT, unit_amount=Decimal("0.25000000"), meter="calls"), None, "0.25"),
        (price(PriceScheme.PACKAGE, unit_amount=Decimal("500.00000000"), package_size=100), None, "500"),
        (price(PriceScheme.VOLUME, tiers=TIERS), None, None),
        (price(PriceScheme.GRADUATED, tiers=TIERS), None, None),
    ],
)
def test_an_amount_is_shown_where_it_says_all(row: Price, amount: int | None, unit_amount: str | None) -> None:
    shown = price_representation(row)

    assert (shown["amount"], shown["unit_amount"]) == (amount, unit_amount)
    assert PlanPrice.model_validate(shown).model_dump() == shown


def test_a_coupon_shows_what_it_takes_off() -> None:
    shown = coupon_representation(
        Coupon(
            id=UUID(int=1),
            code="TEN",
            name="Ten",
            percent_off=Decimal("12.50"),
            duration=CouponDuration.ONCE,
            redeem_by=datetime(2026, 9, 30, tzinfo=UTC),
            active=True,
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
    )

    assert (shown["percent_off"], shown["amount_off"], shown["duration"]) == ("12.5", None, "once")
    assert str(shown["id"]).startswith("coupon_")
    assert shown["redeem_by"] == "2026-09-30T00:00:00.000Z"
