"""Search: `metadata['key']:'value' AND status:'succeeded'`, over the facets that objects are stored with.

The part of Stripe's query language that has an exact meaning: clauses of equality joined by AND. Text search (`~`),
OR, negation and number ranges are refused with a message that says so.
"""

import re

from sandbox.api.lists import page_limit
from sandbox.api.routing import Call
from sandbox.hidden import without_hidden
from sandbox.json_types import Json
from sandbox.state.lists import ListQuery, read_page, sequence_of
from sandbox.wire.errors import ApiError, invalid_request
from sandbox.wire.parameters import Integer, Rule, Text

SEARCH: dict[str, Rule] = {"query": Text(), "limit": Integer(minimum=1, maximum=100), "page": Text()}

_FACET_FIELDS = ("customer", "payment_intent", "email")
_CHECKED_FIELDS = ("status", "currency", "description", "name", "phone")
_CLAUSE = re.compile(
    r"""\s*(?:metadata\[(?P<quote>["'])(?P<key>[^"']+)(?P=quote)\]|(?P<field>[a-z_]+))\s*:\s*
        (?P<value_quote>["'])(?P<value>(?:[^\\"']|\\.)*)(?P=value_quote)\s*(?:AND\b|$)""",
    re.VERBOSE | re.IGNORECASE,
)
# How many objects a search looks through beyond those that its facets select.
_SCAN_LIMIT = 10_000


def search_objects(*, call: Call, kind: str, url: str) -> Json:
    """Return one page of the objects of a kind that fit the query, the newest first."""
    facets, checks = _read_query(call.params["query"])
    limit = page_limit(call)
    after = None
    if "page" in call.params:
        after = sequence_of(transaction=call.work.transaction, kind=kind, object_id=call.params["page"])
        if after is None:
            raise invalid_request(message=f"Invalid page: {call.params['page']}", param="page")
    wanted = limit if not checks else _SCAN_LIMIT
    page = read_page(
        transaction=call.work.transaction, query=ListQuery(kind=kind, limit=wanted, facets=facets, after_seq=after)
    )
    fitting = [item for item in page.items if all(item.get(name) == value for name, value in checks.items())]
    has_more = page.has_more or len(fitting) > limit
    shown = fitting[:limit]
    return {
        "object": "search_result",
        "data": [without_hidden(item) for item in shown],
        "has_more": has_more,
        "next_page": shown[-1]["id"] if has_more and shown else None,
        "url": url,
    }


def _read_query(query: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return what facets must hold, and what must be compared in the object itself."""
    facets: dict[str, str] = {}
    checks: dict[str, str] = {}
    position = 0
    while position < len(query):
        clause = _CLAUSE.match(query, position)
        if clause is None or clause.end() == position:
            raise _unreadable(query)
        value = re.sub(r"\\(.)", r"\1", clause["value"])
        if clause["key"] is not None:
            facets[f"metadata[{clause['key']}]"] = value
        elif clause["field"] in _FACET_FIELDS:
            facets[clause["field"]] = value
        elif clause["field"] in _CHECKED_FIELDS:
            checks[clause["field"]] = value
        else:
            raise _unreadable(query)
        position = clause.end()
    return facets, checks


def _unreadable(query: str) -> ApiError:
    fields = ", ".join((*_FACET_FIELDS, *_CHECKED_FIELDS))
    return invalid_request(
        message=f"We were unable to parse your search query: {query}. The sandbox knows clauses field:'value' and "
        f"metadata['key']:'value' joined by AND, with the fields {fields}.",
        param="query",
    )
