"""Subscriptions: a customer subscribes, pauses, comes back and cancels."""

from typing import Any
from uuid import UUID

from flask_openapi.blueprint import APIBlueprint

from app.edge import Answer, Context, Idempotency, endpoint
from app.pagination import Listed, page_of_several
from app.routes.documentation import BEARER, answers, slow_answers
from app.schemas import subscriptions as schemas
from app.schemas.base import EmptyBody
from billing.business_time import business_now_of
from billing.customers.find import customer_of, find_customer
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.mirror.find import find_either, find_ours, mirrored_subscriptions, represented_either
from billing.mirror.representation import STRIPE
from billing.payments.representation import payment_representation
from billing.subscriptions.cancel import cancel, pause, resume
from billing.subscriptions.create import SubscriptionTerms, create_subscription
from billing.subscriptions.cycle import whole_seconds
from billing.subscriptions.find import lock_subscription, represented, subscriptions
from billing.subscriptions.proration import EventDay, Granularity, Policy
from billing.subscriptions.representation import BILLING
from models.customer import Customer
from models.ids import public_id
from models.mirror import MirroredSubscription
from models.price import PriceInterval
from models.subscription import Collection, Subscription

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
            currency=body.currency,
            trial_days=body.trial_days,
            payment_method=body.payment_method,
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


@blueprint.post(
    "/subscriptions/<subscription_id>/cancel",
    summary="Cancel a subscription",
    responses=answers(schemas.Subscription, extra=(409,)),
)
@endpoint(scope="subscriptions:write", idempotency=Idempotency.OPTIONAL)
def cancel_subscription(context: Context, path: schemas.SubscriptionPath, body: schemas.SubscriptionCancel) -> Answer:
    """When its period ends, unless `at` says now. One that is not paid yet ends at once, and its invoice with it."""
    customer, subscription = _locked(context, path)
    cancel(
        context.session,
        customer=customer,
        subscription=subscription,
        at_once=body.at == "now",
        reason=body.reason,
        actor=context.actor,
        at=whole_seconds(business_now_of(context.session, customer=customer, now=context.now)),
        now=context.now,
    )
    return _shown(context, subscription)


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
        subscription=subscription,
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


def _shown(context: Context, subscription: Subscription) -> Answer:
    (body,) = represented(context.session, [subscription])
    return Answer(body=body)
