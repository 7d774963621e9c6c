"""Process: take a payment's operation to the gateway. Between any two lines the process may die.

1. The attempt is committed, with what the call will say. Whoever finds it in flight later makes the same call again.
2. The call, under the key `payment-attempt-<id>`. However often it is made, the gateway does it once.
3. The outcome, the attempt's end and the operation's outcome commit together.

Whoever comes so late that the gateway may have forgotten the key makes no call, but looks what came of the first one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.credits.prefixes import PURCHASE_PREFIX
from billing.customers.gateway_customer import ensure_gateway_customer
from billing.errors import BillingError, Conflict, Declined, Unavailable
from billing.fail_points import fail_point
from billing.gateways.errors import GatewayKeyTooOld, GatewayObjectMissing, GatewayRefused, require_key_in_force
from billing.gateways.snapshots import IntentSnapshot
from billing.invoicing.purchase_invoice import invoice_purchases
from billing.ledger.entry import Entry
from billing.ledger.post import post
from billing.observations import require_version
from billing.operation_outcome import OperationOutcome
from billing.payments.call import KIND_OF, Call, ask, call_of, call_params, look_up
from billing.payments.declines import explain
from billing.payments.find import disputes_of_each, refunds_of_each
from billing.payments.observe import PaymentNotAtGateway, observe_intent
from billing.payments.outcome import (
    IntentObservation,
    PaymentParts,
    bring_to_intent,
    fail_payment,
    lock_payment,
    lock_payments,
)
from billing.payments.representation import PREFIX, payment_representation
from billing.runtime import Runtime
from models.customer import Customer
from models.ids import new_id, public_id, row_id
from models.operation import Operation
from models.payment import AttemptKind, AttemptStatus, Payment, PaymentAttempt, PaymentStatus

_SUCCESS_STATUS = {AttemptKind.CREATE: 201}


class PaymentBusy(Unavailable):
    """Another call on the payment has no answer yet."""

    code = "payment_busy"


class PaymentAlreadyMoved(Conflict):
    """The payment was paid or canceled before the attempt could be made."""

    code = "payment_already_moved"


class AttemptNotMade(GatewayRefused):
    """A person found that the call never reached the gateway."""

    code = "attempt_not_made"


class PreparedCall(NamedTuple):
    """A call whose attempt is committed, and the gateway's customer."""

    call: Call
    gateway_customer: str


