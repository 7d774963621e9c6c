"""Refunds: the rules of their amount, and how test cards let them end."""

from sandbox.currencies import format_amount
from sandbox.json_types import Json
from sandbox.objects.balance import new_balance_transaction
from sandbox.objects.refunds import new_refund
from sandbox.payments.methods import card_of
from sandbox.state.jobs import JobKind
from sandbox.wire.errors import invalid_request
from sandbox.work import Work

# How long after its creation a test refund fails or completes.
REFUND_SECONDS = 2.0


def refund_charge(*, work: Work, charge: Json, amount: int | None, reason: str | None, metadata: Json) -> Json:
    """Refund a part (in the smallest unit) or all of what is left of a charge, and return the refund."""
    refunded = _check_amount(charge=charge, amount=amount)
    refund = new_refund(charge=charge, amount=refunded, created=work.created)
    refund |= {"reason": reason, "metadata": metadata}
    behaviour = _behaviour(work, charge=charge)
    if behaviour == "pending":
        refund["status"] = "pending"
        work.later(JobKind.COMPLETE_REFUND, refund["id"], seconds=REFUND_SECONDS)
    else:
        refund["balance_transaction"] = _book(work, refund=refund, charge=charge, sign=-1)
    if behaviour == "fails_later":
        work.later(JobKind.FAIL_REFUND, refund["id"], seconds=REFUND_SECONDS)
    work.add(refund, event="refund.created")
    _change_refunded(work, charge=charge, by=refunded, event="charge.refunded")
    return refund


def complete_refund(*, work: Work, refund: Json) -> None:
    """Let a pending refund succeed."""
    if refund["status"] != "pending":
        return
    charge = work.get("charge", refund["charge"], param="charge")
    refund |= {"status": "succeeded", "balance_transaction": _book(work, refund=refund, charge=charge, sign=-1)}
    _tell_update(work, refund=refund)


def fail_refund(*, work: Work, refund: Json) -> None:
    """Let a refund fail after it had succeeded; the money comes back to the balance."""
    if refund["status"] != "succeeded":
        return
    charge = work.get("charge", refund["charge"], param="charge")
    refund |= {
        "failure_balance_transaction": _book(work, refund=refund, charge=charge, sign=1),
        "failure_reason": "expired_or_canceled_card",
        "status": "failed",
    }
    _change_refunded(work, charge=charge, by=-refund["amount"], event="charge.updated")
    _tell_update(work, refund=refund)
    work.emit("refund.failed", refund)


def _check_amount(*, charge: Json, amount: int | None) -> int:
    charge_id, currency = charge["id"], charge["currency"]
    if charge["disputed"]:
        raise invalid_request(
            message=f"Charge {charge_id} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    left = int(charge["amount"] - charge["amount_refunded"])
    if charge["refunded"] or left == 0:
        raise invalid_request(message=f"Charge {charge_id} has already been refunded.", code="charge_already_refunded")
    if amount is None:
        return left
    if amount > left:
        asked, rest = (format_amount(amount=value, currency=currency) for value in (amount, left))
        limit = "unrefunded amount on charge" if charge["amount_refunded"] else "charge amount"
        raise invalid_request(message=f"Refund amount ({asked}) is greater than {limit} ({rest})", param="amount")
    return amount


def _behaviour(work: Work, *, charge: Json) -> str | None:
    method = work.find("payment_method", charge["payment_method"])
    if method is None or method["type"] != "card":
        return None
    return card_of(work=work, method=method).refund


def _book(work: Work, *, refund: Json, charge: Json, sign: int) -> str:
    is_card = charge["payment_method_details"]["type"] == "card"
    entry_type = ("refund" if is_card else "payment_refund") if sign < 0 else "refund_failure"
    category = "refund" if sign < 0 else "refund_failure"
    entry = new_balance_transaction(
        source={**refund, "description": f"REFUND FOR {charge['payment_method_details']['type'].upper()} PAYMENT"},
        amount=sign * refund["amount"],
        fee=0,
        entry_type=entry_type,
        category=category,
        created=work.created,
    )
    return str(work.add(entry)["id"])


def _change_refunded(work: Work, *, charge: Json, by: int, event: str) -> None:
    charge["amount_refunded"] += by
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    work.save(charge, event=event, tells_difference=True)


def _tell_update(work: Work, *, refund: Json) -> None:
    work.save(refund, event="refund.updated", tells_difference=True)
    work.emit("charge.refund.updated", refund)
