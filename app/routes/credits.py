"""Credits: what a customer has, and what is done with it.

These answer from the credits server: no transaction is open, and the idempotency keys are kept by the scripts themselves.
"""

from datetime import timedelta
from uuid import UUID

from flask_openapi.blueprint import APIBlueprint

from app.edge import Answer, Call, Idempotency, direct
from app.pagination import page_of
from app.routes.documentation import BEARER, answers
from app.schemas import credits as schemas
from app.schemas.base import EmptyBody
from billing.credits.answers import CreditAnswer, CreditOrder, HoldNotFound, KeptAs
from billing.credits.balance import read_balance
from billing.credits.deduct import deduct as deduct_credits
from billing.credits.deduct import deduct_each
from billing.credits.drain import drain_to_the_end
from billing.credits.find import granted_to, transactions
from billing.credits.find import usage as used
from billing.credits.grant import DEFAULT_PRIORITY, GrantTerms
from billing.credits.grant import grant as grant_credits
from billing.credits.hold import end_hold
from billing.credits.hold import hold as hold_credits
from billing.credits.limit import set_unlimited
from billing.credits.prefixes import GRANT_PREFIX, HOLD_PREFIX
from billing.credits.representation import (
    answer_representation,
    balance_representation,
    transaction_representation,
)
from billing.credits.shards import Shard, key_digest
from billing.credits.transfer import transfer as transfer_credits
from billing.customers.find import customer_of, require_customer
from billing.errors import BillingError, as_problem
from billing.idempotency import request_hash
from billing.timestamps import iso
from models.credits import CreditTransaction, GrantKind, TransactionType
from models.ids import MalformedId, new_id, public_id, row_id

blueprint = APIBlueprint("credits", __name__, abp_tags=[{"name": "Credits"}], abp_security=BEARER)
_BATCH = "/credits/deduct/batch"


@blueprint.get("/credits/balance", summary="Get a balance", responses=answers(schemas.Balance))
@direct(scope="credits:read")
def balance(call: Call, query: schemas.BalanceQuery) -> Answer:
    """What can be spent now, what is held, and the grants behind it in the order in which they are spent."""
    customer_id = customer_of(query.customer_id, own=call.own)
    found = read_balance(call.runtime, customer_id=customer_id, now=call.now)
    with call.runtime.transaction() as session:
        granted = granted_to(session, customer_id=customer_id)
    return Answer(body=balance_representation(found, granted=granted))


@blueprint.post("/credits/deduct", summary="Deduct credits", responses=answers(schemas.CreditAnswer, extra=(402, 409)))
@direct(scope="credits:write", idempotency=Idempotency.REQUIRED)
def deduct(call: Call, body: schemas.Deduct) -> Answer:
    """Takes them at once, or answers 402 and takes nothing. Soonest expiry first, then priority, then age."""
    order = _order(call, body.customer_id, amount=body.amount, operation=body.operation, metadata=body.metadata)
    return _answer(deduct_credits(call.runtime, order, now=call.now))


@blueprint.post(_BATCH, summary="Deduct credits many times", responses=answers(schemas.BatchAnswer))
@direct(scope="credits:write")
def deduct_batch(call: Call, body: schemas.DeductBatch) -> Answer:
    """Up to 500 deductions, each under a key of its own and with a result of its own, in the same order."""
    orders = [_item(call, item) for item in body.items]
    wanted = [order for order in orders if isinstance(order, CreditOrder)]
    answered = iter(deduct_each(call.runtime, wanted, now=call.now))
    found = [next(answered) if isinstance(order, CreditOrder) else order for order in orders]
    return Answer(body={"data": [_result(answer) for answer in found]})


