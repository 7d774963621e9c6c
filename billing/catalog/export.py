"""Rule: writing a catalog as a file that `billing catalog apply` takes. What it would read anyway is left out."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from billing.catalog.allowance import Allowance
from billing.catalog.description import (
    CatalogDescription,
    CouponDescription,
    PlanDescription,
    PriceDescription,
    PriceKey,
)
from billing.catalog.file import UNLIMITED
from billing.decimals import plain
from models.plan import PlanKind
from models.price import BASE_COMPONENT, TaxBehavior

Value = str | int | bool | Decimal | datetime | None


def catalog_as_toml(catalog: CatalogDescription) -> str:
    """Return the file; amounts are in minor units."""
    blocks = [block for plan in catalog.plans.values() for block in _plan(plan)]
    blocks += [_coupon(coupon) for coupon in catalog.coupons.values()]
    return "\n\n".join(blocks) + "\n"


def _plan(plan: PlanDescription) -> Iterator[str]:
    terms = plan.terms
    yield _table(
        "[[plans]]",
        {
            "code": plan.code,
            "name": plan.name,
            "description": plan.description or None,
            "position": plan.position,
            "kind": None if plan.kind is PlanKind.PLAN else str(plan.kind),
            "active": plan.active,
            "trial_days": terms.trial_days,
            "credits_per_month": terms.credits_per_month,
            "credits_unlimited": True if terms.credits_per_month is None else None,
            "credits_roll_over_max": terms.credits_roll_over_max,
        },
    )
    if terms.features:
        yield "\n".join(
            ["[plans.features]", *(f"{name} = {_value(_allowed(held))}" for name, held in terms.features.items())]
        )
    for key, price in terms.prices.items():
        yield _price(key, price)


def _price(key: PriceKey, price: PriceDescription) -> str:
    terms = price.terms
    head = _table(
        "[[plans.prices]]",
        {
            "component": None if key.component == BASE_COMPONENT else key.component,
            "interval": str(key.interval),
            "currency": key.currency,
            "scheme": str(terms.scheme),
            "unit_amount": terms.unit_amount,
            "package_size": terms.package_size,
            "meter": price.meter,
            "tax_behavior": None if price.tax_behavior is TaxBehavior.EXCLUSIVE else str(price.tax_behavior),
        },
    )
    tiers = [
        _table(
            "[[plans.prices.tiers]]",
            {"up_to": tier.up_to, "unit_amount": tier.unit_amount, "flat_amount": tier.flat_amount},
        )
        for tier in terms.tiers
    ]
    return "\n\n".join([head, *tiers])


def _coupon(coupon: CouponDescription) -> str:
    return _table(
        "[[coupons]]",
        {
            "code": coupon.code,
            "name": coupon.name,
            "percent_off": coupon.percent_off,
            "amount_off": coupon.amount_off_minor,
            "currency": coupon.currency,
            "duration": str(coupon.duration),
            "duration_months": coupon.duration_months,
            "redemptions_max": coupon.redemptions_max,
            "redeem_by": coupon.redeem_by,
            "active": coupon.active,
        },
    )


def _allowed(held: Allowance) -> Value:
    if held.unlimited:
        return UNLIMITED
    return held.value if held.value is not None else held.limit


def _table(head: str, values: Mapping[str, Value]) -> str:
    return "\n".join([head, *(f"{name} = {_value(value)}" for name, value in values.items() if value is not None)])


def _value(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return plain(value)
        case datetime():
            return value.isoformat()
        case str():
            # As in JSON, but for the one control character that JSON lets through.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case _:
            return str(value)
