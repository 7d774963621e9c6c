"""Routes of setup intents and of their attempts."""

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
from sandbox.json_types import Json
from sandbox.objects.intents import new_setup_intent
from sandbox.payments.confirmation import unexpected_state
from sandbox.payments.setup import cancel_setup, confirm_setup
from sandbox.wire.errors import invalid_request
from sandbox.wire.parameters import Boolean, Choice, Metadata, Rule, Text, merge_metadata

_NOUN = "SetupIntent"
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_WRITABLE: dict[str, Rule] = {**SHARED, "metadata": Metadata()}
_CREATE: dict[str, Rule] = {
    **_WRITABLE,
    **CONFIRMING,
    "automatic_payment_methods": AUTOMATIC_METHODS,
    "confirm": Boolean(),
    "usage": Choice(("off_session", "on_session")),
}


def _create(call: Call) -> Json:
    confirms = call.params.get("confirm", False)
    if "return_url" in call.params and not confirms:
        raise invalid_request(
            message="You cannot provide `return_url` on creation of a SetupIntent without `confirm=true`.",
            param="return_url",
        )
    intent = new_setup_intent(created=call.work.created)
    write_method_types(call=call, intent=intent, currency="")
    intent |= call.changes("usage")
    _write(call, intent)
    call.work.add(intent, event="setup_intent.created")
    if confirms:
        _confirm_stored(call, intent)
    return intent


def _retrieve(call: Call) -> Json:
    intent = _get(call)
    check_browser_access(call=call, intent=intent)
    return shown_to_caller(call=call, intent=intent)


def _update(call: Call) -> Json:
    intent = _get(call)
    if intent["status"] not in _OPEN:
        raise unexpected_state(
            intent=intent,
            message=f"You cannot update this SetupIntent because it has a status of {intent['status']}.",
        )
    _write(call, intent)
    return call.work.save(intent)


def _confirm(call: Call) -> Json:
    intent = _get(call)
    check_browser_access(call=call, intent=intent)
    if intent["status"] in _OPEN:
        write_method_options(call=call, intent=intent)
        write_method(call=call, intent=intent, noun=_NOUN)
    _confirm_stored(call, intent)
    return shown_to_caller(call=call, intent=intent)


def _cancel(call: Call) -> Json:
    intent = _get(call)
    cancel_setup(work=call.work, intent=intent, reason=call.params.get("cancellation_reason"))
    return intent


def _list(call: Call) -> Json:
    facets = {name: call.params.get(name) for name in ("customer", "payment_method")}
    return list_objects(call=call, kind="setup_intent", url="/v1/setup_intents", facets=facets)


def _list_attempts(call: Call) -> Json:
    facets = {"setup_intent": call.params["setup_intent"]}
    return list_objects(call=call, kind="setup_attempt", url="/v1/setup_attempts", facets=facets)


def _get(call: Call) -> Json:
    return call.work.get("setup_intent", call.ids["intent"], param="intent")


def _write(call: Call, intent: Json) -> None:
    write_customer(call=call, intent=intent, noun=_NOUN)
    intent |= call.changes("description")
    if "metadata" in call.params:
        intent["metadata"] = merge_metadata(current=intent["metadata"], changes=call.params["metadata"])
    write_method_options(call=call, intent=intent)
    write_method(call=call, intent=intent, noun=_NOUN)


def _confirm_stored(call: Call, intent: Json) -> None:
    confirm_setup(
        work=call.work,
        intent=intent,
        return_url=call.params.get("return_url"),
        use_sdk=call.params.get("use_stripe_sdk", False),
    )


ROUTES = (
    Route("POST", "/v1/setup_intents", _create, _CREATE),
    Route("GET", "/v1/setup_intents", _list, {**PAGE_WITH_AGE, "customer": Text(), "payment_method": Text()}),
    Route("GET", "/v1/setup_intents/{intent}", _retrieve, {"client_secret": Text()}, publishable=True),
    Route("POST", "/v1/setup_intents/{intent}", _update, _WRITABLE),
    Route(
        "POST",
        "/v1/setup_intents/{intent}/confirm",
        _confirm,
        {**CONFIRMING, "client_secret": Text()},
        publishable=True,
    ),
    Route(
        "POST",
        "/v1/setup_intents/{intent}/cancel",
        _cancel,
        {"cancellation_reason": Choice(("abandoned", "duplicate", "requested_by_customer"))},
    ),
    Route(
        "GET",
        "/v1/setup_attempts",
        _list_attempts,
        {**PAGE_WITH_AGE, "setup_intent": Text()},
        required=("setup_intent",),
    ),
)
