"""What a caller may not set, no write route takes: each field that is only shown, or made up, is refused, and no row changes."""

import hashlib
from typing import Any

from tests.integration.access.test_matrix import ROWS, ask
from tests.integration.app.asking import faults, require_problem
from tests.service.one_of_each import objects_of
from tests.service.world import World

# What somebody would try, in the words of other systems as well.
WISHED_FOR = {
    "tenant_id",
    "account_id",
    "is_admin",
    "role",
    "balance",
    "version",
    "deleted_at",
    "livemode",
    "__proto__",
    "id",
}
# The use of a key is noted beside every request, also one that is refused.
_BESIDE = {"api_keys": "last_used_at"}


def test_no_write_route_takes_a_field_that_is_not_its_own(world: World) -> None:
    document = world.call("GET", "/openapi.json").json
    ids = objects_of(world)
    before = hash_of_all_rows(world)
    writes = [route for route in ROWS if route[0] in {"POST", "PUT"}]
    assert len(writes) >= 15

    for route in writes:
        own, shown = fields_of(document, route)
        for field in sorted(field for field in (shown | WISHED_FOR) - own if is_looked_at(route, field)):
            row = ROWS[route]
            body = {**(row.body or {}), field: "succeeded"}
            answer = ask(world, route, ids, key=None, body=body)
            problem = require_problem(answer, status=422, code="invalid_request")
            assert (f"/{field}", "unknown_field") in faults(problem), (route, field)
    assert hash_of_all_rows(world) == before


def is_looked_at(route: tuple[str, str], field: str) -> bool:
    """Say whether a route looks at a field that it does not know: CloudEvents leaves names like these to extensions."""
    return route != ("POST", "/usage/events") or not field.isalnum()


def fields_of(document: dict[str, Any], route: tuple[str, str]) -> tuple[set[str], set[str]]:
    """Return the fields that a route's body takes, and those that its answers show."""
    operation = document["paths"][route[1]][route[0].lower()]
    asked = operation["requestBody"]["content"]["application/json"]["schema"]
    answers = [
        content["schema"]
        for status, response in operation["responses"].items()
        if int(status) < 300
        for content in response["content"].values()
    ]
    return properties(document, asked), set().union(*(properties(document, each) for each in answers))


def properties(document: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    if "oneOf" in schema:
        return properties(document, schema["oneOf"][0])
    if "$ref" not in schema:
        return set(schema["properties"])
    name = schema["$ref"].rpartition("/")[2]
    return set(document["components"]["schemas"][name].get("properties", {}))


def hash_of_all_rows(world: World) -> dict[str, str]:
    """Return a hash over the rows of each table."""
    tables = [row["tablename"] for row in world.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    found = {}
    for table in tables:
        rows = world.rows(f"SELECT (to_jsonb(t) - '{_BESIDE.get(table, '')}')::text AS row FROM {table} t ORDER BY 1")
        found[table] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return found
