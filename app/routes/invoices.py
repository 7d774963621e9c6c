"""Invoices and the cases of those that were not paid."""

from flask_openapi.blueprint import APIBlueprint

from app.edge import Answer, Context, Idempotency, endpoint
from app.pagination import page_of
from app.routes.documentation import BEARER, answers, slow_answers
from app.schemas import dunning as dunning_schemas
from app.schemas import invoices as schemas
from app.schemas.base import EmptyBody
from billing.business_time import business_now_of
from billing.customers.find import find_customer
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.dunning.find import cases, find_case
from billing.dunning.representation import case_representation
from billing.invoicing.find import find_invoice, invoices, lock_invoice, represented
from billing.invoicing.manual import DraftTerms, add_line, create_draft, delete_draft, finalize_draft
from billing.invoicing.pay import pay
from billing.invoicing.void import void
from billing.invoicing.write_off import write_off
from billing.payments.representation import payment_representation
from billing.subscriptions.find import find_subscription, lock_subscription
from billing.subscriptions.follow_invoice import invoice_given_up
from billing.tax.rule import flat_tax
from models.customer import Customer
from models.dunning import DunningCase
from models.ids import public_id
from models.invoice import Invoice
from models.subscription import Collection

blueprint = APIBlueprint("invoices", __name__, abp_tags=[{"name": "Invoices"}], abp_security=BEARER)


@blueprint.get("/invoices", summary="List invoices", responses=answers(schemas.InvoicePage))
@endpoint(scope="invoices:read")
def list_(context: Context, query: schemas.InvoiceQuery) -> Answer:
    """Newest first."""
    customer_id, subscription_id = context.own, None
    if query.customer_id is not None:
        customer_id = find_customer(context.session, public=query.customer_id, own=context.own).id
    if query.subscription_id is not None:
        subscription_id = find_subscription(context.session, public=query.subscription_id, own=context.own).id
    return Answer(
        body=page_of(
            context.session,
            invoices(
                customer_id=customer_id,
                subscription_id=subscription_id,
                status=query.status,
                from_=query.from_,
                to=query.to,
            ),
            key=Invoice.id,
            limit=query.limit,
            cursor=query.cursor,
            represent=lambda found: represented(context.session, found),
        )
    )


@blueprint.get("/invoices/<invoice_id>", summary="Get an invoice", responses=answers(schemas.Invoice))
@endpoint(scope="invoices:read")
def get(context: Context, path: schemas.InvoicePath) -> Answer:
    """With its lines, taxes and payments."""
    return _shown(context, find_invoice(context.session, public=path.invoice_id, own=context.own))


@blueprint.post("/invoices", summary="Draft an invoice", responses=answers(schemas.Invoice, status=201))
@endpoint(scope="invoices:write", idempotency=Idempotency.OPTIONAL)
def create(context: Context, body: schemas.InvoiceCreate) -> Answer:
    """A draft: add lines, then finalize it. Until then it owes nothing, and can be deleted."""
    customer = find_customer(context.session, public=body.customer_id, own=context.own, lock=True)
    invoice = create_draft(
        context.session,
        customer=customer,
        terms=DraftTerms(
            currency=body.currency or customer.currency or context.settings.CURRENCY,
            collection=Collection(body.collection),
            days_until_due=body.days_until_due,
            payment_method=body.payment_method,
            metadata=body.metadata,
        ),
        tax=flat_tax(context.settings.TAX_RATE),
        actor=context.actor,
        at=business_now_of(context.session, customer=customer, now=context.now),
        now=context.now,
    )
    (shown,) = represented(context.session, [invoice])
    return Answer(status=201, body=shown, headers={"Location": f"/invoices/{shown['id']}"})


@blueprint.post(
    "/invoices/<invoice_id>/lines",
    summary="Add a line to a draft",
    responses=answers(schemas.Invoice, status=201, extra=(409,)),
)
@endpoint(scope="invoices:write", idempotency=Idempotency.OPTIONAL)
def create_line(context: Context, path: schemas.InvoicePath, body: schemas.InvoiceLineCreate) -> Answer:
    """`quantity` of what costs `amount` each; the draft shows what it would come to with it."""
    customer, invoice = lock_parties(context, find_invoice(context.session, public=path.invoice_id, own=context.own))
    add_line(
        context.session,
        invoice=invoice,
        description=body.description,
        unit_amount=body.amount,
        quantity=body.quantity,
        tax=flat_tax(context.settings.TAX_RATE),
        actor=context.actor,
        at=business_now_of(context.session, customer=customer, now=context.now),
        now=context.now,
    )
    (shown,) = represented(context.session, [invoice])
    return Answer(status=201, body=shown)


@blueprint.delete(
    "/invoices/<invoice_id>",
    summary="Delete a draft",
    responses=answers(schemas.InvoiceDeleted, extra=(409,)),
)
@endpoint(scope="invoices:write")
def delete(context: Context, path: schemas.InvoicePath) -> Answer:
    """What has a number is never deleted: it is voided, or taken back by a credit note."""
    _, invoice = lock_parties(context, find_invoice(context.session, public=path.invoice_id, own=context.own))
    delete_draft(context.session, invoice=invoice, actor=context.actor, now=context.now)
    return Answer(body={"id": path.invoice_id, "deleted": True})


