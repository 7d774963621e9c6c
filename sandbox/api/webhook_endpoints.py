"""Routes of webhook endpoints."""

from sandbox.api.lists import PAGE, list_objects
from sandbox.api.routing import Call, Route
from sandbox.events.queue import forget_endpoint
from sandbox.events.record import ENDPOINTS_LIMIT
from sandbox.hidden import hidden
from sandbox.json_types import Json
from sandbox.objects.customers import deleted
from sandbox.objects.endpoints import new_webhook_endpoint
from sandbox.state.lists import ListQuery, read_page
from sandbox.wire.errors import invalid_request
from sandbox.wire.parameters import Boolean, Many, Metadata, Rule, Text, Url, merge_metadata

_WRITABLE: dict[str, Rule] = {
    "description": Text(unsettable=True),
    "enabled_events": Many(Text()),
    "metadata": Metadata(),
    "url": Url(schemes=("http", "https")),
}


def _create(call: Call) -> Json:
    page = read_page(transaction=call.work.transaction, query=ListQuery(kind="webhook_endpoint", limit=ENDPOINTS_LIMIT))
    if len(page.items) == ENDPOINTS_LIMIT:
        raise invalid_request(
            message=f"You have reached the maximum of {ENDPOINTS_LIMIT} test webhook endpoints.", param="url"
        )
    _check(call)
    endpoint = new_webhook_endpoint(
        url=call.params["url"], enabled_events=call.params["enabled_events"], created=call.work.created
    )
    endpoint |= call.changes("api_version", "description")
    endpoint["metadata"] = merge_metadata(current={}, changes=call.params.get("metadata", {}))
    call.work.add(endpoint)
    return {**endpoint, "secret": hidden(endpoint)["secret"]}


def _retrieve(call: Call) -> Json:
    return call.work.get("webhook_endpoint", call.ids["endpoint"], param="id")


def _update(call: Call) -> Json:
    endpoint = call.work.get("webhook_endpoint", call.ids["endpoint"], param="id")
    _check(call)
    endpoint |= call.changes("description", "enabled_events", "url")
    if "disabled" in call.params:
        endpoint["status"] = "disabled" if call.params["disabled"] else "enabled"
    if "metadata" in call.params:
        endpoint["metadata"] = merge_metadata(current=endpoint["metadata"], changes=call.params["metadata"])
    return call.work.save(endpoint)


def _delete(call: Call) -> Json:
    endpoint = call.work.get("webhook_endpoint", call.ids["endpoint"], param="id")
    forget_endpoint(transaction=call.work.transaction, endpoint=endpoint["id"])
    call.work.transaction.remove(body=endpoint)
    return deleted(endpoint)


def _list(call: Call) -> Json:
    return list_objects(call=call, kind="webhook_endpoint", url="/v1/webhook_endpoints")


def _check(call: Call) -> None:
    """Raise ApiError for an endpoint that would hear nothing."""
    if "enabled_events" in call.params and not call.params["enabled_events"]:
        raise invalid_request(message="You must select at least one event.", param="enabled_events")


ROUTES = (
    Route(
        "POST",
        "/v1/webhook_endpoints",
        _create,
        {**_WRITABLE, "api_version": Text(), "connect": Boolean()},
        required=("enabled_events", "url"),
    ),
    Route("GET", "/v1/webhook_endpoints", _list, PAGE),
    Route("GET", "/v1/webhook_endpoints/{endpoint}", _retrieve),
    Route("POST", "/v1/webhook_endpoints/{endpoint}", _update, {**_WRITABLE, "disabled": Boolean()}),
    Route("DELETE", "/v1/webhook_endpoints/{endpoint}", _delete),
)
