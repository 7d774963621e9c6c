"""Use case: periods end. Each subscription goes on into its next period, with the invoice of that, or ends.

A billing run ends hundreds of periods together. A run that missed days takes the periods in their order, one for each call.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from billing.actor import WORKER
from billing.facts import record_fact
from billing.invoicing.collect import collect
from billing.invoicing.draft import Draft
from billing.invoicing.issue import compute_each, issue
from billing.invoicing.pay import PAY_KIND
from billing.invoicing.prefixes import INVOICE_PREFIX
from billing.settings import Settings
from billing.subscriptions.allowance import owe_month
from billing.subscriptions.credit_limit import note_limits
from billing.subscriptions.cycle import Cycle
from billing.subscriptions.find import represented
from billing.subscriptions.items import items_of_each
from billing.subscriptions.lines import PricedItem
from billing.subscriptions.next_action import next_action
from billing.subscriptions.period_draft import period_draft
from billing.subscriptions.state import require_transition
from billing.tax.rule import flat_tax
from models.customer import Customer
from models.ids import public_id
from models.invoice import BillingReason, InvoiceStatus
from models.plan import PlanVersion
from models.subscription import Collection, Subscription, SubscriptionStatus

_S = SubscriptionStatus


def end_periods(
    session: Session,
    subscriptions: Sequence[Subscription],
    *,
    customers: Mapping[UUID, Customer],
    settings: Settings,
    at: datetime,
    now: datetime,
) -> None:
    """End the present period of each, which is over at `at`, their business time. `now` is real time.

    The caller holds the locks of customers and subscriptions.
    """
    ending = [each for each in subscriptions if each.cancel_at_period_end or not each.auto_renew]
    for each in ending:
        require_transition(each.status, _S.CANCELED)
        each.status, each.ended_at, each.next_action_at = _S.CANCELED, each.current_period_end, None
    going_on = [each for each in subscriptions if each.status is not _S.CANCELED]
    facts = dict.fromkeys((each.id for each in ending), "subscription.canceled")
    facts |= {each.id: "subscription.trial_ended" for each in going_on if each.status is _S.TRIALING}
    items = items_of_each(session, subscription_ids=[each.id for each in going_on])
    drafts = [_begin_next(each, items[each.id], at=at) for each in going_on]
    computed = compute_each(session, [draft for draft in drafts if draft], tax=flat_tax(settings.TAX_RATE))
    issued = issue(session, computed, number_prefix=settings.INVOICE_PREFIX, actor=WORKER, now=now)
    by_id = {each.id: each for each in going_on}
    for invoice, _, _ in issued:
        if invoice.subscription_id is not None:
            by_id[invoice.subscription_id].latest_invoice_id = invoice.id
        if invoice.status is InvoiceStatus.OPEN and invoice.collection is Collection.AUTOMATIC:
            collect(
                session,
                customer=customers[invoice.customer_id],
                invoice=invoice,
                payment_method=invoice.payment_method_id,
                off_session=True,
                kind=PAY_KIND,
                resource_type="invoice",
                resource_id=public_id(INVOICE_PREFIX, invoice.id),
                actor=WORKER,
                now=now,
            )
    for each in going_on:
        if each.status is not _S.PAUSED:
            version = session.get_one(PlanVersion, each.plan_version_id)
            owe_month(session, each, version, at=each.current_period_start, now=now)
    for each in subscriptions:
        due = next_action(each)
        each.next_action_at = due.at if due else None
        each.updated_at = at
    session.flush()
    note_limits(session, subscriptions, now=now)
    for each, state in zip(subscriptions, represented(session, subscriptions), strict=True):
        record_fact(
            session,
            fact=facts.get(each.id, "subscription.renewed"),
            object_type="subscription",
            state=state,
            customer_id=each.customer_id,
            before=None,
            after={"status": state["status"], "current_period_end": state["current_period_end"]},
            actor=WORKER,
            now=now,
        )


def _begin_next(subscription: Subscription, items: Sequence[PricedItem], *, at: datetime) -> Draft | None:
    """Bring a subscription into its next period; return what is owed for it, None while it is paused."""
    cycle = Cycle(subscription.anchor, subscription.anchor_day, subscription.interval)
    start = subscription.current_period_end
    subscription.current_period_start, subscription.current_period_end = start, cycle.period_at(start).end
    if subscription.status is _S.TRIALING:
        subscription.status = _S.ACTIVE
    if subscription.status is _S.PAUSED:
        return None
    return period_draft(subscription, items, reason=BillingReason.SUBSCRIPTION_CYCLE, at=at)
