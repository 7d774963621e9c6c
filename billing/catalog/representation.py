"""What callers see of the catalog."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from billing.catalog.allowance import allowance
from billing.catalog.features import FEATURES
from billing.decimals import plain
from billing.timestamps import iso
from models.coupon import Coupon
from models.ids import public_id
from models.plan import Plan, PlanFeature, PlanVersion
from models.price import Price, PriceScheme

PLAN_PREFIX = "plan"
PRICE_PREFIX = "price"
COUPON_PREFIX = "coupon"
# Of these the amount says what a unit, or all of it, costs.
_ONE_AMOUNT = (PriceScheme.FLAT, PriceScheme.PER_UNIT)


def plan_representation(
    plan: Plan,
    *,
    version: PlanVersion,
    prices: Sequence[Price],
    features: Mapping[str, PlanFeature],
    trial_days_default: int,
) -> dict[str, object]:
    """Return the plan with one of its versions; `trial_days_default` counts where that names no length of its own."""
    return {
        "id": public_id(PLAN_PREFIX, plan.id),
        "code": plan.code,
        "name": plan.name,
        "description": plan.description,
        "position": plan.position,
        "kind": str(plan.kind),
        "active": plan.active,
        "version": version.number,
        "trial_days": version.trial_days if version.trial_days is not None else trial_days_default,
        "credits_per_month": version.credits_per_month,
        "credits_unlimited": version.credits_unlimited,
        "credits_roll_over_max": version.credits_roll_over_max,
        "prices": [price_representation(price) for price in prices],
        "features": [
            {"feature": feature.name, "kind": str(feature.kind), **allowance(features.get(feature.name))._asdict()}
            for feature in FEATURES
        ],
        "created_at": iso(plan.created_at),
        "updated_at": iso(plan.updated_at),
    }


def price_representation(price: Price) -> dict[str, object]:
    """Return a price; `amount` is a whole number of minor units, and None where the scheme needs more than that to say it."""
    unit_amount = price.unit_amount
    return {
        "id": public_id(PRICE_PREFIX, price.id),
        "component": price.component,
        "interval": str(price.interval),
        "currency": price.currency,
        "scheme": str(price.scheme),
        "amount": _whole(unit_amount) if price.scheme in _ONE_AMOUNT else None,
        "unit_amount": None if unit_amount is None else plain(unit_amount),
        "package_size": price.package_size,
        "tiers": price.tiers,
        "meter": price.meter,
        "tax_behavior": str(price.tax_behavior),
    }


def coupon_representation(coupon: Coupon) -> dict[str, object]:
    """Return a coupon; `percent_off` is the text of a decimal, `amount_off` an integer of minor units."""
    return {
        "id": public_id(COUPON_PREFIX, coupon.id),
        "code": coupon.code,
        "name": coupon.name,
        "percent_off": None if coupon.percent_off is None else plain(coupon.percent_off),
        "amount_off": coupon.amount_off_minor,
        "currency": coupon.currency,
        "duration": str(coupon.duration),
        "duration_months": coupon.duration_months,
        "redemptions_max": coupon.redemptions_max,
        "redeem_by": iso(coupon.redeem_by),
        "active": coupon.active,
        "created_at": iso(coupon.created_at),
    }


def _whole(amount: Decimal | None) -> int | None:
    return None if amount is None or amount != amount.to_integral_value() else int(amount)
