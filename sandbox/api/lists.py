"""Lists as Stripe answers them: pages by cursor, newest first."""

from collections.abc import Mapping

from sandbox.api.routing import Call
from sandbox.hidden import without_hidden
from sandbox.json_types import Json
from sandbox.state.lists import ListQuery, read_page, sequence_of
from sandbox.wire.errors import invalid_request, no_such
from sandbox.wire.parameters import CreatedFilter, Integer, Rule, Text

_DEFAULT_LIMIT = 10
_LARGEST_LIMIT = 100

PAGE: dict[str, Rule] = {
    "limit": Integer(minimum=1, maximum=_LARGEST_LIMIT),
    "starting_after": Text(),
    "ending_before": Text(),
}
PAGE_WITH_AGE: dict[str, Rule] = {**PAGE, "created": CreatedFilter()}


def page_limit(call: Call, /) -> int:
    """Return how many objects the caller wants."""
    return int(call.params.get("limit", _DEFAULT_LIMIT))


def list_objects(
    *,
    call: Call,
    kind: str,
    url: str,
    facets: Mapping[str, str | None] | None = None,
    facet_choices: Mapping[str, tuple[str, ...]] | None = None,
) -> Json:
    """Return one page of objects of a kind; facets of None do not filter."""
    if "starting_after" in call.params and "ending_before" in call.params:
        raise invalid_request(
            message="You cannot parameterize `starting_after` and `ending_before` simultaneously.",
            param="ending_before",
        )
    query = ListQuery(
        kind=kind,
        limit=page_limit(call),
        facets={name: value for name, value in (facets or {}).items() if value is not None},
        facet_choices=facet_choices or {},
        created=call.params.get("created", {}),
        after_seq=_cursor(call, kind=kind, name="starting_after"),
        before_seq=_cursor(call, kind=kind, name="ending_before"),
    )
    page = read_page(transaction=call.work.transaction, query=query)
    return as_list_object(items=page.items, has_more=page.has_more, url=url)


def as_list_object(*, items: list[Json], has_more: bool, url: str) -> Json:
    """Return objects as a list object."""
    return {"object": "list", "data": [without_hidden(item) for item in items], "has_more": has_more, "url": url}


def _cursor(call: Call, *, kind: str, name: str) -> int | None:
    object_id = call.params.get(name)
    if object_id is None:
        return None
    seq = sequence_of(transaction=call.work.transaction, kind=kind, object_id=object_id)
    if seq is None:
        raise no_such(noun=kind, object_id=object_id, param=name)
    return seq
