"""Reading what a customer may use, and what is used of it."""

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.catalog.allowance import allowance
from billing.catalog.features import FEATURES
from billing.catalog.find import features_of_each
from billing.catalog.plan_of import held_plan
from billing.entitlements.entitlement import Entitlement
from billing.entitlements.period import period_start
from models.entitlement_use import EntitlementUse
from models.plan import Plan


class Entitlements(NamedTuple):
    """A customer's plan, and one entitlement for each feature that there is."""

    plan: Plan
    entitlements: list[Entitlement]


def entitlements_of(session: Session, *, customer_id: UUID, grace_days: int, now: datetime) -> Entitlements:
    """Return what the customer may use at `now`, in the order of the features, with the use in the period that counts.

    What is past due counts for `grace_days`.
    """
    plan, version = held_plan(session, customer_id=customer_id, grace_days=grace_days, now=now)
    held = features_of_each(session, version_ids=[version.id])[version.id]
    periods = {feature.name: period_start(feature.kind, now=now) for feature in FEATURES}
    query = select(EntitlementUse.feature, EntitlementUse.period_start, EntitlementUse.used).where(
        EntitlementUse.customer_id == customer_id, EntitlementUse.period_start.in_(set(periods.values()))
    )
    used = {(feature, start): use for feature, start, use in session.execute(query)}
    return Entitlements(
        plan,
        [
            Entitlement(
                feature=feature,
                allowance=allowance(held.get(feature.name)),
                use=used.get((feature.name, periods[feature.name]), 0),
            )
            for feature in FEATURES
        ],
    )


def use_of(session: Session, *, customer_id: UUID, feature: str, period_start: date) -> int:
    """Return how much of one feature is used in a period."""
    return (
        session.scalar(
            select(EntitlementUse.used).where(
                EntitlementUse.customer_id == customer_id,
                EntitlementUse.feature == feature,
                EntitlementUse.period_start == period_start,
            )
        )
        or 0
    )