@blueprint.post(
    "/credits/grants", summary="Grant credits", responses=answers(schemas.GrantAnswer, status=201, extra=(409,))
)
@direct(scope="credit_grants:write", idempotency=Idempotency.REQUIRED)
def grant(call: Call, body: schemas.GrantCreate) -> Answer:
    """For operators: gives credits without a payment. A debt is paid from them first."""
    order = _order(call, body.customer_id, amount=body.amount, operation=body.reason, metadata=body.metadata)
    kind = GrantKind(body.kind)
    terms = GrantTerms(
        id=new_id(),
        kind=kind,
        priority=DEFAULT_PRIORITY[kind] if body.priority is None else body.priority,
        expires_at=body.expires_at,
        reference=None,
    )
    most = call.runtime.settings.MAX_CREDIT_BALANCE
    made = grant_credits(call.runtime, order, terms, balance_max=most, now=call.now)
    return _answer(made.answer, status=201, grant_id=public_id(GRANT_PREFIX, made.grant_id))


@blueprint.post(
    "/credits/unlimited", summary="Lift or set a limit", responses=answers(schemas.LimitAnswer, extra=(409,))
)
@direct(scope="credit_grants:write", idempotency=Idempotency.REQUIRED)
def unlimited(call: Call, body: schemas.LimitChange) -> Answer:
    """For operators: an unlimited customer's uses are counted, and never refused."""
    order = _order(call, body.customer_id, amount=0, operation=body.reason, metadata={})
    answer = set_unlimited(call.runtime, order, unlimited=body.unlimited, now=call.now)
    return _answer(answer, unlimited=body.unlimited)


@blueprint.post(
    "/credits/holds", summary="Hold credits", responses=answers(schemas.HoldAnswer, status=201, extra=(402, 409))
)
@direct(scope="credits:write", idempotency=Idempotency.REQUIRED)
def hold(call: Call, body: schemas.HoldCreate) -> Answer:
    """Reserves credits for work whose cost is known only afterwards. It ends by itself."""
    order = _order(call, body.customer_id, amount=body.amount, operation=body.operation, metadata=body.metadata)
    held = hold_credits(call.runtime, order, lasts=timedelta(seconds=body.expires_in), now=call.now)
    return _answer(
        held.answer, status=201, hold_id=public_id(HOLD_PREFIX, held.hold_id), expires_at=iso(held.expires_at)
    )


@blueprint.post(
    "/credits/holds/<hold_id>/capture",
    summary="Take what is held",
    responses=answers(schemas.HoldOutcome, extra=(409,)),
)
@direct(scope="credits:write", idempotency=Idempotency.REQUIRED)
def capture(call: Call, path: schemas.HoldPath, body: schemas.HoldCapture) -> Answer:
    """Takes all of it, or `amount`; the rest comes back, and the hold is over."""
    return _end_hold(call, path.hold_id, amount=body.amount)


@blueprint.post(
    "/credits/holds/<hold_id>/release",
    summary="Give back what is held",
    responses=answers(schemas.HoldOutcome, extra=(409,)),
)
@direct(scope="credits:write", idempotency=Idempotency.REQUIRED)
def release(call: Call, path: schemas.HoldPath, body: EmptyBody) -> Answer:  # noqa: ARG001 - the body takes nothing
    """Gives all of it back; the hold is over."""
    return _end_hold(call, path.hold_id, amount=0)


@blueprint.post(
    "/credits/transfer", summary="Transfer credits", responses=answers(schemas.CreditAnswer, extra=(402, 409))
)
@direct(scope="credits:write", idempotency=Idempotency.REQUIRED)
def transfer(call: Call, body: schemas.TransferCreate) -> Answer:
    """From one customer to another, who may hold no more than MAX_CREDIT_BALANCE then. They keep their expiry."""
    order = _order(call, body.from_customer_id, amount=body.amount, operation="transfer", metadata=body.metadata)
    receiver = customer_of(body.to_customer_id, own=None)
    return _answer(transfer_credits(call.runtime, order, receiver=receiver, now=call.now))


