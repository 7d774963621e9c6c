"""Payments, refunds, and the confirmation of setup intents. All of it is slow work: the gateway hears of it from a worker."""

from collections.abc import Sequence

from flask_openapi.blueprint import APIBlueprint
from sqlalchemy import select

from app.edge import Answer, Context, Idempotency, endpoint
from app.pagination import page_of
from app.routes.documentation import BEARER, answers, slow_answers
from app.schemas import customers as customer_schemas
from app.schemas import payments as schemas
from app.schemas.base import EmptyBody
from billing.customers.find import find_customer
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.errors import FieldFault, Invalid
from billing.payments.chargeable import require_chargeable
from billing.payments.create import PaymentTerms, create_payment
from billing.payments.find import disputes_of, disputes_of_each, find_payment, refunds_of, refunds_of_each
from billing.payments.refund import request_refund
from billing.payments.representation import payment_representation, refund_representation
from billing.payments.requests import request_cancellation, request_capture, request_confirmation
from billing.setup_intents.representation import setup_intent_representation
from billing.setup_intents.requests import find_setup_intent, request_setup_confirmation
from models.customer import Customer
from models.ids import public_id
from models.payment import CaptureMethod, Payment, PaymentStatus

blueprint = APIBlueprint("payments", __name__, abp_tags=[{"name": "Payments"}], abp_security=BEARER)
_PAYMENT = slow_answers(schemas.Payment, schemas.PaymentPending, status=200)


class TermsContradict(Invalid):
    """Two parts of the request exclude each other."""

    code = "terms_contradict"


@blueprint.post(
    "/payments/intent",
    summary="Create a payment",
    responses=slow_answers(schemas.Payment, schemas.PaymentPending, status=201),
)
@endpoint(scope="payments:write", idempotency=Idempotency.REQUIRED)
def create(context: Context, body: schemas.PaymentCreate) -> Answer:
    """With `payment_method` and `confirm` it is charged at once. A decline is a 402 for who waits, with what to do about it."""
    _check_terms(body)
    amount = require_chargeable(amount_minor=body.amount, currency=body.currency)
    customer = _customer_of(context, body.customer_id)
    context.limit_payments(customer.id)
    payment, operation = create_payment(
        context.session,
        customer=customer,
        amount=amount,
        terms=PaymentTerms(
            payment_method=body.payment_method,
            confirm=body.confirm,
            capture=CaptureMethod(body.capture),
            off_session=body.off_session,
            return_url=body.return_url,
            description=body.description,
            metadata=body.metadata,
        ),
        actor=context.actor,
        now=context.now,
    )
    return Answer(body=payment_representation(payment, refunds=(), disputes=()), operation=operation)


@blueprint.post("/payments/confirm", summary="Confirm a payment", responses=_PAYMENT)
@endpoint(scope="payments:write", idempotency=Idempotency.OPTIONAL)
def confirm(context: Context, body: schemas.PaymentConfirm) -> Answer:
    """With the payment's own payment method or another one."""
    payment = _locked(context, body.payment_id)
    operation = request_confirmation(
        context.session,
        payment=payment,
        payment_method=body.payment_method,
        return_url=body.return_url,
        actor=context.actor,
        now=context.now,
    )
    return Answer(body=_representation(context, payment), operation=operation)


@blueprint.post("/payments/<payment_id>/capture", summary="Capture a payment", responses=_PAYMENT)
@endpoint(scope="payments:write", idempotency=Idempotency.OPTIONAL)
def capture(context: Context, path: schemas.PaymentPath, body: schemas.PaymentCapture) -> Answer:
    """Takes what was reserved, or a part of it; the rest is given back. Not with a customer's token."""
    context.require_key()
    payment = _locked(context, path.payment_id)
    operation = request_capture(
        context.session, payment=payment, amount_minor=body.amount, actor=context.actor, now=context.now
    )
    return Answer(body=_representation(context, payment), operation=operation)


@blueprint.post("/payments/<payment_id>/cancel", summary="Cancel a payment", responses=_PAYMENT)
@endpoint(scope="payments:write", idempotency=Idempotency.OPTIONAL)
def cancel(context: Context, path: schemas.PaymentPath, body: EmptyBody) -> Answer:  # noqa: ARG001 - the schema refuses unknown fields
    """Possible until the money has moved; after that there are refunds."""
    payment = _locked(context, path.payment_id)
    operation = request_cancellation(context.session, payment=payment, actor=context.actor, now=context.now)
    return Answer(body=_representation(context, payment), operation=operation)


