"""SEPA debits: a payment that is processing for a while and then settles or fails."""

from sandbox.hidden import hidden
from sandbox.json_types import Json
from sandbox.objects.charges import approved, debit_payment_details, new_charge
from sandbox.payments.charging import BOOKING_SECONDS, fail_intent, finish_payment
from sandbox.payments.methods import note_use
from sandbox.state.jobs import JobKind, cancel
from sandbox.wire.errors import invalid_request
from sandbox.work import Work

_FAILURE = {
    "code": "payment_intent_payment_attempt_failed",
    "message": "The payment failed.",
    "type": "invalid_request_error",
}
_OUTCOMES = (JobKind.SETTLE_DEBIT, JobKind.FAIL_DEBIT)


def start_debit(*, work: Work, intent: Json, method: Json) -> None:
    """Start a debit: a pending charge, and the intent is processing until the bank account's own time has passed."""
    if intent["currency"] != "eur":
        raise invalid_request(
            message=f"The currency provided ({intent['currency']}) is invalid for one or more of the payment method "
            "types on this PaymentIntent: sepa_debit supports eur.",
            param="currency",
        )
    account = work.cards.by_iban[hidden(method)["iban"]]
    charge = new_charge(intent=intent, method=method, created=work.created, base_url=work.base_url)
    charge["payment_method_details"] = debit_payment_details(method=method, mandate=None)
    charge["outcome"] = approved(risk="normal")
    work.add(charge, event="charge.pending")
    note_use(work=work, method=method, customer=intent["customer"], future_usage=intent["setup_future_usage"])
    intent |= {
        "last_payment_error": None,
        "latest_charge": charge["id"],
        "processing": {"type": "sepa_debit"},
        "status": "processing",
    }
    work.save(intent, event="payment_intent.processing")
    outcome = JobKind.SETTLE_DEBIT if account.outcome == "settle" else JobKind.FAIL_DEBIT
    work.later(outcome, intent["id"], seconds=account.seconds)


def settle_debit(*, work: Work, intent: Json) -> None:
    """Let a processing debit succeed. Does nothing when it is no longer processing."""
    charge = _take_processing_charge(work, intent=intent)
    if charge is None:
        return
    charge |= {"amount_captured": charge["amount"], "captured": True, "paid": True, "status": "succeeded"}
    work.save(charge, event="charge.succeeded")
    work.later(JobKind.BOOK_CHARGE, charge["id"], seconds=BOOKING_SECONDS)
    finish_payment(work=work, intent=intent, amount=charge["amount"])


def fail_debit(*, work: Work, intent: Json) -> None:
    """Let a processing debit fail. Does nothing when it is no longer processing."""
    charge = _take_processing_charge(work, intent=intent)
    if charge is None:
        return
    charge |= {"failure_code": "insufficient_funds", "failure_message": _FAILURE["message"], "status": "failed"}
    work.save(charge, event="charge.failed")
    fail_intent(work=work, intent=intent, error={**_FAILURE, "charge": charge["id"]}, charge=charge["id"])


def _take_processing_charge(work: Work, *, intent: Json) -> Json | None:
    cancel(transaction=work.transaction, object_id=intent["id"], kinds=_OUTCOMES)
    if intent["status"] != "processing":
        return None
    return work.get("charge", intent["latest_charge"], param="charge")