@blueprint.post(
    "/invoices/<invoice_id>/finalize",
    summary="Finalize a draft",
    responses=slow_answers(schemas.InvoiceFinalized, schemas.InvoicePending, status=200),
)
@endpoint(scope="invoices:write", idempotency=Idempotency.OPTIONAL)
def finalize(context: Context, path: schemas.InvoicePath, body: EmptyBody) -> Answer:  # noqa: ARG001 - checked
    """Gives it its number, and charges it unless it is to be sent. A decline is a 402 for who waits."""
    found = find_invoice(context.session, public=path.invoice_id, own=context.own)
    context.limit_payments(found.customer_id)
    customer, invoice = lock_parties(context, found)
    collected = finalize_draft(
        context.session,
        customer=customer,
        invoice=invoice,
        number_prefix=context.settings.INVOICE_PREFIX,
        tax=flat_tax(context.settings.TAX_RATE),
        actor=context.actor,
        at=business_now_of(context.session, customer=customer, now=context.now),
        now=context.now,
    )
    (shown,) = represented(context.session, [invoice])
    if collected is None:
        return Answer(body={**shown, "payment": None})
    payment = payment_representation(collected.payment, refunds=(), disputes=())
    return Answer(body={**shown, "payment": payment}, operation=collected.operation)


@blueprint.post(
    "/invoices/<invoice_id>/pay",
    summary="Pay an invoice",
    responses=slow_answers(schemas.InvoicePaid, schemas.InvoicePending, status=200),
)
@endpoint(scope="payments:write", idempotency=Idempotency.OPTIONAL)
def pay_invoice(context: Context, path: schemas.InvoicePath, body: schemas.InvoicePay) -> Answer:
    """Charges it now, with the payment method that is named or the customer's default. A decline is a 402 for who waits."""
    found = find_invoice(context.session, public=path.invoice_id, own=context.own)
    context.limit_payments(found.customer_id)
    customer, invoice = lock_parties(context, found)
    collected = pay(
        context.session,
        customer=customer,
        invoice=invoice,
        payment_method=body.payment_method,
        off_session=body.off_session,
        actor=context.actor,
        now=context.now,
    )
    (shown,) = represented(context.session, [invoice])
    payment = payment_representation(collected.payment, refunds=(), disputes=())
    return Answer(body={**shown, "payment": payment}, operation=collected.operation)


@blueprint.post(
    "/invoices/<invoice_id>/void", summary="Void an invoice", responses=answers(schemas.Invoice, extra=(409,))
)
@endpoint(scope="invoices:write", idempotency=Idempotency.OPTIONAL)
def void_invoice(context: Context, path: schemas.InvoicePath, body: EmptyBody) -> Answer:  # noqa: ARG001 - checked
    """Nothing is owed under its number any more. What is paid cannot be voided."""
    customer, invoice = lock_parties(context, find_invoice(context.session, public=path.invoice_id, own=context.own))
    at = business_now_of(context.session, customer=customer, now=context.now)
    void(context.session, customer=customer, invoice=invoice, actor=context.actor, at=at, now=context.now)
    invoice_given_up(context.session, customer=customer, invoice=invoice, actor=context.actor, at=at, now=context.now)
    return _shown(context, invoice)


@blueprint.post(
    "/invoices/<invoice_id>/mark-uncollectible",
    summary="Give an invoice up",
    responses=answers(schemas.Invoice, extra=(409,)),
)
@endpoint(scope="invoices:write", idempotency=Idempotency.OPTIONAL)
def mark_uncollectible(context: Context, path: schemas.InvoicePath, body: EmptyBody) -> Answer:  # noqa: ARG001 - checked
    """Nothing is tried any more. It stays owed, and may still be paid; the books count it as a loss meanwhile."""
    customer, invoice = lock_parties(context, find_invoice(context.session, public=path.invoice_id, own=context.own))
    at = business_now_of(context.session, customer=customer, now=context.now)
    write_off(context.session, invoice=invoice, actor=context.actor, at=at, now=context.now)
    invoice_given_up(context.session, customer=customer, invoice=invoice, actor=context.actor, at=at, now=context.now)
    return _shown(context, invoice)


@blueprint.get("/dunning", summary="List dunning cases", responses=answers(dunning_schemas.CasePage))
@endpoint(scope="invoices:read")
def list_cases(context: Context, query: dunning_schemas.CaseQuery) -> Answer:
    """Newest first: invoices that were not paid when they were due, what comes next, and why."""
    customer_id = context.own
    if query.customer_id is not None:
        customer_id = find_customer(context.session, public=query.customer_id, own=context.own).id
    return Answer(
        body=page_of(
            context.session,
            cases(customer_id=customer_id, status=query.status),
            key=DunningCase.id,
            limit=query.limit,
            cursor=query.cursor,
            represent=lambda found: [case_representation(case) for case in found],
        )
    )


@blueprint.get("/dunning/<case_id>", summary="Get a dunning case", responses=answers(dunning_schemas.DunningCase))
@endpoint(scope="invoices:read")
def get_case(context: Context, path: dunning_schemas.CasePath) -> Answer:
    """What comes next, and why."""
    return Answer(body=case_representation(find_case(context.session, public=path.case_id, own=context.own)))


def lock_parties(context: Context, found: Invoice) -> tuple[Customer, Invoice]:
    """Return customer and invoice with their rows locked, the subscription's between them."""
    public = public_id(CUSTOMER_PREFIX, found.customer_id)
    customer = find_customer(context.session, public=public, own=context.own, lock=True)
    if found.subscription_id is not None:
        lock_subscription(context.session, subscription_id=found.subscription_id)
    return customer, lock_invoice(context.session, invoice_id=found.id)


def _shown(context: Context, invoice: Invoice) -> Answer:
    (body,) = represented(context.session, [invoice])
    return Answer(body=body)
