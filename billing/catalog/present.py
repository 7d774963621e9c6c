"""Reading the catalog as it is: each plan with the terms of its current version, and the coupons."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.catalog.allowance import allowance
from billing.catalog.description import (
    CatalogDescription,
    CouponDescription,
    PlanDescription,
    PriceDescription,
    PriceKey,
    VersionDescription,
)
from billing.catalog.features import FEATURES
from billing.catalog.find import current_versions, features_of_each, prices_of_each
from billing.catalog.pricing import terms_of
from models.coupon import Coupon
from models.plan import Plan, PlanFeature, PlanVersion
from models.price import Price


def present_catalog(session: Session) -> CatalogDescription:
    """Return all plans by position and all coupons by code; five queries. Prices of single customers are not in it."""
    plans = session.scalars(select(Plan).order_by(Plan.position, Plan.code)).all()
    versions = current_versions(session, plan_ids=[plan.id for plan in plans])
    version_ids = [version.id for version in versions.values()]
    prices = prices_of_each(session, version_ids=version_ids)
    features = features_of_each(session, version_ids=version_ids)
    coupons = session.scalars(select(Coupon).order_by(Coupon.code)).all()
    return CatalogDescription(
        plans={
            plan.code: _plan(plan, _terms(version, prices[version.id], features[version.id]))
            for plan in plans
            for version in [versions[plan.id]]
        },
        coupons={coupon.code: _coupon(coupon) for coupon in coupons},
    )


def _plan(plan: Plan, terms: VersionDescription) -> PlanDescription:
    return PlanDescription(
        code=plan.code,
        name=plan.name,
        description=plan.description,
        position=plan.position,
        kind=plan.kind,
        active=plan.active,
        terms=terms,
    )


def _terms(version: PlanVersion, prices: Iterable[Price], features: Mapping[str, PlanFeature]) -> VersionDescription:
    return VersionDescription(
        trial_days=version.trial_days,
        credits_per_month=version.credits_per_month,
        credits_roll_over_max=version.credits_roll_over_max,
        prices={
            PriceKey(price.currency, price.interval, price.component): PriceDescription(
                terms=terms_of(price), meter=price.meter, tax_behavior=price.tax_behavior
            )
            for price in prices
        },
        # In the order in which they are shown; a feature that the code knows no more is in no file.
        features={feature.name: allowance(features[feature.name]) for feature in FEATURES if feature.name in features},
    )


def _coupon(coupon: Coupon) -> CouponDescription:
    return CouponDescription(
        code=coupon.code,
        name=coupon.name,
        percent_off=coupon.percent_off,
        amount_off_minor=coupon.amount_off_minor,
        currency=coupon.currency,
        duration=coupon.duration,
        duration_months=coupon.duration_months,
        redemptions_max=coupon.redemptions_max,
        redeem_by=coupon.redeem_by,
        active=coupon.active,
    )
