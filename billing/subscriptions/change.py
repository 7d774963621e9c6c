"""Use case: a subscription gets another plan, quantity or interval.

What is to be paid at once is paid first: until then the change waits, and so it does for the period's end where it comes then.
What a preview showed is what is done, to the cent, or nothing is.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.invoicing.collect import Collected, collect, default_payment_method
from billing.invoicing.issue import issue
from billing.settings import Settings
from billing.subscriptions.apply_change import apply_now, withdraw
from billing.subscriptions.change_rule import Effective
from billing.subscriptions.coupon import coupons_of_each, use_up
from billing.subscriptions.move import record
from billing.subscriptions.offer import row_of
from billing.subscriptions.pending_lines import add_pending_lines
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from billing.subscriptions.preview import PreviewOutdated, preview_representation, read_token, require_as_shown
from billing.subscriptions.quote import ProrationDateOutside, Quote, Wanted, quote
from billing.subscriptions.representation import change_representation
from billing.tax.rule import flat_tax
from models.customer import Customer
from models.ids import new_id, public_id
from models.invoice import Invoice
from models.plan import Plan
from models.subscription import Collection, Subscription, SubscriptionChange

OPERATION_KIND = "subscription.change"
# As long as a first payment is waited for (next_action.py).
UNPAID_KEPT = timedelta(hours=23)


class Changed(NamedTuple):
    """What collects the change, where there is something to collect: until that is paid the change waits."""

    subscription: Subscription
    collected: Collected | None


def change(
    session: Session,
    *,
    customer: Customer,
    subscription: Subscription,
    wanted: Wanted,
    preview_token: str | None,
    settings: Settings,
    actor: Actor,
    at: datetime,
    now: datetime,
) -> Changed:
    """Change a subscription at `at`, business time in whole seconds; `now` is real time.

    It takes the place of a change that has not come; who asks for what is there already takes that back. The caller holds the
    locks of customer and subscription. Raises what `quote` raises, PreviewTokenRefused, PreviewOutdated, OperationUnderWay.
    """
    tax = flat_tax(settings.TAX_RATE)
    if preview_token is None:
        quoted = quote(session, subscription, wanted, tax=tax, at=at)
    else:
        key = settings.API_KEY_PEPPER.get_secret_value()
        previewed = read_token(preview_token, subscription_id=subscription.id, wanted=wanted, now=now, key=key)
        try:
            quoted = quote(session, subscription, wanted, tax=tax, at=at, as_of=previewed.at)
        except ProrationDateOutside:
            raise PreviewOutdated("the subscription has changed since the preview: ask for another one") from None
        require_as_shown(previewed, preview_representation(quoted))
    reason = "another change was asked for"
    withdraw(session, customer=customer, subscription=subscription, reason=reason, actor=actor, at=at, now=now)
    if quoted.changes_nothing:
        return Changed(subscription, None)
    row = _row(session, subscription, quoted, settings=settings, at=at)
    if quoted.effective is Effective.PERIOD_END:
        _say_what_waits(session, subscription, row, actor=actor, at=at, now=now)
        return Changed(subscription, None)
    if quoted.waits:
        add_pending_lines(session, subscription, quoted.computed.draft.lines, at=at)
    elif quoted.computed.draft.lines:
        (issued,) = issue(session, [quoted.computed], number_prefix=settings.INVOICE_PREFIX, actor=actor, now=now)
        subscription.latest_invoice_id = issued.invoice.id
        coupons = coupons_of_each(session, subscription_ids=[subscription.id])
        use_up(session, coupons, {subscription.id: issued.invoice.id})
        if issued.invoice.amount_due_minor and subscription.collection is Collection.AUTOMATIC:
            row.invoice_id = issued.invoice.id
            subscription.change_expires_at = min(at + UNPAID_KEPT, subscription.current_period_end)
            _say_what_waits(session, subscription, row, actor=actor, at=at, now=now)
            return Changed(
                subscription, _collect(session, customer, subscription, issued.invoice, actor=actor, now=now)
            )
    apply_now(session, subscription, row, actor=actor, at=at, now=now)
    return Changed(subscription, None)


def _row(
    session: Session, subscription: Subscription, quoted: Quote, *, settings: Settings, at: datetime
) -> SubscriptionChange:
    row = SubscriptionChange(
        id=new_id(),
        subscription_id=subscription.id,
        plan_id=quoted.offered.plan.id,
        plan_version_id=quoted.offered.version.id,
        interval=quoted.offered.interval,
        quantity=quoted.offered.quantity,
        ends=[item.item_id for item in quoted.change.ended],
        restarts_period=quoted.restarts,
        anchor_day=quoted.anchor_day,
        when_unpaid=settings.UNPAID_CHANGE,
        upgrade_credits=settings.UPGRADE_CREDITS,
        changes_at=quoted.effective_at,
        created_at=at,
    )
    session.add(row)
    session.flush()
    session.add_all(row_of(item, subscription_id=subscription.id, change_id=row.id) for item in quoted.change.begun)
    session.flush()
    return row


def _say_what_waits(
    session: Session, subscription: Subscription, row: SubscriptionChange, *, actor: Actor, at: datetime, now: datetime
) -> None:
    plan = session.get_one(Plan, row.plan_id)
    record(
        session,
        subscription,
        fact="subscription.change_scheduled",
        before={"pending_change": None},
        after={"pending_change": change_representation(row, plan)},
        actor=actor,
        at=at,
        now=now,
    )


def _collect(
    session: Session, customer: Customer, subscription: Subscription, invoice: Invoice, *, actor: Actor, now: datetime
) -> Collected:
    return collect(
        session,
        customer=customer,
        invoice=invoice,
        payment_method=subscription.payment_method_id or default_payment_method(session, customer=customer),
        off_session=False,
        kind=OPERATION_KIND,
        resource_type="subscription",
        resource_id=public_id(SUBSCRIPTION_PREFIX, subscription.id),
        actor=actor,
        now=now,
    )
