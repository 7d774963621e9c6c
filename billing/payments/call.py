"""What one call about a payment says, and making it. The words come from committed rows, so that it can be made again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from billing.gateways.snapshots import IntentSnapshot
from billing.payments.representation import PREFIX
from billing.runtime import Runtime
from models.ids import public_id
from models.money import Money
from models.payment import AttemptKind, CaptureMethod, Payment, PaymentAttempt

KIND_OF = {
    "payment.create": AttemptKind.CREATE,
    "payment.confirm": AttemptKind.CONFIRM,
    "payment.capture": AttemptKind.CAPTURE,
    "payment.cancel": AttemptKind.CANCEL,
    "credits.purchase": AttemptKind.CREATE,
    "subscription.create": AttemptKind.CREATE,
    "subscription.change": AttemptKind.CREATE,
    "invoice.pay": AttemptKind.CREATE,
    "invoice.pay_again": AttemptKind.CONFIRM,
}


class Call(NamedTuple):
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


def call_of(payment: Payment, attempt: PaymentAttempt) -> Call:
    """Return the call that a committed attempt stands for."""
    return Call(
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


def call_params(payment: Payment, kind: AttemptKind, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a call of this kind says beside the payment's amount and customer; kept in the attempt's row."""
    if kind is AttemptKind.CREATE:
        return _create_params(payment, confirm=bool(asked["confirm"]))
    if kind is AttemptKind.CONFIRM:
        params: dict[str, Any] = {"payment_method": asked["payment_method"]}
        if asked.get("off_session"):
            params["off_session"] = "true"
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


def ask(runtime: Runtime, call: Call, *, gateway_customer: str) -> IntentSnapshot:
    """Make the call, under its own idempotency key. Raises GatewayRefused, and Unavailable while the outcome is unknown."""
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


def look_up(runtime: Runtime, call: Call) -> IntentSnapshot | None:
    """Return the gateway's object as it stands; None when a first call to create it left nothing there."""
    if not call.gateway_id:
        return runtime.gateway.find_intent(payment_id=public_id(PREFIX, call.payment_id))
    return runtime.gateway.get_intent(gateway_id=call.gateway_id)
