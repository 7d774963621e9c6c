"""Customers, their payment methods, setup intents and tokens."""

from datetime import timedelta
from typing import Any

from flask_openapi.blueprint import APIBlueprint
from sqlalchemy import select

from app.edge import Answer, Context, Idempotency, endpoint
from app.pagination import page_of
from app.routes.documentation import BEARER, answers, slow_answers
from app.schemas import customers as schemas
from billing.access.customer_tokens import issue_token
from billing.customers.create import create_customer
from billing.customers.find import find_customer
from billing.customers.representation import ADDRESS_PARTS, customer_representation
from billing.customers.update import update_customer
from billing.payment_methods.representation import payment_method_representation
from billing.payment_methods.requests import payment_methods_of, request_attachment, request_detachment
from billing.setup_intents.representation import setup_intent_representation
from billing.setup_intents.requests import request_setup_intent
from billing.test_clocks.find import find_clock
from billing.timestamps import iso
from models.customer import Customer

blueprint = APIBlueprint("customers", __name__, abp_tags=[{"name": "Customers"}], abp_security=BEARER)


@blueprint.post(
    "/customers", summary="Create a customer", responses=answers(schemas.Customer, status=201, extra=(409,))
)
@endpoint(scope="customers:write", idempotency=Idempotency.OPTIONAL)
def create(context: Context, body: schemas.CustomerCreate) -> Answer:
    """The customer is there at once; a worker makes its counterpart at the gateway."""
    context.require_key()
    fields = _columns(body)
    customer = create_customer(
        context.session,
        test_clock=fields.pop("test_clock", None),
        fields=fields,
        livemode=context.settings.livemode,
        actor=context.actor,
        now=context.now,
    )
    representation = customer_representation(customer)
    return Answer(status=201, body=representation, headers={"Location": f"/customers/{representation['id']}"})


@blueprint.get("/customers", summary="List customers", responses=answers(schemas.CustomerPage))
@endpoint(scope="customers:read")
def list_(context: Context, query: schemas.CustomerQuery) -> Answer:
    """Newest first. A customer's token lists that customer only."""
    found = select(Customer).where(Customer.deleted_at.is_(None))
    if query.test_clock is not None:
        found = found.where(Customer.test_clock_id == find_clock(context.session, public=query.test_clock).id)
    if context.own is not None:
        found = found.where(Customer.id == context.own)
    if query.email is not None:
        found = found.where(Customer.email == query.email)
    return Answer(
        body=page_of(
            context.session,
            found,
            key=Customer.id,
            limit=query.limit,
            cursor=query.cursor,
            represent=lambda customers: [customer_representation(customer) for customer in customers],
        )
    )


@blueprint.get("/customers/<customer_id>", summary="Get a customer", responses=answers(schemas.Customer))
@endpoint(scope="customers:read")
def get(context: Context, path: schemas.CustomerPath) -> Answer:
    """Return the customer."""
    return Answer(body=customer_representation(_customer(context, path)))


@blueprint.put(
    "/customers/<customer_id>", summary="Change a customer", responses=answers(schemas.Customer, extra=(409,))
)
@endpoint(scope="customers:write", idempotency=Idempotency.OPTIONAL)
def update(context: Context, path: schemas.CustomerPath, body: schemas.CustomerUpdate) -> Answer:
    """Sets the fields that are named; null clears one."""
    customer = update_customer(
        context.session,
        customer=_customer(context, path, lock=True),
        fields=_columns(body),
        actor=context.actor,
        now=context.now,
    )
    return Answer(body=customer_representation(customer))


@blueprint.get(
    "/customers/<customer_id>/payment-methods",
    summary="List payment methods",
    responses=answers(schemas.PaymentMethodPage),
)
@endpoint(scope="customers:read")
def list_payment_methods(context: Context, path: schemas.CustomerPath) -> Answer:
    """All payment methods that are attached, newest first."""
    methods = payment_methods_of(context.session, customer_id=_customer(context, path).id)
    data = [payment_method_representation(method) for method in methods]
    return Answer(body={"data": data, "has_more": False, "next_cursor": None})


