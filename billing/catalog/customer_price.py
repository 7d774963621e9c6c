"""Use case: agree on a price with one customer."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing import audit
from billing.actor import Actor
from billing.catalog.find import current_version, find_plan
from billing.catalog.pricing import PriceTerms, tiers_as_rows
from billing.catalog.representation import price_representation
from billing.customers.find import require_customer
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.errors import NotFound
from models.ids import new_id, public_id
from models.plan import PlanVersion
from models.price import Price, PriceInterval, TaxBehavior


class PlanVersionNotFound(NotFound):
    """The plan has no version with this number."""

    code = "plan_version_not_found"


def agree_on_price(
    session: Session,
    *,
    customer_id: UUID,
    plan: str,
    version: int | None,
    component: str,
    interval: PriceInterval,
    terms: PriceTerms,
    tax_behavior: TaxBehavior,
    actor: Actor,
    now: datetime,
) -> Price:
    """Add a price that counts for this customer before the list price, and before those it was given earlier.

    It is of one version of the plan: the one with this number, or the current one. A subscription that has begun is billed by
    the version that it has. Raises PlanNotFound, PlanVersionNotFound and CustomerNotFound.
    """
    require_customer(session, customer_id)
    found = find_plan(session, named=plan)
    of_version = _version(session, plan_id=found.id, number=version)
    if of_version is None:
        raise PlanVersionNotFound(f"the plan {found.code} has no version {version}")
    price = Price(
        id=new_id(),
        version_id=of_version.id,
        component=component,
        interval=interval,
        currency=terms.currency,
        scheme=terms.scheme,
        unit_amount=terms.unit_amount,
        package_size=terms.package_size,
        tiers=tiers_as_rows(terms.tiers),
        tax_behavior=tax_behavior,
        customer_id=customer_id,
        created_at=now,
    )
    session.add(price)
    session.flush()
    shown = price_representation(price)
    audit.record(
        session,
        actor=actor,
        action="price.agreed",
        object_type="price",
        object_id=str(shown["id"]),
        before=None,
        after={
            **shown,
            "customer_id": public_id(CUSTOMER_PREFIX, customer_id),
            "plan": found.code,
            "version": of_version.number,
        },
        now=now,
    )
    return price


def _version(session: Session, *, plan_id: UUID, number: int | None) -> PlanVersion | None:
    if number is None:
        return current_version(session, plan_id=plan_id)
    return session.scalar(select(PlanVersion).where(PlanVersion.plan_id == plan_id, PlanVersion.number == number))
