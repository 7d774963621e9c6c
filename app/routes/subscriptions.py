"""Subscriptions: a customer subscribes, pauses, comes back and cancels."""

from typing import Any
from uuid import UUID

from flask_openapi.blueprint import APIBlueprint

from app.edge import Answer, Context, Idempotency, endpoint
from app.pagination import Listed, page_of_several
from app.routes.documentation import BEARER, answers, slow_answers
from app.routes.payments import TermsContradict
from app.schemas import subscriptions as schemas
from app.schemas.base import EmptyBody
from billing.business_time import business_now, business_now_of
from billing.customers.find import customer_of, find_customer
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.errors import FieldFault
from billing.invoicing.credit_note_find import represented as credit_notes_represented
from billing.mirror.find import find_either, find_ours, mirrored_subscriptions, represented_either
from billing.mirror.representation import STRIPE
from billing.payments.representation import payment_representation
from billing.subscriptions.cancel import cancel, pause, resume
from billing.subscriptions.change import change
from billing.subscriptions.change_rule import Effective, Proration
from billing.subscriptions.create import SubscriptionTerms, create_subscription
from billing.subscriptions.cycle import whole_seconds
from billing.subscriptions.end_period import bill_last
from billing.subscriptions.find import lock_subscription, represented, subscriptions
from billing.subscriptions.preview import issue_token, preview_representation
from billing.subscriptions.proration import EventDay, Granularity, Policy
from billing.subscriptions.quote import Wanted, quote
from billing.subscriptions.refund_rest import refund_rest
from billing.subscriptions.representation import BILLING
from billing.subscriptions.revise import revise
from billing.tax.rule import flat_tax
from billing.timestamps import iso
from models.customer import Customer
from models.ids import public_id
from models.mirror import MirroredSubscription
from models.price import PriceInterval
from models.subscription import Collection, PauseBehavior, Subscription, SubscriptionStatus

# Without any of these a PUT changes neither what is billed nor when.
_OF_A_CHANGE = frozenset(schemas.SubscriptionWanted.model_fields) | {"preview_token"}
blueprint = APIBlueprint("subscriptions", __name__, abp_tags=[{"name": "Subscriptions"}], abp_security=BEARER)


@blueprint.post(
    "/subscriptions",
    summary="Subscribe",
    responses=slow_answers(schemas.SubscriptionCreated, schemas.SubscriptionPending, status=201),
)
@endpoint(scope="subscriptions:write", idempotency=Idempotency.OPTIONAL)
def create(context: Context, body: schemas.SubscriptionCreate) -> Answer:
    """With a trial, or free of charge, it begins at once; else it is `incomplete` until its first invoice is paid.

    A decline is a 402 for who waits, with `subscription_id` and `invoice_id`: pay that invoice with another card.
    """
    customer = _locked_customer(context, customer_of(body.customer_id, own=context.own))
    created = create_subscription(
        context.session,
        customer=customer,
        terms=SubscriptionTerms(
            plan=body.plan,
            interval=PriceInterval(body.interval),
            quantity=body.quantity,
            addons=body.addons,
            currency=body.currency,
            trial_days=body.trial_days,
            payment_method=body.payment_method,
            coupon=body.coupon,
            policy=Policy(Granularity(body.proration_policy.granularity), EventDay(body.proration_policy.event_day)),
            collection=Collection(body.collection),
            days_until_due=body.days_until_due,
            billing_anchor_day=body.billing_anchor_day,
            auto_renew=context.settings.AUTO_RENEW if body.auto_renew is None else body.auto_renew,
            metadata=body.metadata,
        ),
        settings=context.settings,
        actor=context.actor,
        now=business_now_of(context.session, customer=customer, now=context.now),
        recorded_at=context.now,
    )
    context.session.flush()
    (shown,) = represented(context.session, [created.subscription])
    location = {"Location": f"/subscriptions/{shown['id']}"}
    if created.collected is None:
        return Answer(status=201, body={**shown, "payment": None}, headers=location)
    payment = payment_representation(created.collected.payment, refunds=(), disputes=())
    return Answer(body={**shown, "payment": payment}, operation=created.collected.operation)