class PaymentSettlement:
    """What one call brought, ready to be applied in the transaction that finishes the operation."""

    def __init__(
        self,
        call: Call,
        gateway_customer: str | None,
        answer: IntentSnapshot | GatewayRefused | GatewayKeyTooOld,
        *,
        livemode: bool,
        number_prefix: str,
    ) -> None:
        self.payment_id = call.payment_id
        self.attempt_id = call.attempt_id
        self._call = call
        self._gateway_customer = gateway_customer
        self._refusal = None if isinstance(answer, IntentSnapshot) else answer
        self._decline = answer.last_payment_error if isinstance(answer, IntentSnapshot) else None
        self._observation = (
            IntentObservation(call.payment_id, call.version, answer) if isinstance(answer, IntentSnapshot) else None
        )
        self._livemode = livemode
        self.number_prefix = number_prefix

    def refresh(self, runtime: Runtime) -> None:
        """Ask the gateway again, because another observation came in between."""
        if self._observation is not None:
            self._observation = observe_intent(
                runtime, payment_id=self._call.payment_id, gateway_id=self._observation.intent.id
            )

    def apply(self, session: Session, *, actor: Actor, now: datetime) -> OperationOutcome:
        """Bring payment and attempt to their new state, and say what the operation's outcome is."""
        (outcome,) = apply_settlements(session, [(self, actor)], now=now)
        return outcome

    def conclude(
        self, session: Session, parts: PaymentParts, attempt: PaymentAttempt, *, actor: Actor, now: datetime
    ) -> tuple[OperationOutcome, list[Entry]]:
        """Do what `apply` says, with the rows at hand, the payment's locked. Asks the database nothing about them.

        Returns the outcome, and what the ledger has to be told.
        """
        payment, refunds, disputes = parts
        if self._observation is None:
            return self._apply_refusal(session, payment, attempt, actor=actor, now=now), []
        require_version(current=payment.version, observed=self._observation.version)
        captured = bring_to_intent(
            session,
            payment=payment,
            refunds=refunds,
            disputes=disputes,
            intent=self._observation.intent,
            gateway_customer=self._gateway_customer,
            livemode=self._livemode,
            actor=actor,
            now=now,
        )
        declined = self._decline if payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD else None
        if self._call.kind in {AttemptKind.CREATE, AttemptKind.CONFIRM} and declined is not None:
            attempt.status, attempt.decline_code, attempt.finished_at = AttemptStatus.DECLINED, declined.reason, now
            return OperationOutcome.failed(_declined(payment, declined.reason)), captured
        attempt.status, attempt.finished_at = AttemptStatus.ANSWERED, now
        body = payment_representation(payment, refunds=refunds, disputes=disputes)
        return OperationOutcome.succeeded(_SUCCESS_STATUS.get(self._call.kind, 200), body), captured

    def _apply_refusal(
        self, session: Session, payment: Payment, attempt: PaymentAttempt, *, actor: Actor, now: datetime
    ) -> OperationOutcome:
        refusal = self._refusal
        if refusal is None:
            raise ValueError("a settlement holds an answer or a refusal")
        attempt.finished_at = now
        refusal.extensions["payment_id"] = public_id(PREFIX, payment.id)
        if isinstance(refusal, GatewayKeyTooOld):
            attempt.status = AttemptStatus.PARKED
            return OperationOutcome.failed(refusal)
        attempt.status = AttemptStatus.REFUSED
        if self._call.kind is AttemptKind.CREATE and payment.status is PaymentStatus.PENDING:
            fail_payment(session, payment=payment, detail=refusal.detail, actor=actor, now=now)
        return OperationOutcome.failed(refusal)


def apply_settlements(
    session: Session, settlements: Sequence[tuple[PaymentSettlement, Actor]], *, now: datetime
) -> list[OperationOutcome]:
    """Apply what several calls brought, each of a payment of its own; return the outcomes in the same order.

    Locks the payments in the order of their ids, and takes their facts in the order of their customers, as batches of
    events do (billing/webhooks/decide.py), so that neither waits for the other. Raises what `apply` raises; whoever holds
    the transaction then rolls all of them back.
    """
    payment_ids = [settlement.payment_id for settlement, _ in settlements]
    payments = lock_payments(session, payment_ids=payment_ids)
    refunds = refunds_of_each(session, payment_ids=payment_ids)
    disputes = disputes_of_each(session, payment_ids=payment_ids)
    attempts = {
        attempt.id: attempt
        for attempt in session.scalars(
            select(PaymentAttempt).where(
                PaymentAttempt.id.in_([settlement.attempt_id for settlement, _ in settlements])
            ),
            execution_options={"populate_existing": True},
        )
    }
    outcomes: dict[UUID, OperationOutcome] = {}
    entries: list[Entry] = []
    paid: list[Payment] = []
    for settlement, actor in sorted(settlements, key=lambda each: payments[each[0].payment_id].customer_id.bytes):
        payment = payments[settlement.payment_id]
        parts = PaymentParts(payment, refunds[payment.id], disputes[payment.id])
        with session.no_autoflush:  # nothing below asks about these rows: all of them are written together at the end
            outcomes[payment.id], captured = settlement.conclude(
                session, parts, attempts[settlement.attempt_id], actor=actor, now=now
            )
            entries += captured
            if captured:
                paid.append(payment)
    post(session, entries, now=now)
    if paid:
        invoice_purchases(session, paid, number_prefix=settlements[0][0].number_prefix, now=now)
    return [outcomes[payment_id] for payment_id in payment_ids]


