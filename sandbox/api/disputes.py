"""Routes of disputes."""

from sandbox.api.lists import PAGE_WITH_AGE, list_objects
from sandbox.api.routing import Call, Route
from sandbox.json_types import Json
from sandbox.objects.disputes import EVIDENCE_FIELDS
from sandbox.payments.disputes import close_dispute, submit_evidence
from sandbox.wire.parameters import Boolean, Fields, Metadata, Text, merge_metadata

_EVIDENCE = Fields({name: Text(max_length=20_000, unsettable=True) for name in EVIDENCE_FIELDS})


def _retrieve(call: Call) -> Json:
    return call.work.get("dispute", call.ids["dispute"], param="dispute")


def _update(call: Call) -> Json:
    dispute = call.work.get("dispute", call.ids["dispute"], param="dispute")
    if "metadata" in call.params:
        dispute["metadata"] = merge_metadata(current=dispute["metadata"], changes=call.params["metadata"])
    evidence = call.params.get("evidence", {})
    # As at Stripe, evidence is handed in unless the caller says that more will follow.
    is_final = call.params.get("submit", bool(evidence))
    submit_evidence(work=call.work, dispute=dispute, evidence=evidence, is_final=is_final)
    return dispute


def _close(call: Call) -> Json:
    dispute = call.work.get("dispute", call.ids["dispute"], param="dispute")
    close_dispute(work=call.work, dispute=dispute, outcome="lost")
    return dispute


def _list(call: Call) -> Json:
    facets = {name: call.params.get(name) for name in ("charge", "payment_intent")}
    return list_objects(call=call, kind="dispute", url="/v1/disputes", facets=facets)


ROUTES = (
    Route("GET", "/v1/disputes", _list, {**PAGE_WITH_AGE, "charge": Text(), "payment_intent": Text()}),
    Route("GET", "/v1/disputes/{dispute}", _retrieve),
    Route(
        "POST",
        "/v1/disputes/{dispute}",
        _update,
        {"evidence": _EVIDENCE, "metadata": Metadata(), "submit": Boolean()},
    ),
    Route("POST", "/v1/disputes/{dispute}/close", _close),
)
