"""Credit notes: what of an invoice is taken back."""

from flask_openapi.blueprint import APIBlueprint

from app.edge import Answer, Context, Idempotency, endpoint
from app.pagination import page_of
from app.routes.documentation import BEARER, answers, slow_answers
from app.routes.invoices import lock_parties
from app.routes.payments import TermsContradict
from app.schemas import credit_notes as schemas
from app.schemas.invoices import InvoicePath
from billing.business_time import business_now_of
from billing.customers.find import find_customer
from billing.errors import FieldFault
from billing.invoicing.credit_note import GiveBack, credit
from billing.invoicing.credit_note_find import credit_notes, find_credit_note, represented
from billing.invoicing.credit_note_parts import CreditWish, LineCredit
from billing.invoicing.find import find_invoice
from models.credit_note import CreditNote

blueprint = APIBlueprint("credit_notes", __name__, abp_tags=[{"name": "Credit notes"}], abp_security=BEARER)


@blueprint.post(
    "/invoices/<invoice_id>/credit-notes",
    summary="Take a part of an invoice back",
    responses=slow_answers(schemas.CreditNote, schemas.CreditNotePending, status=201),
)
@endpoint(scope="invoices:write", idempotency=Idempotency.OPTIONAL)
def create(context: Context, path: InvoicePath, body: schemas.CreditNoteCreate) -> Answer:
    """A gross amount, or lines. What is open becomes less first; what was paid goes to the customer's balance.

    With `give_back: refund` it goes back to the payment, as much as was paid by it: then there is an operation to wait for.
    """
    if (body.amount is None) == (body.lines is None):
        detail = "name either an amount or lines"
        raise TermsContradict(detail, errors=[FieldFault("/amount", "amount_or_lines", detail)])
    found = find_invoice(context.session, public=path.invoice_id, own=context.own)
    give_back = GiveBack(body.give_back)
    if give_back is GiveBack.REFUND:
        context.limit_payments(found.customer_id)
    customer, invoice = lock_parties(context, found)
    written = credit(
        context.session,
        customer=customer,
        invoice=invoice,
        wish=CreditWish(body.amount, [LineCredit(line.line_id, line.amount) for line in body.lines or ()]),
        give_back=give_back,
        reason=body.reason,
        metadata=body.metadata,
        number_prefix=context.settings.INVOICE_PREFIX,
        actor=context.actor,
        at=business_now_of(context.session, customer=customer, now=context.now),
        now=context.now,
    )
    (shown,) = represented(context.session, [written.note])
    if written.operation is not None:
        return Answer(body=shown, operation=written.operation)
    return Answer(status=201, body=shown, headers={"Location": f"/credit-notes/{shown['id']}"})


@blueprint.get("/credit-notes", summary="List credit notes", responses=answers(schemas.CreditNotePage))
@endpoint(scope="invoices:read")
def list_(context: Context, query: schemas.CreditNoteQuery) -> Answer:
    """Newest first."""
    customer_id, invoice_id = context.own, None
    if query.customer_id is not None:
        customer_id = find_customer(context.session, public=query.customer_id, own=context.own).id
    if query.invoice_id is not None:
        invoice_id = find_invoice(context.session, public=query.invoice_id, own=context.own).id
    return Answer(
        body=page_of(
            context.session,
            credit_notes(customer_id=customer_id, invoice_id=invoice_id),
            key=CreditNote.id,
            limit=query.limit,
            cursor=query.cursor,
            represent=lambda found: represented(context.session, found),
        )
    )


@blueprint.get("/credit-notes/<credit_note_id>", summary="Get a credit note", responses=answers(schemas.CreditNote))
@endpoint(scope="invoices:read")
def get(context: Context, path: schemas.CreditNotePath) -> Answer:
    """With its lines, taxes and refund."""
    found = find_credit_note(context.session, public=path.credit_note_id, own=context.own)
    (body,) = represented(context.session, [found])
    return Answer(body=body)
