"""Routes of charges."""

from sandbox.api.lists import PAGE, PAGE_WITH_AGE, list_objects
from sandbox.api.routing import Call, Route
from sandbox.api.search import SEARCH, search_objects
from sandbox.json_types import Json
from sandbox.objects.addresses import full_shipping
from sandbox.wire.parameters import ADDRESS, Choice, Fields, Metadata, Text, merge_metadata


def _retrieve(call: Call) -> Json:
    return call.work.get("charge", call.ids["charge"], param="charge")


def _update(call: Call) -> Json:
    charge = call.work.get("charge", call.ids["charge"], param="charge")
    charge |= call.changes("description", "receipt_email", "transfer_group")
    if "shipping" in call.params:
        charge["shipping"] = full_shipping(call.params["shipping"])
    if "fraud_details" in call.params:
        charge["fraud_details"] = call.params["fraud_details"]
    if "metadata" in call.params:
        charge["metadata"] = merge_metadata(current=charge["metadata"], changes=call.params["metadata"])
    return call.work.save(charge, event="charge.updated", tells_difference=True)


def _list(call: Call) -> Json:
    facets = {name: call.params.get(name) for name in ("customer", "payment_intent")}
    return list_objects(call=call, kind="charge", url="/v1/charges", facets=facets)


def _search(call: Call) -> Json:
    return search_objects(call=call, kind="charge", url="/v1/charges/search")


def _list_refunds(call: Call) -> Json:
    charge = call.work.get("charge", call.ids["charge"], param="charge")
    url = f"/v1/charges/{charge['id']}/refunds"
    return list_objects(call=call, kind="refund", url=url, facets={"charge": charge["id"]})


ROUTES = (
    Route("GET", "/v1/charges", _list, {**PAGE_WITH_AGE, "customer": Text(), "payment_intent": Text()}),
    Route("GET", "/v1/charges/search", _search, SEARCH, required=("query",)),
    Route("GET", "/v1/charges/{charge}", _retrieve),
    Route(
        "POST",
        "/v1/charges/{charge}",
        _update,
        {
            "description": Text(unsettable=True),
            "fraud_details": Fields({"user_report": Choice(("fraudulent", "safe"))}),
            "metadata": Metadata(),
            "receipt_email": Text(),
            "shipping": Fields({"address": ADDRESS, "name": Text(), "phone": Text(unsettable=True)}),
            "transfer_group": Text(),
        },
    ),
    Route("GET", "/v1/charges/{charge}/refunds", _list_refunds, PAGE),
)
