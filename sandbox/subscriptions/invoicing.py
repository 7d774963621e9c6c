"""What a subscription owes for its present period: the invoice of it, and its payment."""

from sandbox.json_types import Json
from sandbox.objects.intents import new_payment_intent
from sandbox.objects.invoices import new_invoice, new_line
from sandbox.payments.confirmation import Confirmation, confirm_intent
from sandbox.subscriptions.periods import Period
from sandbox.wire.errors import CardError, invalid_request
from sandbox.work import Work

_NOTHING_TO_CHARGE = (
    "This customer has no attached payment source or default payment method. Please consider adding a default payment "
    "method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting"
    "#payment-method-priority."
)
_DESCRIPTIONS = {"subscription_create": "Subscription creation"}


def bill_period(*, work: Work, subscription: Json, reason: str, is_free: bool = False) -> Json:
    """Finalize the invoice of the subscription's present period; a trial's is of nothing, and paid at once."""
    customer = work.get("customer", subscription["customer"], param="customer")
    number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
    customer["next_invoice_sequence"] += 1
    work.save(customer)
    invoice = new_invoice(
        subscription=subscription, customer=customer, reason=reason, number=number, created=work.created
    )
    for item in subscription["items"]["data"]:
        product = work.get("product", item["price"]["product"], param="product")
        amount = 0 if is_free else item["price"]["unit_amount"] * item["quantity"]
        period = Period(item["current_period_start"], item["current_period_end"])
        line = new_line(invoice=invoice["id"], item=item, name=product["name"], amount=amount, period=period)
        invoice["lines"]["data"].append(line)
    total = sum(line["amount"] for line in invoice["lines"]["data"])
    for field in (
        "amount_due",
        "amount_remaining",
        "subtotal",
        "subtotal_excluding_tax",
        "total",
        "total_excluding_tax",
    ):
        invoice[field] = total
    work.add(invoice, event="invoice.created")
    invoice |= {"effective_at": work.created, "status": "open"}
    invoice["status_transitions"]["finalized_at"] = work.created
    if subscription["collection_method"] == "send_invoice":
        invoice["due_date"] = work.created + subscription["days_until_due"] * 86_400
    work.save(invoice, event="invoice.finalized")
    subscription["latest_invoice"] = invoice["id"]
    if not total:
        _paid(work, invoice=invoice)
    return invoice


def charge_invoice(*, work: Work, subscription: Json, invoice: Json, method: str | None = None) -> CardError | None:
    """Charge an open invoice; return the decline, already recorded and told of, or None when it is paid."""
    method = method or default_method(work=work, subscription=subscription)
    invoice |= {"attempt_count": invoice["attempt_count"] + 1, "attempted": True}
    intent = new_payment_intent(amount=invoice["amount_due"], currency=invoice["currency"], created=work.created)
    intent |= {
        "customer": invoice["customer"],
        "description": _DESCRIPTIONS.get(invoice["billing_reason"], "Subscription update"),
        "payment_method": method,
        "status": "requires_confirmation" if method else "requires_payment_method",
    }
    work.add(intent, event="payment_intent.created")
    if method is not None:
        try:
            confirm_intent(work=work, intent=intent, confirmation=Confirmation(is_off_session=True))
        except CardError as declined:
            work.save(invoice, event="invoice.payment_failed")
            return declined
        _paid(work, invoice=invoice)
        return None
    work.save(invoice, event="invoice.payment_failed")
    return CardError(message=_NOTHING_TO_CHARGE, code="missing")


def default_method(*, work: Work, subscription: Json) -> str | None:
    """Return the payment method that a subscription is charged to: its own, else its customer's."""
    customer = work.get("customer", subscription["customer"], param="customer")
    method: str | None = (
        subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    )
    return method


def require_method(*, work: Work, subscription: Json) -> None:
    """Raise ApiError when a subscription that is charged by itself has nothing to charge."""
    charges = subscription["collection_method"] == "charge_automatically"
    owed = any(item["price"]["unit_amount"] for item in subscription["items"]["data"])
    if charges and owed and default_method(work=work, subscription=subscription) is None:
        raise invalid_request(message=_NOTHING_TO_CHARGE, code="resource_missing")


def _paid(work: Work, *, invoice: Json) -> None:
    invoice |= {"amount_paid": invoice["amount_due"], "amount_remaining": 0, "attempted": True, "status": "paid"}
    invoice["status_transitions"]["paid_at"] = work.created
    work.save(invoice, event="invoice.paid")
    work.emit("invoice.payment_succeeded", invoice)
