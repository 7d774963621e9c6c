"""Charging: a payment intent whose payment method may be charged now becomes a charge, paid or failed."""

from sandbox.cards import Card, Decline
from sandbox.hidden import hidden
from sandbox.identifiers import random_text
from sandbox.json_types import Json
from sandbox.objects.balance import new_balance_transaction, processing_fee
from sandbox.objects.charges import approved, card_payment_details, declined, new_charge
from sandbox.payments.declines import card_error, last_error, with_intent
from sandbox.payments.methods import card_of, note_use
from sandbox.state.jobs import JobKind
from sandbox.wire.errors import CardError
from sandbox.work import Work

# How long after an asynchronous capture its balance transaction appears, and a dispute after its payment.
BOOKING_SECONDS = 0.5
DISPUTE_SECONDS = 2.0


def charge_card(*, work: Work, intent: Json, method: Json, is_authenticated: bool) -> CardError | None:
    """Charge the intent's card. Return the decline, already recorded, or None when it was paid or authorised."""
    card = card_of(work=work, method=method)
    if card.decline is not None:
        return decline_payment(
            work=work, intent=intent, method=method, decline=work.cards.declines[card.decline], card=card
        )
    charge = new_charge(intent=intent, method=method, created=work.created, base_url=work.base_url)
    method["card"]["checks"]["cvc_check"] = "pass"
    charge["payment_method_details"] = card_payment_details(
        card=card, method=method, charge=charge, is_authenticated=is_authenticated
    )
    charge |= {
        "authorization_code": random_text(length=6).upper(),
        "outcome": approved(risk=card.risk),
        "paid": True,
        "status": "succeeded",
    }
    hidden(charge)["skips_pending"] = card.available == "at_once"
    intent |= {"latest_charge": charge["id"], "last_payment_error": None, "next_action": None}
    note_use(work=work, method=method, customer=intent["customer"], future_usage=intent["setup_future_usage"])
    if captures_manually(intent):
        work.add(charge, event="charge.succeeded")
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        work.save(intent, event="payment_intent.amount_capturable_updated")
        return None
    charge |= {"captured": True, "amount_captured": intent["amount"]}
    if intent["capture_method"] == "automatic":
        charge["balance_transaction"] = book_charge(work=work, charge=charge)["id"]
    else:
        work.later(JobKind.BOOK_CHARGE, charge["id"], seconds=BOOKING_SECONDS)
    work.add(charge, event="charge.succeeded")
    finish_payment(work=work, intent=intent, amount=intent["amount"])
    dispute_later(work=work, charge=charge)
    return None


def decline_payment(*, work: Work, intent: Json, method: Json, decline: Decline, card: Card) -> CardError:
    """Record a declined attempt: a failed charge, and the intent waits for another payment method."""
    charge = new_charge(intent=intent, method=method, created=work.created, base_url=work.base_url)
    charge["payment_method_details"] = card_payment_details(
        card=card, method=method, charge=charge, is_authenticated=False
    )
    charge |= {
        "failure_code": decline.code,
        "failure_message": decline.message,
        "outcome": declined(decline=decline, risk=card.risk),
        "receipt_url": None,
        "status": "failed",
    }
    work.add(charge, event="charge.failed")
    error = card_error(decline=decline, method=method, charge=charge["id"])
    fail_intent(work=work, intent=intent, error=last_error(error), charge=charge["id"])
    return with_intent(error, intent=intent)


def fail_intent(*, work: Work, intent: Json, error: Json, charge: str | None) -> None:
    """Let an intent wait for another payment method after a failed attempt."""
    intent |= {
        "last_payment_error": error,
        "next_action": None,
        "payment_method": None,
        "processing": None,
        "status": "requires_payment_method",
    }
    if charge is not None:
        intent["latest_charge"] = charge
    work.save(intent, event="payment_intent.payment_failed")


def finish_payment(*, work: Work, intent: Json, amount: int) -> None:
    """Mark an intent as paid with an amount in the smallest unit."""
    intent |= {
        "amount_capturable": 0,
        "amount_received": amount,
        "next_action": None,
        "processing": None,
        "status": "succeeded",
    }
    work.save(intent, event="payment_intent.succeeded")


def book_charge(*, work: Work, charge: Json) -> Json:
    """Store and return the balance transaction of a captured charge; the caller links and saves the charge."""
    is_card = charge["payment_method_details"]["type"] == "card"
    amount = charge["amount_captured"]
    return work.add(
        new_balance_transaction(
            source=charge,
            amount=amount,
            fee=processing_fee(amount=amount),
            entry_type="charge" if is_card else "payment",
            category="charge",
            created=work.created,
            is_available=hidden(charge).get("skips_pending", False),
        )
    )


def book_later(*, work: Work, charge: Json) -> None:
    """Link a charge to its balance transaction after the fact, and tell of it."""
    if charge["balance_transaction"] is not None:
        return
    charge["balance_transaction"] = book_charge(work=work, charge=charge)["id"]
    work.save(charge, event="charge.updated", tells_difference=True)


def dispute_later(*, work: Work, charge: Json) -> None:
    """Schedule the dispute that follows a payment by a card made for that."""
    method = work.get("payment_method", charge["payment_method"], param="payment_method")
    if method["type"] == "card" and card_of(work=work, method=method).dispute is not None:
        work.later(JobKind.OPEN_DISPUTE, charge["id"], seconds=DISPUTE_SECONDS)


def captures_manually(intent: Json, /) -> bool:
    """Tell whether an intent's card payment is only authorised at first."""
    card_options = intent["payment_method_options"].get("card") or {}
    return "manual" in (intent["capture_method"], card_options.get("capture_method"))


def is_off_session(intent: Json, /) -> bool:
    """Tell whether the customer was away when the intent was confirmed."""
    return bool(hidden(intent).get("off_session", False))
