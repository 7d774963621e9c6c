"""What callers see of a plan."""

from collections.abc import Mapping, Sequence

from billing.catalog.allowance import allowance
from billing.catalog.features import FEATURES
from billing.timestamps import iso
from models.ids import public_id
from models.plan import Plan, PlanFeature, PlanPrice

PREFIX = "plan"


def plan_representation(
    plan: Plan, *, prices: Sequence[PlanPrice], features: Mapping[str, PlanFeature], trial_days_default: int
) -> dict[str, object]:
    """Return the plan as JSON-like data; `trial_days_default` counts where the plan names no length of its own."""
    return {
        "id": public_id(PREFIX, plan.id),
        "code": plan.code,
        "name": plan.name,
        "description": plan.description,
        "position": plan.position,
        "active": plan.active,
        "trial_days": plan.trial_days if plan.trial_days is not None else trial_days_default,
        "credits_per_month": plan.credits_per_month,
        "credits_unlimited": plan.credits_unlimited,
        "prices": [
            {"interval": str(price.interval), "currency": price.currency, "amount": price.amount_minor}
            for price in prices
        ],
        "features": [
            {"feature": feature.name, "kind": str(feature.kind), **allowance(features.get(feature.name))._asdict()}
            for feature in FEATURES
        ],
        "created_at": iso(plan.created_at),
        "updated_at": iso(plan.updated_at),
    }
