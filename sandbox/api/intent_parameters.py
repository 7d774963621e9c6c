"""What payment intents and setup intents have in common: parameters, payment methods and browsers' access."""

import hmac

from sandbox.api.customers import get_customer
from sandbox.api.payment_methods import METHOD_DATA, create_method
from sandbox.api.routing import Call
from sandbox.json_types import Json
from sandbox.payments.confirmation import check_method_type
from sandbox.payments.methods import check_usable, resolve_method
from sandbox.wire.errors import invalid_request
from sandbox.wire.parameters import Boolean, Choice, Fields, Freeform, Many, Rule, Text, Url

# The configuration of the dashboard that automatic payment methods come from; the sandbox has this one.
_CONFIGURATION = "pmc_SandboxDefaultConfiguration"

AUTOMATIC_METHODS = Fields(
    {"allow_redirects": Choice(("always", "never")), "enabled": Boolean()}, required=("enabled",)
)
METHOD_TYPES = Many(Text())
SHARED: dict[str, Rule] = {
    "allowed_payment_method_types": METHOD_TYPES,
    "customer": Text(),
    "description": Text(unsettable=True),
    "excluded_payment_method_types": METHOD_TYPES,
    "payment_method": Text(),
    "payment_method_configuration": Text(),
    "payment_method_data": METHOD_DATA,
    "payment_method_options": Fields({"card": Freeform(), "sepa_debit": Freeform(), "link": Freeform()}),
    "payment_method_types": METHOD_TYPES,
}
CONFIRMING: dict[str, Rule] = {
    "mandate_data": Freeform(),
    "payment_method": Text(),
    "payment_method_data": METHOD_DATA,
    "payment_method_options": SHARED["payment_method_options"],
    "return_url": Url(),
    "use_stripe_sdk": Boolean(),
}

_PRIVATE_FIELDS = (
    "application",
    "application_fee_amount",
    "customer",
    "customer_account",
    "latest_attempt",
    "latest_charge",
    "metadata",
    "on_behalf_of",
    "review",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
)


def write_method_types(*, call: Call, intent: Json, currency: str) -> None:
    """Set which types of payment method a new intent takes: those that were sent, else the automatic ones."""
    given = call.params.get("allowed_payment_method_types") or call.params.get("payment_method_types")
    automatic = call.params.get("automatic_payment_methods")
    if given and automatic and automatic["enabled"]:
        raise invalid_request(
            message="You may only specify one of these parameters: automatic_payment_methods, payment_method_types.",
            param="automatic_payment_methods",
        )
    intent |= call.changes("allowed_payment_method_types", "excluded_payment_method_types")
    if given:
        intent["payment_method_types"] = given
        return
    if automatic is not None and not automatic["enabled"]:
        return
    intent["automatic_payment_methods"] = {
        "allow_redirects": (automatic or {}).get("allow_redirects", "always"),
        "enabled": True,
    }
    intent["payment_method_configuration_details"] = {"id": _CONFIGURATION, "parent": None}
    types = ["card", "sepa_debit"] if currency == "eur" else ["card"]
    excluded = intent["excluded_payment_method_types"] or []
    intent["payment_method_types"] = [name for name in types if name not in excluded]


def write_customer(*, call: Call, intent: Json, noun: str) -> None:
    """Set the customer where it was sent; once set it stays."""
    customer_id = call.params.get("customer")
    if customer_id is None:
        return
    get_customer(work=call.work, customer_id=customer_id)
    if intent["customer"] not in (None, customer_id):
        raise invalid_request(
            message=f"You cannot modify `customer` on a {noun} once it already has been set. To fulfill a payment with "
            f"a different Customer, cancel this {noun} and create a new one.",
            param="customer",
        )
    intent["customer"] = customer_id


def write_method(*, call: Call, intent: Json, noun: str) -> None:
    """Set the payment method where one, or the details of a new one, was sent."""
    params = call.params
    if "payment_method" in params and "payment_method_data" in params:
        raise invalid_request(
            message="You may only specify one of these parameters: payment_method, payment_method_data.",
            param="payment_method",
        )
    if "payment_method_data" in params:
        method = create_method(work=call.work, data=params["payment_method_data"])
    elif "payment_method" in params:
        method = resolve_method(work=call.work, reference=params["payment_method"])
    else:
        return
    check_usable(method=method, customer=intent["customer"], noun=noun)
    check_method_type(intent=intent, method=method, noun=noun)
    intent["payment_method"] = method["id"]
    if intent["status"] in ("requires_payment_method", "requires_action"):
        intent |= {"next_action": None, "status": "requires_confirmation"}


def write_method_options(*, call: Call, intent: Json) -> None:
    """Merge the options for types of payment methods, each with its complete fields."""
    options = intent["payment_method_options"]
    if "card" in intent["payment_method_types"]:
        options.setdefault(
            "card",
            {"installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic"},
        )
    for name, given in call.params.get("payment_method_options", {}).items():
        if not isinstance(given, dict):
            raise invalid_request(message=f"Invalid hash: {given}", param=f"payment_method_options[{name}]")
        options[name] = {**options.get(name, {}), **given}


def check_browser_access(*, call: Call, intent: Json) -> None:
    """Raise ApiError when a browser does not know the intent's client secret."""
    given = call.params.get("client_secret")
    if given is None and not call.is_publishable:
        return
    if given is None or not hmac.compare_digest(given.encode(), intent["client_secret"].encode()):
        noun = intent["object"].replace("_", " ")
        raise invalid_request(
            message=f"The client_secret provided does not match the client_secret associated with this {noun}.",
            param="client_secret",
            code=f"{intent['object']}_invalid_parameter",
        )


def shown_to_caller(*, call: Call, intent: Json) -> Json:
    """Return the intent; to a browser without what is the merchant's own business."""
    if not call.is_publishable:
        return intent
    return {name: value for name, value in intent.items() if name not in _PRIVATE_FIELDS}