@blueprint.get("/credits/history", summary="List credit transactions", responses=answers(schemas.TransactionPage))
@direct(scope="credits:read")
def history(call: Call, query: schemas.HistoryQuery) -> Answer:
    """Newest first. Of one customer, it has everything that was answered before."""
    customer_id = _whose(call, query.customer_id)
    with call.runtime.transaction() as session:
        customer = require_customer(session, customer_id) if customer_id is not None else None
        found = transactions(
            customer_id=customer_id,
            type_=TransactionType(query.type) if query.type is not None else None,
            since=query.from_,
            until=query.to,
            on_clock=customer is not None and customer.test_clock_id is not None,
        )
        return Answer(
            body=page_of(
                session,
                found,
                key=CreditTransaction.id,
                limit=query.limit,
                cursor=query.cursor,
                represent=lambda rows: [transaction_representation(row) for row in rows],
            )
        )


@blueprint.get("/usage", summary="Get usage", responses=answers(schemas.Usage))
@direct(scope="credits:read")
def usage(call: Call, query: schemas.UsageQuery) -> Answer:
    """What was used by day, operation or project (`metadata.projectId`). Of one customer, all that was answered before."""
    customer_id = _whose(call, query.customer_id)
    with call.runtime.transaction() as session:
        if customer_id is not None:
            require_customer(session, customer_id)
        rows = used(session, customer_id=customer_id, since=query.from_, until=query.to, by=query.group_by)
    return Answer(
        body={"data": [{query.group_by: str(row.group), "amount": row.amount, "count": row.uses} for row in rows]}
    )


def _whose(call: Call, customer: str | None) -> UUID | None:
    """Return the customer that is asked about, with all that it did in Postgres; None for all customers."""
    if customer is None and call.own is None:
        return None
    customer_id = customer_of(customer, own=call.own)
    drain_to_the_end(call.runtime, now=lambda: call.now, shards=[Shard.of(customer_id)])
    return customer_id


def _order(call: Call, customer: str | None, *, amount: int, operation: str, metadata: dict[str, str]) -> CreditOrder:
    customer_id = customer_of(customer, own=call.own)
    return CreditOrder(customer_id, amount, operation, metadata, call.caller.name, _kept(call))


def _item(call: Call, item: schemas.BatchItem) -> CreditOrder | BillingError:
    request = request_hash(method="POST", path=_BATCH, body=item.model_dump_json().encode()).hex()
    kept = KeptAs(key_digest(item.idempotency_key, caller=call.caller.name), request)
    try:
        customer_id = customer_of(item.customer_id, own=call.own)
    except BillingError as error:
        return error
    return CreditOrder(customer_id, item.amount, item.operation, item.metadata, call.caller.name, kept)


def _kept(call: Call) -> KeptAs:
    return KeptAs(key_digest(call.key or "", caller=call.caller.name), call.digest.hex())


def _answer(answer: CreditAnswer, *, status: int = 200, **more: object) -> Answer:
    return Answer(status=status, body=answer_representation(answer) | more, replayed=answer.replayed)


def _result(answer: CreditAnswer | BillingError) -> dict[str, object]:
    if isinstance(answer, BillingError):
        return {"error": as_problem(answer)}
    shown = answer_representation(answer)
    return {"id": shown["id"], "balance": shown["balance"]}


def _end_hold(call: Call, public: str, *, amount: int | None) -> Answer:
    try:
        hold_id: UUID = row_id(HOLD_PREFIX, public)
    except MalformedId:
        raise HoldNotFound(f"there is no hold {public!r}") from None
    ended = end_hold(
        call.runtime,
        hold_id=hold_id,
        amount=amount,
        own=call.own,
        actor=call.caller.name,
        kept=_kept(call),
        now=call.now,
    )
    shown = answer_representation(ended.answer)
    return Answer(
        body={
            "id": shown["id"],
            "hold_id": public_id(HOLD_PREFIX, hold_id),
            "customer_id": shown["customer_id"],
            "captured": ended.captured,
            "returned": ended.returned,
            "balance": shown["balance"],
            "created_at": shown["created_at"],
        },
        replayed=ended.answer.replayed,
    )
