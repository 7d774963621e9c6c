"""Handlers of the events of subscriptions that Stripe bills, and of their invoices; the other handlers are in handlers.py.

An event only says which subscription it is about. So `customer.subscription.*` and `invoice.*` of one subscription come to the
same, in any order and however often: what the gateway says of it now.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import GATEWAY
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.mirror.apply import apply_mirror, is_over
from billing.mirror.observe import observe_mirror
from billing.runtime import Runtime
from models.ids import public_id
from models.mirror import MirroredSubscription

Effect = Callable[[Session, datetime], str]


def on_subscription(runtime: Runtime, subscription: dict[str, Any]) -> Effect | None:
    """Bring the mirrored subscription to its present state."""
    return _brought(runtime, subscription.get("id"))


def on_trial_end(runtime: Runtime, subscription: dict[str, Any]) -> Effect | None:
    """Do as `on_subscription` does, and tell that the trial ends soon, once, unless it is over by now."""
    return _brought(runtime, subscription.get("id"), reminds_of_trial_end=True)


def on_subscription_invoice(runtime: Runtime, invoice: dict[str, Any]) -> Effect | None:
    """Bring the subscription that an invoice is of to its present state; one of no subscription concerns nothing here.

    The invoice itself stays at Stripe. Where it names its subscription depends on the API version of the endpoint that Stripe
    delivers to: under `parent` since 2025-03-31, at its top before.
    """
    parent = invoice.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else None
    named = details.get("subscription") if isinstance(details, dict) else invoice.get("subscription")
    return _brought(runtime, named)


def _brought(runtime: Runtime, gateway_id: object, *, reminds_of_trial_end: bool = False) -> Effect | None:
    if not isinstance(gateway_id, str):
        return None
    with runtime.transaction() as session:
        mirror = session.scalar(select(MirroredSubscription).where(MirroredSubscription.gateway_id == gateway_id))
    if mirror is not None and mirror.customer_id is not None:
        structlog.contextvars.bind_contextvars(customer_id=public_id(CUSTOMER_PREFIX, mirror.customer_id))
    if mirror is not None and is_over(mirror):
        return _unchanged(str(mirror.status))
    observation = observe_mirror(runtime, gateway_id=gateway_id)
    if mirror is None and observation.subscription is None:
        return None

    def effect(session: Session, now: datetime) -> str:
        applied = apply_mirror(
            session, observation=observation, reminds_of_trial_end=reminds_of_trial_end, actor=GATEWAY, now=now
        )
        return _result(applied)

    return effect


def _unchanged(status: str) -> Effect:
    return lambda _session, _now: f"subscription was {status} already"


def _result(mirror: MirroredSubscription | None) -> str:
    """Return what an operator reads beside the event, with what there is to do where something of ours is missing."""
    if mirror is None:
        return "the gateway does not have the subscription"
    missing = []
    if mirror.customer_id is None:
        missing.append(f"no customer here is {mirror.gateway_customer_id}")
    if mirror.plan_id is None:
        missing.append("no price of it names a plan (metadata billing_plan)")
    hint = f"; {' and '.join(missing)}: see `billing mirror list`" if missing else ""
    return f"subscription is {mirror.status}{hint}"
