"""Routes of customers."""

from sandbox.api.lists import PAGE, PAGE_WITH_AGE, list_objects
from sandbox.api.routing import Call, Route
from sandbox.api.search import SEARCH, search_objects
from sandbox.json_types import Json
from sandbox.objects.addresses import full_address, full_shipping
from sandbox.objects.customers import deleted, new_customer
from sandbox.payments.methods import attach_method, resolve_method
from sandbox.wire.errors import invalid_request, no_such
from sandbox.wire.parameters import (
    ADDRESS,
    Choice,
    Fields,
    Freeform,
    Integer,
    Many,
    Metadata,
    Rule,
    Text,
    merge_metadata,
)
from sandbox.work import Work

_EMAIL_LENGTH_LIMIT = 512
_PLAIN = ("balance", "business_name", "description", "email", "individual_name", "invoice_prefix", "name", "phone")
_SHIPPING = Fields({"address": ADDRESS, "name": Text(), "phone": Text(unsettable=True)}, unsettable=True)

_WRITABLE: dict[str, Rule] = {
    "address": ADDRESS,
    "balance": Integer(),
    "business_name": Text(max_length=150, unsettable=True),
    "description": Text(unsettable=True),
    "email": Text(max_length=_EMAIL_LENGTH_LIMIT, unsettable=True),
    "individual_name": Text(max_length=150, unsettable=True),
    "invoice_prefix": Text(max_length=12),
    "invoice_settings": Fields(
        {
            "custom_fields": Freeform(),
            "default_payment_method": Text(unsettable=True),
            "footer": Text(unsettable=True),
            "rendering_options": Freeform(),
        }
    ),
    "metadata": Metadata(),
    "name": Text(max_length=256, unsettable=True),
    "next_invoice_sequence": Integer(minimum=1),
    "phone": Text(max_length=20, unsettable=True),
    "preferred_locales": Many(Text(), unsettable=True),
    "shipping": _SHIPPING,
    "tax": Freeform(),
    "tax_exempt": Choice(("exempt", "none", "reverse"), unsettable=True),
}


def get_customer(*, work: Work, customer_id: str, param: str = "customer") -> Json:
    """Return a customer who has not been deleted. Raises ApiError (404) otherwise."""
    customer = work.get("customer", customer_id, param=param)
    if customer.get("deleted"):
        raise no_such(noun="customer", object_id=customer_id, param=param)
    return customer


def _create(call: Call) -> Json:
    customer = new_customer(created=call.work.created)
    _write(call, customer)
    call.work.add(customer, event="customer.created")
    if "payment_method" in call.params:
        method = resolve_method(work=call.work, reference=call.params["payment_method"])
        attach_method(work=call.work, method=method, customer=customer)
        settings = call.params.get("invoice_settings", {})
        if settings.get("default_payment_method") == call.params["payment_method"]:
            # The same test token twice means one method, not two.
            settings["default_payment_method"] = method["id"]
    if _write_default_method(call, customer):
        call.work.save(customer)
    return customer


def _retrieve(call: Call) -> Json:
    return call.work.get("customer", call.ids["customer"], param="id")


def _update(call: Call) -> Json:
    customer = get_customer(work=call.work, customer_id=call.ids["customer"], param="id")
    _write(call, customer)
    _write_default_method(call, customer)
    return call.work.save(customer, event="customer.updated", tells_difference=True)


def _delete(call: Call) -> Json:
    customer = get_customer(work=call.work, customer_id=call.ids["customer"], param="id")
    call.work.emit("customer.deleted", customer)
    remains = deleted(customer)
    customer.clear()
    customer.update(remains)
    call.work.save(customer)
    return customer


def _list(call: Call) -> Json:
    return list_objects(call=call, kind="customer", url="/v1/customers", facets={"email": call.params.get("email")})


def _search(call: Call) -> Json:
    return search_objects(call=call, kind="customer", url="/v1/customers/search")


def _list_methods(call: Call) -> Json:
    customer = get_customer(work=call.work, customer_id=call.ids["customer"], param="customer")
    return list_objects(
        call=call,
        kind="payment_method",
        url=f"/v1/customers/{customer['id']}/payment_methods",
        facets={"customer": customer["id"], "type": call.params.get("type")},
    )


def _retrieve_method(call: Call) -> Json:
    customer = get_customer(work=call.work, customer_id=call.ids["customer"], param="customer")
    method = call.work.get("payment_method", call.ids["payment_method"], param="payment_method")
    if method["customer"] != customer["id"]:
        raise no_such(noun="PaymentMethod", object_id=method["id"], param="payment_method")
    return method


def _write(call: Call, customer: Json) -> None:
    customer |= call.changes(*_PLAIN, "next_invoice_sequence", "preferred_locales")
    if "address" in call.params:
        customer["address"] = full_address(call.params["address"])
    if "shipping" in call.params:
        customer["shipping"] = full_shipping(call.params["shipping"])
    if "tax_exempt" in call.params:
        customer["tax_exempt"] = call.params["tax_exempt"] or "none"
    if "metadata" in call.params:
        customer["metadata"] = merge_metadata(current=customer["metadata"], changes=call.params["metadata"])
    settings = call.params.get("invoice_settings", {})
    customer["invoice_settings"] |= {name: value for name, value in settings.items() if name == "footer"}


def _write_default_method(call: Call, customer: Json) -> bool:
    """Set the default payment method where it was sent, and tell whether it was."""
    settings = call.params.get("invoice_settings", {})
    if "default_payment_method" not in settings:
        return False
    method_id = settings["default_payment_method"]
    if method_id is not None:
        param = "invoice_settings[default_payment_method]"
        method = call.work.get("payment_method", method_id, param=param)
        if method["customer"] != customer["id"]:
            raise invalid_request(
                message=f"The customer does not have a payment method with the ID {method_id}. The payment method must "
                "be attached to the customer.",
                param=param,
            )
    customer["invoice_settings"]["default_payment_method"] = method_id
    return True


ROUTES = (
    Route("POST", "/v1/customers", _create, {**_WRITABLE, "payment_method": Text()}),
    Route("GET", "/v1/customers", _list, {**PAGE_WITH_AGE, "email": Text()}),
    Route("GET", "/v1/customers/search", _search, SEARCH, required=("query",)),
    Route("GET", "/v1/customers/{customer}", _retrieve),
    Route("POST", "/v1/customers/{customer}", _update, _WRITABLE),
    Route("DELETE", "/v1/customers/{customer}", _delete),
    Route("GET", "/v1/customers/{customer}/payment_methods", _list_methods, {**PAGE, "type": Text()}),
    Route("GET", "/v1/customers/{customer}/payment_methods/{payment_method}", _retrieve_method),
)