@blueprint.post(
    "/payments/refund",
    summary="Refund a payment",
    responses=slow_answers(schemas.Refund, schemas.RefundPending, status=201),
)
@endpoint(scope="payments:write", idempotency=Idempotency.REQUIRED)
def refund(context: Context, body: schemas.RefundCreate) -> Answer:
    """Never more than is left: what is asked for is reserved at once. Not with a customer's token."""
    context.require_key()
    payment = _locked(context, body.payment_id)
    refund_, operation = request_refund(
        context.session,
        payment=payment,
        amount_minor=body.amount,
        reason=body.reason,
        actor=context.actor,
        now=context.now,
    )
    return Answer(body=refund_representation(refund_), operation=operation)


@blueprint.post(
    "/payments/setup-intents/<setup_intent_id>/confirm",
    summary="Confirm a setup intent",
    responses=slow_answers(customer_schemas.SetupIntent, customer_schemas.SetupIntentPending, status=200),
)
@endpoint(scope="customers:write", idempotency=Idempotency.OPTIONAL)
def confirm_setup_intent(
    context: Context, path: customer_schemas.SetupIntentPath, body: customer_schemas.SetupIntentConfirm
) -> Answer:
    """For flows without the gateway's client library."""
    intent = find_setup_intent(context.session, public=path.setup_intent_id, own=context.own)
    context.limit_payments(intent.customer_id)
    operation = request_setup_confirmation(
        context.session,
        intent=intent,
        payment_method=body.payment_method,
        return_url=body.return_url,
        actor=context.actor,
        now=context.now,
    )
    return Answer(body=setup_intent_representation(intent), operation=operation)


@blueprint.get("/payments", summary="List payments", responses=answers(schemas.PaymentPage))
@endpoint(scope="payments:read")
def list_(context: Context, query: schemas.PaymentQuery) -> Answer:
    """Newest first."""
    found = select(Payment)
    if query.customer_id is not None:
        customer = find_customer(context.session, public=query.customer_id, own=context.own)
        found = found.where(Payment.customer_id == customer.id)
    elif context.own is not None:
        found = found.where(Payment.customer_id == context.own)
    if query.status is not None:
        found = found.where(Payment.status == PaymentStatus(query.status))

    def represent(payments: Sequence[Payment]) -> list[dict[str, object]]:
        ids = [payment.id for payment in payments]
        refunds = refunds_of_each(context.session, payment_ids=ids)
        disputes = disputes_of_each(context.session, payment_ids=ids)
        return [
            payment_representation(payment, refunds=refunds[payment.id], disputes=disputes[payment.id])
            for payment in payments
        ]

    return Answer(
        body=page_of(
            context.session, found, key=Payment.id, limit=query.limit, cursor=query.cursor, represent=represent
        )
    )


@blueprint.get("/payments/<payment_id>", summary="Get a payment", responses=answers(schemas.Payment))
@endpoint(scope="payments:read")
def get(context: Context, path: schemas.PaymentPath) -> Answer:
    """Return the payment with its refunds and disputes."""
    payment = find_payment(context.session, public=path.payment_id, own=context.own)
    return Answer(body=_representation(context, payment))


def _representation(context: Context, payment: Payment) -> dict[str, object]:
    return payment_representation(
        payment,
        refunds=refunds_of(context.session, payment_id=payment.id),
        disputes=disputes_of(context.session, payment_id=payment.id),
    )


def _locked(context: Context, payment_id: str) -> Payment:
    # Redis is asked before the row is locked: nobody should wait for a payment because a counter is slow.
    context.limit_payments(find_payment(context.session, public=payment_id, own=context.own).customer_id)
    return find_payment(context.session, public=payment_id, own=context.own, lock=True)


def _customer_of(context: Context, named: str | None) -> Customer:
    if named is not None:
        return find_customer(context.session, public=named, own=context.own)
    if context.own is not None:
        return find_customer(context.session, public=public_id(CUSTOMER_PREFIX, context.own), own=context.own)
    detail = "name the customer who pays"
    raise TermsContradict(detail, errors=[FieldFault("/customer_id", "missing", detail)])


def _check_terms(body: schemas.PaymentCreate) -> None:
    if (body.confirm or body.off_session) and body.payment_method is None:
        detail = "a payment that is confirmed at once takes a payment_method"
        raise TermsContradict(detail, errors=[FieldFault("/payment_method", "missing", detail)])
