"""Process: take a payment's operation to the gateway. Between any two lines the process may die.

1. The attempt is committed, with what the call will say. Whoever finds it in flight later makes the same call again.
2. The call, under the key `payment-attempt-<id>`. However often it is made, the gateway does it once.
3. The outcome, the attempt's end and the operation's outcome commit together.

Whoever comes so late that the gateway may have forgotten the key makes no call, but looks what came of the first one.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.customers.gateway_customer import ensure_gateway_customer
from billing.errors import BillingError, Conflict, Declined
from billing.fail_points import fail_point
from billing.gateways.errors import GatewayKeyTooOld, GatewayObjectMissing, GatewayRefused, require_key_in_force
from billing.gateways.snapshots import GatewayDecline, IntentSnapshot
from billing.operation_outcome import OperationOutcome
from billing.payments.declines import explain
from billing.payments.observe import PaymentNotAtGateway, observe_intent
from billing.payments.outcome import IntentObservation, apply_intent, fail_payment, lock_payment
from billing.payments.representation import PREFIX, payment_representation
from billing.runtime import Runtime
from models.customer import Customer
from models.ids import public_id, row_id
from models.money import Money
from models.operation import Operation
from models.payment import AttemptKind, AttemptStatus, CaptureMethod, Payment, PaymentAttempt, PaymentStatus

_KINDS = {
    "payment.create": AttemptKind.CREATE,
    "payment.confirm": AttemptKind.CONFIRM,
    "payment.capture": AttemptKind.CAPTURE,
    "payment.cancel": AttemptKind.CANCEL,
}
_SUCCESS_STATUS = {AttemptKind.CREATE: 201}


class PaymentAlreadyMoved(Conflict):
    """The payment was paid or canceled before the attempt could be made."""

    code = "payment_already_moved"


class AttemptNotMade(GatewayRefused):
    """A person found that the call never reached the gateway."""

    code = "attempt_not_made"


class _Call(NamedTuple):
    """Everything that one call says, read from committed rows."""

    attempt_id: UUID
    kind: AttemptKind
    idempotency_key: str
    params: Mapping[str, Any]
    payment_id: UUID
    amount: Money
    gateway_id: str
    version: int
    started_at: datetime


class PaymentSettlement:
    """What one call brought, ready to be applied in the transaction that finishes the operation."""

    def __init__(
        self,
        call: _Call,
        gateway_customer: str | None,
        answer: IntentSnapshot | GatewayRefused | GatewayKeyTooOld,
        *,
        livemode: bool,
    ) -> None:
        self._call = call
        self._gateway_customer = gateway_customer
        self._refusal = None if isinstance(answer, IntentSnapshot) else answer
        self._decline = answer.last_payment_error if isinstance(answer, IntentSnapshot) else None
        self._observation = (
            IntentObservation(call.payment_id, call.version, answer) if isinstance(answer, IntentSnapshot) else None
        )
        self._livemode = livemode

    def refresh(self, runtime: Runtime) -> None:
        """Ask the gateway again, because another observation came in between."""
        if self._observation is not None:
            self._observation = observe_intent(
                runtime, payment_id=self._call.payment_id, gateway_id=self._observation.intent.id
            )

    def apply(self, session: Session, *, actor: Actor, now: datetime) -> OperationOutcome:
        """Bring payment and attempt to their new state, and say what the operation's outcome is."""
        if self._observation is None:
            return self._apply_refusal(session, actor=actor, now=now)
        payment, refunds, disputes = apply_intent(
            session,
            observation=self._observation,
            gateway_customer=self._gateway_customer,
            livemode=self._livemode,
            actor=actor,
            now=now,
        )
        attempt = session.get_one(PaymentAttempt, self._call.attempt_id, populate_existing=True)
        declined = self._decline if payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD else None
        if self._call.kind in {AttemptKind.CREATE, AttemptKind.CONFIRM} and declined is not None:
            attempt.status, attempt.decline_code, attempt.finished_at = AttemptStatus.DECLINED, declined.reason, now
            return OperationOutcome.failed(_declined(payment, declined))
        attempt.status, attempt.finished_at = AttemptStatus.ANSWERED, now
        body = payment_representation(payment, refunds=refunds, disputes=disputes)
        return OperationOutcome.succeeded(_SUCCESS_STATUS.get(self._call.kind, 200), body)

    def _apply_refusal(self, session: Session, *, actor: Actor, now: datetime) -> OperationOutcome:
        refusal = self._refusal
        if refusal is None:
            raise ValueError("a settlement holds an answer or a refusal")
        payment = lock_payment(session, payment_id=self._call.payment_id)
        attempt = session.get_one(PaymentAttempt, self._call.attempt_id, populate_existing=True)
        attempt.finished_at = now
        refusal.extensions["payment_id"] = public_id(PREFIX, payment.id)
        if isinstance(refusal, GatewayKeyTooOld):
            attempt.status = AttemptStatus.PARKED
            return OperationOutcome.failed(refusal)
        attempt.status = AttemptStatus.REFUSED
        if self._call.kind is AttemptKind.CREATE and payment.status is PaymentStatus.PENDING:
            fail_payment(session, payment=payment, detail=refusal.detail, actor=actor, now=now)
        return OperationOutcome.failed(refusal)


