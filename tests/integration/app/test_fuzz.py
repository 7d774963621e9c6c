"""Whatever is sent, the answer is one of ours: never a 5xx, and every refusal a problem."""

from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.app.asking import PROBLEM
from tests.service.world import World

FUZZED = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
NASTY = st.sampled_from(
    ["", "'", '"; DROP TABLE customers; --', "${jndi:ldap://x}", "{{7*7}}", "=cmd|' /C calc'!A0", "../../etc/passwd", "%00",
     "\x1b[31m", "\u202e", "\ufffe", "NaN", "null", "-0", "1e309", "cus_01h455vb4pex5vsknk084sn02q", "pm_card_visa", "USD", "ISK"]
)  # fmt: skip
TEXTS = NASTY | st.text(max_size=30)
NUMBERS = st.integers() | st.integers(1, 10**8) | st.floats(allow_nan=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    ["email", "name", "currency", "address", "country", "metadata", "tax_id", "locale", "timezone", "customer_id", "amount",
     "payment_method", "confirm", "capture", "off_session", "return_url", "description", "payment_id", "reason", "set_default",
     "scopes", "expires_in", "event_id", "id", "status"]
)  # fmt: skip
ADDRESSES = st.fixed_dictionaries({}, optional={"city": TEXTS, "country": TEXTS})
LIKELY = st.fixed_dictionaries(
    {},
    optional={
        "email": st.just("ada@example.com"),
        "name": TEXTS,
        "currency": st.sampled_from(["usd", "EUR", "KWD", "ISK"]),
        "metadata": st.dictionaries(TEXTS, TEXTS, max_size=3),
        "address": ADDRESSES,
        "amount": st.integers(-1, 10**9),
        "payment_id": TEXTS,
        "payment_method": TEXTS,
        "event_id": TEXTS,
        "scopes": st.lists(TEXTS, max_size=2),
    },
)
BODIES = LIKELY | st.dictionaries(FIELDS | TEXTS, VALUES, max_size=5)


def route_of(world: World, method: str) -> st.SearchStrategy[str]:
    paths = world.app.test_client().get("/openapi.json").json["paths"]
    return st.sampled_from(sorted(path for path in paths if method in paths[path] and path != "/webhooks/stripe"))


def filled(path: str, data: st.DataObject) -> str:
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + quote(data.draw(TEXTS), safe="") + rest.partition("}")[2]
    return path


def require_ours(answer: Any) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.content_type == PROBLEM
        assert answer.json["code"]


@FUZZED
@given(data=st.data())
def test_bodies(world: World, data: st.DataObject) -> None:
    method = data.draw(st.sampled_from(["post", "post", "put"]))
    path = filled(data.draw(route_of(world, method)), data)

    require_ours(world.call(method.upper(), path, data.draw(BODIES)))


@FUZZED
@given(data=st.data())
def test_paths_and_queries(world: World, data: st.DataObject) -> None:
    path = filled(data.draw(route_of(world, "get")), data)
    names = (
        st.sampled_from(["limit", "cursor", "email", "customer_id", "status", "type", "from", "to", "actor", "object"])
        | TEXTS
    )
    query = data.draw(st.dictionaries(names, TEXTS | st.datetimes().map(str), max_size=3))

    require_ours(world.call("GET", f"{path}?{urlencode(query, errors='surrogatepass')}"))


HEADERS = st.sampled_from(
    ["Idempotency-Key", "Prefer", "X-Request-Id", "Accept", "Content-Type", "Authorization", "X-Forwarded-For", "Range"]
)


@FUZZED
@given(
    headers=st.dictionaries(
        HEADERS, st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40), max_size=4
    )
)
def test_headers(world: World, headers: dict[str, str]) -> None:
    require_ours(world.call("POST", "/customers", data=b'{"email": "ada@example.com"}', headers=headers))
