"""Disputes, and the evidence against them."""

from flask_openapi.blueprint import APIBlueprint
from sqlalchemy import select

from app.edge import Answer, Context, Idempotency, endpoint
from app.pagination import page_of
from app.routes.documentation import BEARER, answers, slow_answers
from app.schemas import disputes as schemas
from billing.customers.find import find_customer
from billing.payments.dispute_evidence import request_evidence
from billing.payments.find import find_dispute, find_payment
from billing.payments.representation import dispute_representation
from models.dispute import Dispute, DisputeStatus

blueprint = APIBlueprint("disputes", __name__, abp_tags=[{"name": "Disputes"}], abp_security=BEARER)


@blueprint.get("/disputes", summary="List disputes", responses=answers(schemas.DisputePage))
@endpoint(scope="disputes:read")
def list_(context: Context, query: schemas.DisputeQuery) -> Answer:
    """Newest first."""
    found = select(Dispute)
    if query.customer_id is not None:
        customer = find_customer(context.session, public=query.customer_id, own=context.own)
        found = found.where(Dispute.customer_id == customer.id)
    elif context.own is not None:
        found = found.where(Dispute.customer_id == context.own)
    if query.payment_id is not None:
        payment = find_payment(context.session, public=query.payment_id, own=context.own)
        found = found.where(Dispute.payment_id == payment.id)
    if query.status is not None:
        found = found.where(Dispute.status == DisputeStatus(query.status))

    return Answer(
        body=page_of(
            context.session,
            found,
            key=Dispute.id,
            limit=query.limit,
            cursor=query.cursor,
            represent=lambda disputes: [dispute_representation(dispute) for dispute in disputes],
        )
    )


@blueprint.get("/disputes/<dispute_id>", summary="Get a dispute", responses=answers(schemas.Dispute))
@endpoint(scope="disputes:read")
def get(context: Context, path: schemas.DisputePath) -> Answer:
    """Return the dispute with the names of the evidence that the gateway has."""
    dispute = find_dispute(context.session, public=path.dispute_id, own=context.own)
    return Answer(body=dispute_representation(dispute))


@blueprint.post(
    "/disputes/<dispute_id>/evidence",
    summary="Answer a dispute",
    responses=slow_answers(schemas.Dispute, schemas.DisputePending, status=200),
)
@endpoint(scope="disputes:write", idempotency=Idempotency.OPTIONAL)
def add_evidence(context: Context, path: schemas.DisputePath, body: schemas.EvidenceCreate) -> Answer:
    """Adds evidence, and with `submit` hands it to the bank. Until the due date, and while nothing is decided."""
    dispute = find_dispute(context.session, public=path.dispute_id, own=context.own, lock=True)
    operation = request_evidence(
        context.session,
        dispute=dispute,
        evidence=body.evidence(),
        submit=body.submit,
        actor=context.actor,
        now=context.now,
    )
    return Answer(body=dispute_representation(dispute), operation=operation)