def perform_payment_operation(runtime: Runtime, *, operation: Operation, now: datetime) -> PaymentSettlement:
    """Make the operation's call and return what it brought.

    Raises Unavailable while the outcome is unknown; the operation stays and is performed again.
    """
    call, gateway_customer = _prepared(runtime, operation=operation, now=now)
    fail_point("payment.attempt_committed")
    answer: IntentSnapshot | GatewayRefused | GatewayKeyTooOld
    try:
        require_key_in_force(first_used_at=call.started_at, now=now)
        answer = _ask(runtime, call, gateway_customer=gateway_customer)
    except GatewayRefused as refusal:
        answer = refusal
    except GatewayKeyTooOld as too_old:
        answer = _look_up(runtime, call) or too_old
    fail_point("payment.answered")
    return PaymentSettlement(call, gateway_customer, answer, livemode=runtime.settings.livemode)


def look_up_attempt(runtime: Runtime, *, payment_id: UUID) -> PaymentSettlement | None:
    """Return what the gateway shows of the payment's call that nobody follows any more; None when it shows nothing."""
    call, gateway_customer = _unsettled_call(runtime, payment_id=payment_id)
    try:
        answer = _look_up(runtime, call)
    except GatewayObjectMissing:
        answer = None
    if answer is None:
        return None
    return PaymentSettlement(call, gateway_customer, answer, livemode=runtime.settings.livemode)


def attempt_not_made(runtime: Runtime, *, payment_id: UUID, detail: str) -> PaymentSettlement:
    """Return the end of a call of which a person knows that it never reached the gateway: that of one that was refused."""
    call, gateway_customer = _unsettled_call(runtime, payment_id=payment_id)
    refusal = AttemptNotMade(detail, gateway_code=None, parameter=None)
    return PaymentSettlement(call, gateway_customer, refusal, livemode=runtime.settings.livemode)


def _unsettled_call(runtime: Runtime, *, payment_id: UUID) -> tuple[_Call, str | None]:
    unsettled = PaymentAttempt.status.in_([AttemptStatus.IN_FLIGHT, AttemptStatus.PARKED])
    with runtime.transaction() as session:
        payment = session.get_one(Payment, payment_id)
        attempt = session.scalars(
            select(PaymentAttempt).where(PaymentAttempt.payment_id == payment_id, unsettled)
        ).one()
        return _call(payment, attempt), session.get_one(Customer, payment.customer_id).gateway_id


def _prepared(runtime: Runtime, *, operation: Operation, now: datetime) -> tuple[_Call, str]:
    """Return the call, whose attempt is committed, and the gateway's customer, who has to be there before there is an attempt."""
    with runtime.transaction() as session:
        gateway_customer = session.get_one(Customer, operation.customer_id).gateway_id
        if gateway_customer is not None:
            return _prepare(session, operation=operation, now=now), gateway_customer
    gateway_customer = ensure_gateway_customer(runtime, customer_id=operation.customer_id, now=now)
    with runtime.transaction() as session:
        return _prepare(session, operation=operation, now=now), gateway_customer


