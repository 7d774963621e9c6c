"""Use case: make the catalog what a file asks for. New terms are a new version; what the file leaves out stays."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.advisory_locks import AdvisoryLock
from billing.catalog.description import CatalogDescription, CouponDescription, PlanDescription
from billing.catalog.differences import Change, differences
from billing.catalog.find import current_versions
from billing.catalog.present import present_catalog
from billing.catalog.pricing import tiers_as_rows
from billing.errors import Conflict, Invalid
from billing.facts import record_fact
from models.coupon import Coupon
from models.ids import new_id
from models.plan import Plan, PlanFeature, PlanVersion
from models.price import Price
from models.usage import Meter


class CatalogChangedMeanwhile(Conflict):
    """Somebody changed the catalog after the difference was shown. Nothing was changed; look again."""

    code = "catalog_changed_meanwhile"


class CatalogMeterMissing(Invalid):
    """A price is for the usage of a meter that is not there. Nothing was changed; make the meter first."""

    code = "catalog_meter_missing"


def catalog_changes(session: Session, *, wanted: CatalogDescription) -> list[Change]:
    """Return what applying the file would change. Raises CatalogChangeRefused and CatalogMeterMissing."""
    changes = differences(present_catalog(session), wanted)
    _require_meters(session, wanted)
    return changes


def apply_catalog(
    session: Session, *, wanted: CatalogDescription, shown: Sequence[Change] | None, actor: Actor, now: datetime
) -> list[Change]:
    """Write what changes and return it; where nothing does, nothing is written. All or nothing, one caller at a time.

    `shown` is the difference that somebody agreed to; None: whatever it is. Raises CatalogChangedMeanwhile where it is another
    one by now, CatalogChangeRefused and CatalogMeterMissing.
    """
    session.execute(select(func.pg_advisory_xact_lock(AdvisoryLock.CATALOG)))
    changes = catalog_changes(session, wanted=wanted)
    if shown is not None and changes != list(shown):
        raise CatalogChangedMeanwhile("the catalog was changed after the difference was shown; look at it again")
    if not changes:
        return []
    present = present_catalog(session)
    for code, plan in wanted.plans.items():
        _write_plan(session, plan, before=present.plans.get(code), now=now)
    for code, coupon in wanted.coupons.items():
        _write_coupon(session, coupon, before=present.coupons.get(code), now=now)
    session.flush()
    _record(session, changes, actor=actor, now=now)
    return changes


def _write_plan(session: Session, plan: PlanDescription, *, before: PlanDescription | None, now: datetime) -> None:
    if plan == before:
        return
    row = session.scalar(select(Plan).where(Plan.code == plan.code))
    if row is None:
        row = Plan(id=new_id(), code=plan.code, kind=plan.kind, created_at=now)
        session.add(row)
    row.name, row.description, row.position, row.active = plan.name, plan.description, plan.position, plan.active
    row.updated_at = now
    session.flush()
    if before is None or plan.terms != before.terms:
        _publish(session, row, plan, now=now)


def _publish(session: Session, row: Plan, plan: PlanDescription, *, now: datetime) -> None:
    terms = plan.terms
    current = current_versions(session, plan_ids=[row.id]).get(row.id)
    version = PlanVersion(
        id=new_id(),
        plan_id=row.id,
        number=1 if current is None else current.number + 1,
        trial_days=terms.trial_days,
        credits_per_month=terms.credits_per_month,
        credits_unlimited=terms.credits_per_month is None,
        credits_roll_over_max=terms.credits_roll_over_max,
        published_at=now,
    )
    session.add(version)
    session.flush()
    session.add_all(
        Price(
            id=new_id(),
            version_id=version.id,
            component=key.component,
            interval=key.interval,
            currency=key.currency,
            scheme=price.terms.scheme,
            unit_amount=price.terms.unit_amount,
            package_size=price.terms.package_size,
            tiers=tiers_as_rows(price.terms.tiers),
            meter=price.meter,
            tax_behavior=price.tax_behavior,
            created_at=now,
        )
        for key, price in terms.prices.items()
    )
    session.add_all(
        PlanFeature(
            version_id=version.id,
            feature=name,
            limit_value=held.limit,
            unlimited=held.unlimited,
            text_value=held.value,
        )
        for name, held in terms.features.items()
    )


def _write_coupon(
    session: Session, coupon: CouponDescription, *, before: CouponDescription | None, now: datetime
) -> None:
    if coupon == before:
        return
    row = session.scalar(select(Coupon).where(Coupon.code == coupon.code))
    if row is None:
        row = Coupon(
            id=new_id(),
            code=coupon.code,
            percent_off=coupon.percent_off,
            amount_off_minor=coupon.amount_off_minor,
            currency=coupon.currency,
            duration=coupon.duration,
            duration_months=coupon.duration_months,
            created_at=now,
        )
        session.add(row)
    row.name, row.active = coupon.name, coupon.active
    row.redemptions_max, row.redeem_by = coupon.redemptions_max, coupon.redeem_by


def _require_meters(session: Session, wanted: CatalogDescription) -> None:
    asked_for = {
        price.meter: plan.code
        for plan in wanted.plans.values()
        for price in plan.terms.prices.values()
        if price.meter is not None
    }
    there = session.scalars(select(Meter.code).where(Meter.code.in_(asked_for))).all()
    for meter in sorted(set(asked_for) - set(there)):
        raise CatalogMeterMissing(f"plan {asked_for[meter]}: there is no meter {meter}; make it first (POST /meters)")


def _record(session: Session, changes: Sequence[Change], *, actor: Actor, now: datetime) -> None:
    newest = (
        select(Plan.code, func.max(PlanVersion.number).label("number"))
        .join(PlanVersion, PlanVersion.plan_id == Plan.id)
        .group_by(Plan.code)
    )
    state: dict[str, object] = {
        "id": "catalog",
        "plans": {row.code: row.number for row in session.execute(newest)},
        "changes": [change._asdict() for change in changes],
    }
    record_fact(
        session,
        fact="catalog.changed",
        object_type="catalog",
        state=state,
        customer_id=None,
        before={_name(change): change.before for change in changes},
        after={_name(change): change.after for change in changes},
        actor=actor,
        now=now,
    )


def _name(change: Change) -> str:
    return f"{change.subject}: {change.field}"
