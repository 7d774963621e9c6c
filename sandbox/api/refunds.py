"""Routes of refunds."""

from sandbox.api.lists import PAGE_WITH_AGE, list_objects
from sandbox.api.routing import Call, Route
from sandbox.json_types import Json
from sandbox.payments.refunds import refund_charge
from sandbox.wire.errors import invalid_request
from sandbox.wire.parameters import Choice, Integer, Metadata, Text, merge_metadata


def _create(call: Call) -> Json:
    return refund_charge(
        work=call.work,
        charge=_charge_to_refund(call),
        amount=call.params.get("amount"),
        reason=call.params.get("reason"),
        metadata=merge_metadata(current={}, changes=call.params.get("metadata", {})),
    )


def _retrieve(call: Call) -> Json:
    return call.work.get("refund", call.ids["refund"], param="refund")


def _update(call: Call) -> Json:
    refund = call.work.get("refund", call.ids["refund"], param="refund")
    if "metadata" in call.params:
        refund["metadata"] = merge_metadata(current=refund["metadata"], changes=call.params["metadata"])
    return call.work.save(refund, event="refund.updated", tells_difference=True)


def _list(call: Call) -> Json:
    facets = {name: call.params.get(name) for name in ("charge", "payment_intent")}
    return list_objects(call=call, kind="refund", url="/v1/refunds", facets=facets)


def _charge_to_refund(call: Call) -> Json:
    params, work = call.params, call.work
    if "charge" in params:
        charge = work.get("charge", params["charge"], param="charge")
        if charge["status"] != "succeeded" or not charge["captured"]:
            raise invalid_request(
                message=f"Charge {charge['id']} cannot be refunded: it was not paid or not captured.", param="charge"
            )
        return charge
    if "payment_intent" not in params:
        raise invalid_request(
            message="One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    intent = work.get("payment_intent", params["payment_intent"], param="payment_intent")
    if intent["status"] != "succeeded":
        raise invalid_request(
            message=f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return work.get("charge", intent["latest_charge"], param="payment_intent")


ROUTES = (
    Route(
        "POST",
        "/v1/refunds",
        _create,
        {
            "amount": Integer(minimum=1),
            "charge": Text(),
            "instructions_email": Text(),
            "metadata": Metadata(),
            "payment_intent": Text(),
            "reason": Choice(("duplicate", "fraudulent", "requested_by_customer")),
        },
    ),
    Route("GET", "/v1/refunds", _list, {**PAGE_WITH_AGE, "charge": Text(), "payment_intent": Text()}),
    Route("GET", "/v1/refunds/{refund}", _retrieve),
    Route("POST", "/v1/refunds/{refund}", _update, {"metadata": Metadata()}),
)