def perform_payment_operation(runtime: Runtime, *, operation: Operation, now: datetime) -> PaymentSettlement:
    """Make the operation's call and return what it brought.

    Raises Unavailable while the outcome is unknown; the operation stays and is performed again.
    """
    return make_call(runtime, _prepared(runtime, operation=operation, now=now), now=now)


def make_call(runtime: Runtime, prepared: PreparedCall, *, now: datetime) -> PaymentSettlement:
    """Make a call whose attempt is committed and return what it brought. Opens no transaction; raises Unavailable."""
    call, gateway_customer = prepared
    fail_point("payment.attempt_committed")
    answer: IntentSnapshot | GatewayRefused | GatewayKeyTooOld
    try:
        require_key_in_force(first_used_at=call.started_at, now=now)
        answer = ask(runtime, call, gateway_customer=gateway_customer)
    except GatewayRefused as refusal:
        answer = refusal
    except GatewayKeyTooOld as too_old:
        answer = look_up(runtime, call) or too_old
    fail_point("payment.answered")
    return PaymentSettlement(
        call,
        gateway_customer,
        answer,
        livemode=runtime.settings.livemode,
        number_prefix=runtime.settings.INVOICE_PREFIX,
    )


def prepare_calls(session: Session, *, operations: Sequence[Operation], now: datetime) -> dict[UUID, PreparedCall]:
    """Prepare the first calls of several operations, each on a payment of its own; return them by the operation's id.

    One that is missing is not as simple: its customer is not known at the gateway yet, or the payment has moved. Nothing was
    done for it, and `perform_payment_operation` knows what to do. Raises IntegrityError when an attempt is there already.
    """
    payment_of = {operation.id: payment_id_of(operation) for operation in operations}
    query = (
        select(Payment, Customer.gateway_id)
        .join(Customer, Customer.id == Payment.customer_id)
        .where(Payment.id.in_(payment_of.values()))
        .order_by(Payment.id)
        .with_for_update(of=Payment)
    )
    found = {payment.id: (payment, gateway_customer) for payment, gateway_customer in session.execute(query)}
    added: dict[UUID, tuple[Payment, PaymentAttempt, str]] = {}
    for operation in operations:
        payment, gateway_customer = found[payment_of[operation.id]]
        if gateway_customer is not None and _cannot_begin(operation, payment) is None:
            attempt = _new_attempt(operation, payment, now=now)
            session.add(attempt)
            added[operation.id] = (payment, attempt, gateway_customer)
    session.flush()
    fail_point("payment.attempt_prepared")
    return {
        operation_id: PreparedCall(call_of(payment, attempt), gateway_customer)
        for operation_id, (payment, attempt, gateway_customer) in added.items()
    }


def look_up_attempt(runtime: Runtime, *, payment_id: UUID) -> PaymentSettlement | None:
    """Return what the gateway shows of the payment's call that nobody follows any more; None when it shows nothing."""
    call, gateway_customer = _unsettled_call(runtime, payment_id=payment_id)
    try:
        answer = look_up(runtime, call)
    except GatewayObjectMissing:
        answer = None
    if answer is None:
        return None
    return PaymentSettlement(
        call,
        gateway_customer,
        answer,
        livemode=runtime.settings.livemode,
        number_prefix=runtime.settings.INVOICE_PREFIX,
    )


def attempt_not_made(runtime: Runtime, *, payment_id: UUID, detail: str) -> PaymentSettlement:
    """Return the end of a call of which a person knows that it never reached the gateway: that of one that was refused."""
    call, gateway_customer = _unsettled_call(runtime, payment_id=payment_id)
    refusal = AttemptNotMade(detail, gateway_code=None, parameter=None)
    return PaymentSettlement(
        call,
        gateway_customer,
        refusal,
        livemode=runtime.settings.livemode,
        number_prefix=runtime.settings.INVOICE_PREFIX,
    )


def _unsettled_call(runtime: Runtime, *, payment_id: UUID) -> tuple[Call, str | None]:
    unsettled = PaymentAttempt.status.in_([AttemptStatus.IN_FLIGHT, AttemptStatus.PARKED])
    with runtime.transaction() as session:
        payment = session.get_one(Payment, payment_id)
        attempt = session.scalars(
            select(PaymentAttempt).where(PaymentAttempt.payment_id == payment_id, unsettled)
        ).one()
        return call_of(payment, attempt), session.get_one(Customer, payment.customer_id).gateway_id


