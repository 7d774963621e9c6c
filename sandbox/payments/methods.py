"""Payment methods: finding the one that a request means, attaching and detaching, and the rules of their use."""

from sandbox.cards import Card
from sandbox.hidden import hidden
from sandbox.json_types import Json
from sandbox.objects.payment_methods import new_card_method
from sandbox.payments.declines import decline_fields
from sandbox.wire.errors import CardError, invalid_request
from sandbox.work import Work

_TOKEN_MONTH = 12
_TOKEN_YEARS = 3


def resolve_method(*, work: Work, reference: str, param: str = "payment_method") -> Json:
    """Return the payment method that a request names. A test token (`pm_card_visa`) gives a fresh one each time."""
    card = work.cards.by_token.get(reference)
    if card is None:
        return work.get("payment_method", reference, param=param)
    month, year = token_expiry(work=work)
    return work.add(new_card_method(card=card, created=work.created, exp_month=month, exp_year=year))


def token_expiry(*, work: Work) -> tuple[int, int]:
    """Return the month and the year in which cards made from test tokens expire."""
    return _TOKEN_MONTH, work.year_and_month[0] + _TOKEN_YEARS


def card_of(*, work: Work, method: Json) -> Card:
    """Return the test card behind a payment method of type card."""
    return work.cards.by_number[hidden(method)["number"]]


def check_usable(*, method: Json, customer: str | None, noun: str) -> None:
    """Raise ApiError when a payment method may not be used with an intent (`noun`) of this customer."""
    owner = method["customer"]
    if owner is not None and customer is None:
        raise invalid_request(
            message=f"The `payment_method` parameter supplied {method['id']} belongs to the Customer {owner}. Please "
            f"include the Customer in the `customer` parameter on the {noun}.",
            param="payment_method",
        )
    if owner is not None and owner != customer:
        raise invalid_request(
            message=f"The payment method supplied ({method['id']}) does not belong to the Customer you supplied "
            f"({customer}). Please use this payment method with the Customer that it belongs to instead.",
            param="payment_method",
        )
    _check_not_spent(method)


def attach_method(*, work: Work, method: Json, customer: Json) -> Json:
    """Attach a payment method to a customer. Raises CardError when the card declines even that."""
    if method["customer"] == customer["id"]:
        return method
    if method["customer"] is not None:
        raise invalid_request(message="The payment method you provided has already been attached to a customer.")
    _check_not_spent(method)
    if method["type"] == "card":
        card = card_of(work=work, method=method)
        if card.decline is not None and not card.can_be_saved:
            decline = work.cards.declines[card.decline]
            raise CardError(
                message=decline.message, code=decline.code, param=decline.param, details=decline_fields(decline)
            )
        method["card"]["checks"]["cvc_check"] = "pass"
    method["customer"] = customer["id"]
    return work.save(method, event="payment_method.attached")


def detach_method(*, work: Work, method: Json) -> Json:
    """Detach a payment method from its customer; it may not be used again afterwards."""
    owner = method["customer"]
    if owner is None:
        raise invalid_request(
            message="The payment method you provided is not attached to a customer so detachment is impossible."
        )
    method["customer"] = None
    hidden(method)["spent"] = True
    customer = work.find("customer", owner)
    if customer is not None and customer["invoice_settings"]["default_payment_method"] == method["id"]:
        customer["invoice_settings"]["default_payment_method"] = None
        work.save(customer, event="customer.updated", tells_difference=True)
    return work.save(method, event="payment_method.detached", tells_difference=True)


def note_use(*, work: Work, method: Json, customer: str | None, future_usage: str | None) -> None:
    """Record that a payment or a setup succeeded: keep the method for the customer, or mark it as spent."""
    if future_usage is not None and customer is not None:
        if future_usage == "off_session":
            hidden(method)["is_set_up"] = True
        if method["customer"] is None:
            method["customer"] = customer
            work.save(method, event="payment_method.attached")
        else:
            work.save(method)
    elif method["customer"] is None and future_usage is None:
        hidden(method)["spent"] = True
        work.save(method)


def _check_not_spent(method: Json) -> None:
    if hidden(method).get("spent") and method["customer"] is None:
        raise invalid_request(
            message="The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, "
            "shared with a connected account without Customer attachment, or was detached from a Customer. It may not "
            "be used again. To use a PaymentMethod multiple times, you must attach it to a Customer first."
        )