@blueprint.post(
    "/customers/<customer_id>/payment-methods",
    summary="Attach a payment method",
    responses=slow_answers(schemas.PaymentMethod, schemas.PaymentMethodPending, status=201),
)
@endpoint(scope="customers:write", idempotency=Idempotency.OPTIONAL)
def attach(context: Context, path: schemas.CustomerPath, body: schemas.PaymentMethodAttach) -> Answer:
    """Takes the id of a payment method that the gateway's client library made; never a card number."""
    customer = _customer(context, path, lock=True)
    operation = request_attachment(
        context.session,
        customer=customer,
        payment_method=body.payment_method,
        set_default=body.set_default,
        actor=context.actor,
        now=context.now,
    )
    return Answer(body={"id": body.payment_method, "customer_id": path.customer_id}, operation=operation)


@blueprint.delete(
    "/customers/<customer_id>/payment-methods/<payment_method>",
    summary="Detach a payment method",
    responses=slow_answers(schemas.PaymentMethod, schemas.PaymentMethodPending, status=200),
)
@endpoint(scope="customers:write")
def detach(context: Context, path: schemas.CustomerMethodPath) -> Answer:
    """Detached for good: the gateway does not take it back."""
    customer = _customer(context, path, lock=True)
    operation = request_detachment(
        context.session, customer=customer, payment_method=path.payment_method, actor=context.actor, now=context.now
    )
    return Answer(body={"id": path.payment_method, "customer_id": path.customer_id}, operation=operation)


@blueprint.post(
    "/customers/<customer_id>/setup-intents",
    summary="Save a payment method with strong authentication",
    responses=slow_answers(schemas.SetupIntent, schemas.SetupIntentPending, status=201),
)
@endpoint(scope="customers:write", idempotency=Idempotency.OPTIONAL)
def create_setup_intent(context: Context, path: schemas.CustomerPath, body: schemas.SetupIntentCreate) -> Answer:  # noqa: ARG001 - the schema refuses unknown fields
    """The outcome has the client secret that the gateway's client library takes."""
    intent, operation = request_setup_intent(
        context.session, customer=_customer(context, path, lock=True), actor=context.actor, now=context.now
    )
    return Answer(body=setup_intent_representation(intent), operation=operation)


@blueprint.post(
    "/customers/<customer_id>/tokens",
    summary="Issue a customer's token",
    responses=answers(schemas.Token, status=201),
)
@endpoint(scope="customers:write")
def create_token(context: Context, path: schemas.CustomerPath, body: schemas.TokenCreate) -> Answer:
    """Short-lived, for this customer's own objects. It is never stored, so an Idempotency-Key has no use here."""
    context.require_key()
    settings = context.settings
    token, expires_at = issue_token(
        customer_id=_customer(context, path).id,
        scopes=body.scopes,
        issued_by=context.caller.key_id,
        issuer_scopes=context.caller.scopes,
        expires_in=timedelta(seconds=body.expires_in),
        mode=settings.mode,
        pepper=settings.API_KEY_PEPPER.get_secret_value(),
        now=context.now,
    )
    return Answer(status=201, body={"token": token, "expires_at": iso(expires_at)})


def _customer(context: Context, path: schemas.CustomerPath, *, lock: bool = False) -> Customer:
    return find_customer(context.session, public=path.customer_id, own=context.own, lock=lock)


def _columns(body: schemas.CustomerDetails) -> dict[str, Any]:
    """Return the columns that the body names. An address is replaced as a whole; null clears it."""
    fields = body.model_dump(exclude_unset=True)
    if "metadata" in fields:
        fields["metadata_"] = fields.pop("metadata")
    if "address" in fields:
        address = fields.pop("address") or {}
        fields |= {part: address.get(part) for part in ADDRESS_PARTS}
    return fields
