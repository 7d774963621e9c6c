"""Use case: a customer uses some of a feature, or gives some back.

There is no audit entry and no event of it: uses are counted by the million, and what is kept of them is their number.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from billing.catalog.allowance import Allowance, allowance
from billing.catalog.features import Feature, FeatureKind, feature_named
from billing.catalog.find import features_of_each
from billing.catalog.plan_of import held_plan
from billing.entitlements.counter import count_use, give_back
from billing.entitlements.entitlement import Entitlement
from billing.entitlements.find import use_of
from billing.entitlements.period import period_start
from billing.errors import Conflict, Declined, FieldFault, Invalid
from models.plan import Plan


class EntitlementExceeded(Declined):
    """The plan does not allow that much of the feature. Nothing was counted; `limit`, `used` and `requested` say by how much."""

    code = "entitlement_exceeded"
    title = "Entitlement exceeded"


class MoreGivenBackThanUsed(Conflict):
    """Less of the feature is in use than was to be given back. Nothing was changed."""

    code = "more_given_back_than_used"


class FeatureNotConsumable(Invalid):
    """The feature is a text of the plan, such as the kind of support; it is not used up."""

    code = "feature_not_consumable"


class UseNotGivenBack(Invalid):
    """The feature is counted by uses in a month, and a use that was made is not given back."""

    code = "use_not_given_back"


def consume(
    session: Session, *, customer_id: UUID, feature: str, amount: int, grace_days: int, now: datetime
) -> Entitlement:
    """Count `amount` of a feature for the customer and return the entitlement after it. A negative amount gives back.

    All of it or nothing. Raises FeatureNotFound, FeatureNotConsumable, UseNotGivenBack, EntitlementExceeded and
    MoreGivenBackThanUsed.
    """
    known = feature_named(feature)
    _require_movable(known, amount=amount)
    plan, version = held_plan(session, customer_id=customer_id, grace_days=grace_days, now=now)
    allowed = allowance(features_of_each(session, version_ids=[version.id])[version.id].get(known.name))
    start = period_start(known.kind, now=now)
    if amount > 0:
        use = count_use(
            session,
            customer_id=customer_id,
            feature=known.name,
            period_start=start,
            amount=amount,
            use_max=allowed.use_max,
            now=now,
        )
    else:
        use = give_back(
            session, customer_id=customer_id, feature=known.name, period_start=start, amount=-amount, now=now
        )
    if use is None:
        used = use_of(session, customer_id=customer_id, feature=known.name, period_start=start)
        raise _refusal(known, plan=plan, allowed=allowed, used=used, amount=amount)
    return Entitlement(feature=known, allowance=allowed, use=use)


def _require_movable(feature: Feature, *, amount: int) -> None:
    if feature.kind is FeatureKind.TEXT:
        raise FeatureNotConsumable(f"{feature.name} is not used up; read its value in the entitlements")
    if feature.kind is FeatureKind.COUNTED and amount < 0:
        detail = f"uses of {feature.name} are counted by the month and not given back"
        raise UseNotGivenBack(detail, errors=[FieldFault("/amount", "not_positive", detail)])


def _refusal(
    feature: Feature, *, plan: Plan, allowed: Allowance, used: int, amount: int
) -> EntitlementExceeded | MoreGivenBackThanUsed:
    if amount < 0:
        return MoreGivenBackThanUsed(f"{used} of {feature.name} in use, so {-amount} cannot be given back")
    when = " this month" if feature.kind is FeatureKind.COUNTED else ""
    return EntitlementExceeded(
        f"the plan {plan.code} allows {allowed.use_max} of {feature.name}{when}; {used} are used, {amount} more were asked for",
        extensions={"feature": feature.name, "limit": allowed.use_max, "used": used, "requested": amount},
    )