@blueprint.get("/subscriptions", summary="List subscriptions", responses=answers(schemas.SubscriptionPage))
@endpoint(scope="subscriptions:read")
def list_(context: Context, query: schemas.SubscriptionQuery) -> Answer:
    """Newest first, also those that have ended, and those that Stripe bills (`managed_by: stripe`)."""
    customer_id = context.own
    if query.customer_id is not None:
        customer_id = find_customer(context.session, public=query.customer_id, own=context.own).id
    status, plan = query.status, query.plan
    ours = subscriptions(customer_id=customer_id, status=status, plan=plan)
    mirrored = mirrored_subscriptions(customer_id=customer_id, status=status, plan=plan)
    lists: dict[str, Listed[Any]] = {
        BILLING: Listed(ours, Subscription.id),
        STRIPE: Listed(mirrored, MirroredSubscription.id),
    }
    return Answer(
        body=page_of_several(
            context.session,
            list(lists.values()) if query.managed_by is None else [lists[query.managed_by]],
            limit=query.limit,
            cursor=query.cursor,
            represent=lambda found: represented_either(context.session, found),
        )
    )


@blueprint.get(
    "/subscriptions/<subscription_id>", summary="Get a subscription", responses=answers(schemas.Subscription)
)
@endpoint(scope="subscriptions:read")
def get(context: Context, path: schemas.SubscriptionPath) -> Answer:
    """As it stands now."""
    found = find_either(context.session, public=path.subscription_id, own=context.own)
    (body,) = represented_either(context.session, [found])
    return Answer(body=body)


@blueprint.put(
    "/subscriptions/<subscription_id>",
    summary="Change a subscription",
    responses=slow_answers(schemas.SubscriptionCreated, schemas.SubscriptionPending, status=200),
)
@endpoint(scope="subscriptions:write", idempotency=Idempotency.OPTIONAL)
def update(context: Context, path: schemas.SubscriptionPath, body: schemas.SubscriptionUpdate) -> Answer:
    """What is more comes now and is paid first: until then it is a `pending_change`. What is less comes when the period ends.

    A decline is a 402 for who waits, and the change is withdrawn (UNPAID_CHANGE). Asking for what is there already withdraws a
    change that has not come.
    """
    customer, subscription = _locked(context, path)
    at = whole_seconds(business_now_of(context.session, customer=customer, now=context.now))
    revise(
        context.session,
        subscription=subscription,
        payment_method=body.payment_method,
        coupon=body.coupon,
        removes_coupon="coupon" in body.model_fields_set and body.coupon is None,
        auto_renew=body.auto_renew,
        metadata=body.metadata,
        actor=context.actor,
        at=at,
        now=context.now,
    )
    if not body.model_fields_set & _OF_A_CHANGE:
        return _shown(context, subscription)
    changed = change(
        context.session,
        customer=customer,
        subscription=subscription,
        wanted=_wanted(body),
        preview_token=body.preview_token,
        settings=context.settings,
        actor=context.actor,
        at=at,
        now=context.now,
    )
    context.session.flush()
    (shown,) = represented(context.session, [subscription])
    if changed.collected is None:
        return Answer(body={**shown, "payment": None})
    payment = payment_representation(changed.collected.payment, refunds=(), disputes=())
    return Answer(body={**shown, "payment": payment}, operation=changed.collected.operation)


@blueprint.post(
    "/subscriptions/<subscription_id>/preview",
    summary="Preview a change",
    responses=answers(schemas.SubscriptionPreview, extra=(409,)),
)
@endpoint(scope="subscriptions:read")
def preview(context: Context, path: schemas.SubscriptionPath, body: schemas.SubscriptionWanted) -> Answer:
    """The lines and amounts of a change, to the cent. Nothing is written; `preview_token` asks for just this."""
    found = find_ours(context.session, public=path.subscription_id, own=context.own)
    at = whole_seconds(business_now(context.session, customer_id=found.customer_id, now=context.now))
    wanted = _wanted(body)
    quoted = quote(context.session, found, wanted, tax=flat_tax(context.settings.TAX_RATE), at=at)
    shown = preview_representation(quoted)
    token, expires_at = issue_token(
        shown,
        subscription_id=found.id,
        wanted=wanted,
        at=quoted.at,
        now=context.now,
        key=context.settings.API_KEY_PEPPER.get_secret_value(),
    )
    return Answer(body={**shown, "preview_token": token, "expires_at": iso(expires_at)})


