"""Purchases of credits: a payment, and as slow as any other; its credits follow."""

from collections.abc import Sequence

from flask_openapi.blueprint import APIBlueprint

from app.edge import Answer, Context, Idempotency, endpoint
from app.pagination import page_of
from app.routes.documentation import BEARER, answers, slow_answers
from app.schemas import credit_purchases as schemas
from billing.credits.auto_top_up import (
    AutoTopUpNotSet,
    TopUpTerms,
    auto_top_up_representation,
    set_auto_top_up,
)
from billing.credits.find import find_purchase, purchases, with_payment_status
from billing.credits.price import price_of
from billing.credits.purchase import Limits, create_purchase
from billing.credits.purchase_representation import purchase_representation, purchase_with_payment
from billing.customers.find import customer_of, find_customer
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.payments.find import disputes_of, refunds_of
from models.credits import AutoTopUp, CreditPurchase
from models.ids import public_id
from models.payment import Payment

blueprint = APIBlueprint("credit_purchases", __name__, abp_tags=[{"name": "Credits"}], abp_security=BEARER)


@blueprint.post(
    "/credits/purchase",
    summary="Purchase credits",
    responses=slow_answers(schemas.Purchase, schemas.PurchasePending, status=201),
)
@endpoint(scope="payments:write", idempotency=Idempotency.REQUIRED)
def create(context: Context, body: schemas.PurchaseCreate) -> Answer:
    """Charges the payment method, and gives the credits once the money is there. A decline is a 402 for who waits."""
    settings = context.settings
    price = price_of(
        body.amount,
        currency=body.currency or settings.CURRENCY,
        per_dollar=settings.CREDITS_PER_DOLLAR,
        prices=settings.CREDIT_PRICES,
    )
    customer_id = customer_of(body.customer_id, own=context.own)
    # Redis is asked before the row is locked: nobody should wait for a customer because a counter is slow.
    context.limit_payments(customer_id)
    purchase, payment, operation = create_purchase(
        context.session,
        customer=find_customer(
            context.session, public=public_id(CUSTOMER_PREFIX, customer_id), own=context.own, lock=True
        ),
        credits_=body.amount,
        price=price,
        payment_method=body.payment_method,
        off_session=body.off_session,
        return_url=body.return_url,
        metadata=body.metadata,
        limits=Limits(settings.MIN_CREDIT_PURCHASE, settings.MAX_CREDIT_BALANCE),
        actor=context.actor,
        now=context.now,
    )
    return Answer(body=purchase_with_payment(purchase, payment, refunds=(), disputes=()), operation=operation)


@blueprint.get("/credits/purchases", summary="List purchases of credits", responses=answers(schemas.PurchasePage))
@endpoint(scope="payments:read")
def list_(context: Context, query: schemas.PurchaseQuery) -> Answer:
    """Newest first."""
    customer_id = context.own
    if query.customer_id is not None:
        customer_id = find_customer(context.session, public=query.customer_id, own=context.own).id

    def represent(rows: Sequence[CreditPurchase]) -> list[dict[str, object]]:
        return [
            purchase_representation(purchase, payment_status=status)
            for purchase, status in with_payment_status(context.session, rows)
        ]

    return Answer(
        body=page_of(
            context.session,
            purchases(customer_id=customer_id),
            key=CreditPurchase.id,
            limit=query.limit,
            cursor=query.cursor,
            represent=represent,
        )
    )


@blueprint.get(
    "/credits/purchases/<purchase_id>", summary="Get a purchase of credits", responses=answers(schemas.Purchase)
)
@endpoint(scope="payments:read")
def get(context: Context, path: schemas.PurchasePath) -> Answer:
    """With its payment."""
    purchase = find_purchase(context.session, public=path.purchase_id, own=context.own)
    payment = context.session.get_one(Payment, purchase.id)
    refunds = refunds_of(context.session, payment_id=payment.id)
    disputes = disputes_of(context.session, payment_id=payment.id)
    return Answer(body=purchase_with_payment(purchase, payment, refunds=refunds, disputes=disputes))


@blueprint.put(
    "/customers/<customer_id>/auto-top-up", summary="Set automatic top-up", responses=answers(schemas.AutoTopUp)
)
@endpoint(scope="customers:write", idempotency=Idempotency.OPTIONAL)
def set_top_up(context: Context, path: schemas.AutoTopUpPath, body: schemas.AutoTopUpSet) -> Answer:
    """Off until it is set. Ends a pause, so that a new card is tried at the next use."""
    row = set_auto_top_up(
        context.session,
        customer=find_customer(context.session, public=path.customer_id, own=context.own),
        terms=TopUpTerms(body.enabled, body.threshold, body.amount, body.payment_method, body.max_per_day),
        purchase_min=context.settings.MIN_CREDIT_PURCHASE,
        actor=context.actor,
        now=context.now,
    )
    return Answer(body=auto_top_up_representation(row))


@blueprint.get(
    "/customers/<customer_id>/auto-top-up", summary="Get automatic top-up", responses=answers(schemas.AutoTopUp)
)
@endpoint(scope="customers:read")
def get_top_up(context: Context, path: schemas.AutoTopUpPath) -> Answer:
    """404 where none was ever set."""
    customer = find_customer(context.session, public=path.customer_id, own=context.own)
    row = context.session.get(AutoTopUp, customer.id)
    if row is None:
        raise AutoTopUpNotSet(f"{path.customer_id} has set no automatic top-up")
    return Answer(body=auto_top_up_representation(row))