def _prepared(runtime: Runtime, *, operation: Operation, now: datetime) -> PreparedCall:
    """Return the call, whose attempt is committed, and the gateway's customer, who has to be there before there is an attempt."""
    with runtime.transaction() as session:
        gateway_customer = session.get_one(Customer, operation.of_customer).gateway_id
        if gateway_customer is not None:
            return PreparedCall(_prepare(session, operation=operation, now=now), gateway_customer)
    gateway_customer = ensure_gateway_customer(runtime, customer_id=operation.of_customer, now=now)
    with runtime.transaction() as session:
        return PreparedCall(_prepare(session, operation=operation, now=now), gateway_customer)


def _prepare(session: Session, *, operation: Operation, now: datetime) -> Call:
    payment = lock_payment(session, payment_id=payment_id_of(operation))
    attempt = session.scalar(select(PaymentAttempt).where(PaymentAttempt.operation_id == operation.id))
    if attempt is None:
        if refusal := _cannot_begin(operation, payment):
            raise refusal
        _require_none_under_way(session, payment)
        attempt = _new_attempt(operation, payment, now=now)
        session.add(attempt)
        session.flush()
    fail_point("payment.attempt_prepared_alone")
    return call_of(payment, attempt)


def _require_none_under_way(session: Session, payment: Payment) -> None:
    """Raise PaymentBusy while another operation's call on the payment is under way: an invoice's, while it is canceled."""
    query = select(PaymentAttempt.id).where(
        PaymentAttempt.payment_id == payment.id, PaymentAttempt.status == AttemptStatus.IN_FLIGHT
    )
    if session.scalar(query) is not None:
        raise PaymentBusy("another call on the payment is under way; this one follows it")


def payment_id_of(operation: Operation) -> UUID:
    """Return the payment that an operation is about: its resource, or the one it names. A purchase's has the purchase's id."""
    named = operation.params.get("payment_id")
    if isinstance(named, str):
        return row_id(PREFIX, named)
    prefix = PREFIX if operation.resource_type == "payment" else PURCHASE_PREFIX
    return row_id(prefix, operation.resource_id)


def _cannot_begin(operation: Operation, payment: Payment) -> BillingError | None:
    if payment.status in {PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED, PaymentStatus.FAILED}:
        return PaymentAlreadyMoved(f"the payment became {payment.status} before this could be done")
    if KIND_OF[operation.kind] is not AttemptKind.CREATE and payment.gateway_id is None:
        return PaymentNotAtGateway(f"a payment that is {payment.status} has no object at the gateway")
    return None


def _new_attempt(operation: Operation, payment: Payment, *, now: datetime) -> PaymentAttempt:
    kind = KIND_OF[operation.kind]
    return PaymentAttempt(
        id=new_id(),
        payment_id=payment.id,
        operation_id=operation.id,
        kind=kind,
        status=AttemptStatus.IN_FLIGHT,
        params=call_params(payment, kind, operation.params),
        started_at=now,
    )


def why_not_paid(payment: Payment) -> BillingError | None:
    """Return the problem of whoever waits for a payment to be made: it was declined, or refused; None for any other state."""
    if payment.status is PaymentStatus.FAILED:
        refusal = GatewayRefused(payment.failure_detail or "the gateway refused it", gateway_code=None, parameter=None)
        refusal.extensions["payment_id"] = public_id(PREFIX, payment.id)
        return refusal
    if payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD and payment.decline_code is not None:
        return _declined(payment, payment.decline_code)
    return None


def _declined(payment: Payment, code: str) -> BillingError:
    explained = explain(code)
    return Declined(
        f"{explained.message} {explained.next_step}",
        extensions={"payment_id": public_id(PREFIX, payment.id), "decline": explained.representation()},
    )
