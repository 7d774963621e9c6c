"""Routes of events."""

from sandbox.api.lists import PAGE_WITH_AGE, list_objects
from sandbox.api.routing import Call, Route
from sandbox.events.queue import count_unfinished
from sandbox.json_types import Json
from sandbox.wire.errors import invalid_request
from sandbox.wire.parameters import Many, Text

_TYPES_LIMIT = 20


def _retrieve(call: Call) -> Json:
    return _with_pending(call, call.work.get("event", call.ids["event"], param="id"))


def _list(call: Call) -> Json:
    types = call.params.get("types", [])
    if types and "type" in call.params:
        raise invalid_request(message="You may only specify one of these parameters: type, types.", param="types")
    if len(types) > _TYPES_LIMIT:
        raise invalid_request(message=f"You can pass at most {_TYPES_LIMIT} types.", param="types")
    answer = list_objects(
        call=call,
        kind="event",
        url="/v1/events",
        facets={"type": call.params.get("type")},
        facet_choices={"type": tuple(types)} if types else {},
    )
    answer["data"] = [_with_pending(call, event) for event in answer["data"]]
    return answer


def _with_pending(call: Call, event: Json) -> Json:
    unfinished = count_unfinished(transaction=call.work.transaction, event_id=event["id"])
    return {**event, "pending_webhooks": unfinished}


ROUTES = (
    Route("GET", "/v1/events", _list, {**PAGE_WITH_AGE, "type": Text(), "types": Many(Text())}),
    Route("GET", "/v1/events/{event}", _retrieve),
)