@blueprint.post(
    "/subscriptions/<subscription_id>/cancel",
    summary="Cancel a subscription",
    responses=answers(schemas.SubscriptionCanceled, extra=(409,)),
)
@endpoint(scope="subscriptions:write", idempotency=Idempotency.OPTIONAL)
def cancel_subscription(context: Context, path: schemas.SubscriptionPath, body: schemas.SubscriptionCancel) -> Answer:
    """When its period ends, unless `at` says now. One that is not paid yet ends at once, and its invoice with it.

    With `refund: prorated` what was paid for the rest of the period comes back by a credit note.
    """
    if body.refund == "prorated" and body.at != "now":
        detail = "nothing of the period is left at its end; a prorated refund takes at: now"
        raise TermsContradict(detail, errors=[FieldFault("/refund", "not_at_period_end", detail)])
    customer, subscription = _locked(context, path)
    at = whole_seconds(business_now_of(context.session, customer=customer, now=context.now))
    has_begun = subscription.status is not SubscriptionStatus.INCOMPLETE
    cancel(
        context.session,
        customer=customer,
        subscription=subscription,
        at_once=body.at == "now",
        reason=body.reason,
        actor=context.actor,
        at=at,
        now=context.now,
    )
    if body.at == "now" and has_begun:
        bill_last(
            context.session,
            customer=customer,
            subscription=subscription,
            settings=context.settings,
            at=at,
            now=context.now,
        )
    notes = []
    if body.refund == "prorated":
        written = refund_rest(
            context.session,
            customer=customer,
            subscription=subscription,
            number_prefix=context.settings.INVOICE_PREFIX,
            actor=context.actor,
            at=at,
            now=context.now,
        )
        notes = credit_notes_represented(context.session, [each.note for each in written])
    return Answer(body={**_shown(context, subscription).body, "credit_notes": notes})


@blueprint.post(
    "/subscriptions/<subscription_id>/pause",
    summary="Pause a subscription",
    responses=answers(schemas.Subscription, extra=(409,)),
)
@endpoint(scope="subscriptions:write", idempotency=Idempotency.OPTIONAL)
def pause_subscription(context: Context, path: schemas.SubscriptionPath, body: schemas.SubscriptionPause) -> Answer:
    """Neither service nor invoices, until `until` or until it is resumed. Its periods go on meanwhile."""
    customer, subscription = _locked(context, path)
    pause(
        context.session,
        subscription=subscription,
        until=body.until,
        behavior=PauseBehavior(body.behavior),
        actor=context.actor,
        at=whole_seconds(business_now_of(context.session, customer=customer, now=context.now)),
        now=context.now,
    )
    return _shown(context, subscription)


@blueprint.post(
    "/subscriptions/<subscription_id>/resume",
    summary="Resume a subscription",
    responses=answers(schemas.Subscription, extra=(409,)),
)
@endpoint(scope="subscriptions:write", idempotency=Idempotency.OPTIONAL)
def resume_subscription(context: Context, path: schemas.SubscriptionPath, body: EmptyBody) -> Answer:  # noqa: ARG001 - checked
    """Ends a pause, or withdraws a cancellation that has not come yet."""
    customer, subscription = _locked(context, path)
    resume(
        context.session,
        customer=customer,
        subscription=subscription,
        settings=context.settings,
        actor=context.actor,
        at=whole_seconds(business_now_of(context.session, customer=customer, now=context.now)),
        now=context.now,
    )
    return _shown(context, subscription)


def _locked_customer(context: Context, customer_id: UUID) -> Customer:
    public = public_id(CUSTOMER_PREFIX, customer_id)
    return find_customer(context.session, public=public, own=context.own, lock=True)


def _locked(context: Context, path: schemas.SubscriptionPath) -> tuple[Customer, Subscription]:
    """Return customer and subscription with their rows locked, in this order. Raises SubscriptionManagedAtStripe."""
    found = find_ours(context.session, public=path.subscription_id, own=context.own)
    customer = _locked_customer(context, found.customer_id)
    return customer, lock_subscription(context.session, subscription_id=found.id)


def _wanted(body: schemas.SubscriptionWanted) -> Wanted:
    return Wanted(
        plan=body.plan,
        interval=PriceInterval(body.interval) if body.interval else None,
        quantity=body.quantity,
        addons=body.addons,
        anchor_day=body.billing_anchor_day,
        effective=Effective(body.effective) if body.effective else None,
        proration=Proration(body.proration),
        proration_date=body.proration_date,
    )


def _shown(context: Context, subscription: Subscription) -> Answer:
    (body,) = represented(context.session, [subscription])
    return Answer(body=body)
