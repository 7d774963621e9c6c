"""Routes of payment intents."""

from sandbox.api.intent_parameters import (
    AUTOMATIC_METHODS,
    CONFIRMING,
    SHARED,
    check_browser_access,
    shown_to_caller,
    write_customer,
    write_method,
    write_method_options,
    write_method_types,
)
from sandbox.api.lists import PAGE_WITH_AGE, list_objects
from sandbox.api.routing import Call, Route
from sandbox.api.search import SEARCH, search_objects
from sandbox.currencies import check_amount, read_currency
from sandbox.json_types import Json
from sandbox.objects.addresses import full_shipping
from sandbox.objects.intents import new_payment_intent
from sandbox.payments.capture import cancel_intent, capture_intent
from sandbox.payments.confirmation import Confirmation, confirm_intent, unexpected_state
from sandbox.wire.errors import invalid_request
from sandbox.wire.parameters import (
    ADDRESS,
    Boolean,
    Choice,
    Fields,
    Freeform,
    Integer,
    Metadata,
    Rule,
    Text,
    merge_metadata,
)

_NOUN = "PaymentIntent"
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELLATION_REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
_PLAIN = (
    "description",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_SHIPPING = Fields(
    {
        "address": ADDRESS,
        "carrier": Text(unsettable=True),
        "name": Text(),
        "phone": Text(unsettable=True),
        "tracking_number": Text(unsettable=True),
    },
    unsettable=True,
)
_CAPTURE_METHOD = Choice(("automatic", "automatic_async", "manual"))
_FUTURE_USAGE = Choice(("off_session", "on_session"), unsettable=True)


class _OffSession:
    """The parameter `off_session`: a truth value, or one of two words that both mean yes."""

    def read(self, value: object, *, name: str) -> bool:
        return value in ("one_off", "recurring") or Boolean().read(value, name=name)


_WRITABLE: dict[str, Rule] = {
    **SHARED,
    "amount": Integer(minimum=1),
    "amount_details": Freeform(),
    "capture_method": _CAPTURE_METHOD,
    "currency": Text(),
    "metadata": Metadata(),
    "payment_details": Freeform(),
    "receipt_email": Text(unsettable=True),
    "setup_future_usage": _FUTURE_USAGE,
    "shipping": _SHIPPING,
    "statement_descriptor": Text(max_length=22),
    "statement_descriptor_suffix": Text(max_length=22),
    "transfer_group": Text(),
}
_CONFIRM: dict[str, Rule] = {
    **CONFIRMING,
    "error_on_requires_action": Boolean(),
    "off_session": _OffSession(),
    "radar_options": Freeform(),
}
_CREATE: dict[str, Rule] = {
    **_WRITABLE,
    **_CONFIRM,
    "automatic_payment_methods": AUTOMATIC_METHODS,
    "confirm": Boolean(),
    "confirmation_method": Choice(("automatic", "manual")),
}


def _create(call: Call) -> Json:
    params, work = call.params, call.work
    currency = read_currency(params["currency"])
    check_amount(amount=params["amount"], currency=currency)
    confirms = params.get("confirm", False)
    for name in ("off_session", "return_url", "error_on_requires_action", "mandate_data"):
        if name in params and not confirms:
            raise invalid_request(
                message=f"You cannot provide `{name}` on creation of a PaymentIntent without `confirm=true`.",
                param=name,
            )
    intent = new_payment_intent(amount=params["amount"], currency=currency, created=work.created)
    write_method_types(call=call, intent=intent, currency=currency)
    write_customer(call=call, intent=intent, noun=_NOUN)
    intent |= call.changes("capture_method", "confirmation_method")
    _write_plain(call, intent)
    write_method_options(call=call, intent=intent)
    write_method(call=call, intent=intent, noun=_NOUN)
    work.add(intent, event="payment_intent.created")
    if confirms:
        confirm_intent(work=work, intent=intent, confirmation=_confirmation(call))
    return intent


def _retrieve(call: Call) -> Json:
    intent = _get(call)
    check_browser_access(call=call, intent=intent)
    return shown_to_caller(call=call, intent=intent)


def _update(call: Call) -> Json:
    intent, params = _get(call), call.params
    for name in ("amount", "currency", "payment_method", "payment_method_data", "capture_method", "customer"):
        if name in params and intent["status"] not in _OPEN:
            raise unexpected_state(
                intent=intent,
                message=f"This PaymentIntent's {name} could not be updated because it has a status of "
                f"{intent['status']}. You may only update the {name} of a PaymentIntent with one of the following "
                f"statuses: {', '.join(_OPEN)}.",
            )
    currency = read_currency(params["currency"]) if "currency" in params else intent["currency"]
    amount: int = params["amount"] if "amount" in params else intent["amount"]
    if (amount, currency) != (intent["amount"], intent["currency"]):
        check_amount(amount=amount, currency=currency)
        intent |= {"amount": amount, "currency": currency}
        if intent["status"] == "requires_action":
            intent |= {"next_action": None, "status": "requires_confirmation"}
    write_customer(call=call, intent=intent, noun=_NOUN)
    intent |= call.changes("capture_method")
    _write_plain(call, intent)
    write_method_options(call=call, intent=intent)
    write_method(call=call, intent=intent, noun=_NOUN)
    return call.work.save(intent)


def _confirm(call: Call) -> Json:
    intent = _get(call)
    check_browser_access(call=call, intent=intent)
    intent |= call.changes("capture_method", "receipt_email", "setup_future_usage")
    if "shipping" in call.params:
        intent["shipping"] = full_shipping(call.params["shipping"])
    if intent["status"] in _OPEN:
        write_method_options(call=call, intent=intent)
        write_method(call=call, intent=intent, noun=_NOUN)
    confirm_intent(work=call.work, intent=intent, confirmation=_confirmation(call))
    return shown_to_caller(call=call, intent=intent)


def _capture(call: Call) -> Json:
    intent = _get(call)
    if "metadata" in call.params:
        intent["metadata"] = merge_metadata(current=intent["metadata"], changes=call.params["metadata"])
    capture_intent(work=call.work, intent=intent, amount=call.params.get("amount_to_capture"))
    return intent


def _cancel(call: Call) -> Json:
    intent = _get(call)
    cancel_intent(work=call.work, intent=intent, reason=call.params.get("cancellation_reason"))
    return intent


def _list(call: Call) -> Json:
    facets = {"customer": call.params.get("customer")}
    return list_objects(call=call, kind="payment_intent", url="/v1/payment_intents", facets=facets)


def _search(call: Call) -> Json:
    return search_objects(call=call, kind="payment_intent", url="/v1/payment_intents/search")


def _get(call: Call) -> Json:
    return call.work.get("payment_intent", call.ids["intent"], param="intent")


def _write_plain(call: Call, intent: Json) -> None:
    intent |= call.changes(*_PLAIN)
    if "shipping" in call.params:
        intent["shipping"] = full_shipping(call.params["shipping"])
    if "metadata" in call.params:
        intent["metadata"] = merge_metadata(current=intent["metadata"], changes=call.params["metadata"])


def _confirmation(call: Call) -> Confirmation:
    params = call.params
    return Confirmation(
        is_off_session=params.get("off_session", False),
        return_url=params.get("return_url"),
        use_sdk=params.get("use_stripe_sdk", False),
        refuses_actions=params.get("error_on_requires_action", False),
    )


ROUTES = (
    Route("POST", "/v1/payment_intents", _create, _CREATE, required=("amount", "currency")),
    Route("GET", "/v1/payment_intents", _list, {**PAGE_WITH_AGE, "customer": Text()}),
    Route("GET", "/v1/payment_intents/search", _search, SEARCH, required=("query",)),
    Route("GET", "/v1/payment_intents/{intent}", _retrieve, {"client_secret": Text()}, publishable=True),
    Route("POST", "/v1/payment_intents/{intent}", _update, _WRITABLE),
    Route(
        "POST",
        "/v1/payment_intents/{intent}/confirm",
        _confirm,
        {
            **_CONFIRM,
            "capture_method": _CAPTURE_METHOD,
            "client_secret": Text(),
            "receipt_email": Text(unsettable=True),
            "setup_future_usage": _FUTURE_USAGE,
            "shipping": _SHIPPING,
        },
        publishable=True,
    ),
    Route(
        "POST",
        "/v1/payment_intents/{intent}/capture",
        _capture,
        {
            "amount_to_capture": Integer(minimum=1),
            "final_capture": Boolean(),
            "metadata": Metadata(),
            "statement_descriptor": Text(max_length=22),
            "statement_descriptor_suffix": Text(max_length=22),
        },
    ),
    Route(
        "POST",
        "/v1/payment_intents/{intent}/cancel",
        _cancel,
        {"cancellation_reason": Choice(_CANCELLATION_REASONS)},
    ),
)