def _prepare(session: Session, *, operation: Operation, now: datetime) -> _Call:
    payment = lock_payment(session, payment_id=row_id(PREFIX, operation.resource_id))
    attempt = session.scalar(select(PaymentAttempt).where(PaymentAttempt.operation_id == operation.id))
    kind = _KINDS[operation.kind]
    if attempt is None:
        if payment.status in {PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED, PaymentStatus.FAILED}:
            raise PaymentAlreadyMoved(f"the payment became {payment.status} before this could be done")
        if kind is not AttemptKind.CREATE and payment.gateway_id is None:
            raise PaymentNotAtGateway(f"a payment that is {payment.status} has no object at the gateway")
        attempt = PaymentAttempt(
            payment_id=payment.id,
            operation_id=operation.id,
            kind=kind,
            status=AttemptStatus.IN_FLIGHT,
            params=_call_params(payment, kind, operation.params),
            started_at=now,
        )
        session.add(attempt)
        session.flush()
    fail_point("payment.attempt_prepared")
    return _call(payment, attempt)


def _call(payment: Payment, attempt: PaymentAttempt) -> _Call:
    return _Call(
        attempt_id=attempt.id,
        kind=attempt.kind,
        idempotency_key=attempt.idempotency_key,
        params=attempt.params,
        payment_id=payment.id,
        amount=Money(payment.amount_minor, payment.currency),
        gateway_id=payment.gateway_id or "",
        version=payment.version,
        started_at=attempt.started_at,
    )


def _call_params(payment: Payment, kind: AttemptKind, asked: Mapping[str, Any]) -> dict[str, Any]:
    if kind is AttemptKind.CREATE:
        return _create_params(payment, confirm=bool(asked["confirm"]))
    if kind is AttemptKind.CONFIRM:
        params: dict[str, Any] = {"payment_method": asked["payment_method"]}
        return params | ({"return_url": asked["return_url"]} if asked["return_url"] else {})
    return dict(asked)


def _create_params(payment: Payment, *, confirm: bool) -> dict[str, Any]:
    params: dict[str, Any] = {
        # Ours alone: it is how an event or a search finds our row. The caller's metadata is no business of the gateway's.
        "metadata": {"payment_id": public_id(PREFIX, payment.id)},
        "capture_method": "manual" if payment.capture is CaptureMethod.MANUAL else "automatic",
        # Redirects to a bank's own page need a return_url; without one only methods that stay on the page are offered.
        "automatic_payment_methods": {
            "enabled": "true",
            "allow_redirects": "always" if payment.return_url else "never",
        },
    }
    if payment.description is not None:
        params["description"] = payment.description
    if payment.payment_method_id is not None:
        params["payment_method"] = payment.payment_method_id
    if confirm:
        params["confirm"] = "true"
        if payment.off_session:
            params["off_session"] = "true"
        if payment.return_url is not None:
            params["return_url"] = payment.return_url
    return params


def _ask(runtime: Runtime, call: _Call, *, gateway_customer: str) -> IntentSnapshot:
    gateway, key = runtime.gateway, call.idempotency_key
    if call.kind is AttemptKind.CREATE:
        return gateway.create_intent(
            amount=call.amount, gateway_customer=gateway_customer, params=call.params, idempotency_key=key
        )
    if call.kind is AttemptKind.CONFIRM:
        return gateway.confirm_intent(gateway_id=call.gateway_id, params=call.params, idempotency_key=key)
    if call.kind is AttemptKind.CAPTURE:
        return gateway.capture_intent(
            gateway_id=call.gateway_id, amount_minor=call.params["amount"], idempotency_key=key
        )
    return gateway.cancel_intent(gateway_id=call.gateway_id, idempotency_key=key)


def _look_up(runtime: Runtime, call: _Call) -> IntentSnapshot | None:
    """Return the gateway's object as it stands; None when a first call to create it left nothing there."""
    if not call.gateway_id:
        return runtime.gateway.find_intent(payment_id=public_id(PREFIX, call.payment_id))
    return runtime.gateway.get_intent(gateway_id=call.gateway_id)


def _declined(payment: Payment, decline: GatewayDecline) -> BillingError:
    explained = explain(decline.reason)
    return Declined(
        f"{explained.message} {explained.next_step}",
        extensions={"payment_id": public_id(PREFIX, payment.id), "decline": explained.representation()},
    )
