"""Every failure is a problem (RFC 9457): its status, its code, its headers, and nothing of our insides."""

import io
import re
from typing import Any

import pytest

from app.factory import create_app
from tests.integration.app.asking import require_problem, rows_of_all_tables
from tests.service.world import World

MISSING = "01h455vb4pex5vsknk084sn02q"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nothing",
        "/customers/",
        "/customers//payment-methods",
        "/payments/x/y/z",
        "/docs/assets/../factory.py",
        "/docs/assets/nothing.css",
        "/docs/assets/..%2ffactory.py",
        "/customers/cus_%00",
        "/%00",
    ],
)
def test_a_path_that_is_not_there(refusing: World, path: str) -> None:
    if path == "/customers/":  # a slash at the end is no other resource
        assert refusing.call("GET", path).status_code == 200
    else:
        require_problem(refusing.call("GET", path), status=404, code="not_found")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/customers/{}", "customer_not_found"),
        ("PUT", "/customers/{}", "customer_not_found"),
        ("GET", "/customers/{}/payment-methods", "customer_not_found"),
        ("DELETE", "/customers/{}/payment-methods/pm_x", "customer_not_found"),
        ("POST", "/customers/{}/setup-intents", "customer_not_found"),
        ("POST", "/customers/{}/tokens", "customer_not_found"),
        ("GET", "/payments/{}", "payment_not_found"),
        ("POST", "/payments/{}/capture", "payment_not_found"),
        ("POST", "/payments/{}/cancel", "payment_not_found"),
        ("POST", "/payments/setup-intents/{}/confirm", "setup_intent_not_found"),
        ("GET", "/operations/{}", "operation_not_found"),
        ("GET", "/webhooks/events/{}", "event_not_found"),
    ],
)
def test_an_object_that_is_not_there_whatever_its_id_looks_like(
    refusing: World, method: str, path: str, code: str
) -> None:
    prefix = {"customer": "cus", "payment": "pay", "setup": "seti", "operation": "op"}.get(
        code.partition("_")[0], "evt"
    )
    for wanted in (
        f"{prefix}_{MISSING}",
        f"re_{MISSING}",
        MISSING,
        "x",
        "%20",
        "é",
        "'--",
        "a" * 300,
        f"{prefix}_" + "z" * 26,
    ):
        body: dict[str, object] | None = {} if method in {"POST", "PUT"} else None
        require_problem(refusing.call(method, path.format(wanted), body), status=404, code=code)


def test_a_method_that_a_path_does_not_take(refusing: World) -> None:
    before = rows_of_all_tables(refusing)
    for method, path, allowed in (
        ("DELETE", "/customers", "GET, HEAD, OPTIONS, POST"),
        ("PATCH", f"/customers/cus_{MISSING}", "GET, HEAD, OPTIONS, PUT"),
        ("GET", "/payments/intent/x/y", None),
        ("POST", "/health", "GET, HEAD, OPTIONS"),
        ("GET", "/webhooks/stripe", "OPTIONS, POST"),
        ("TRACE", "/customers", "GET, HEAD, OPTIONS, POST"),
        ("PROPFIND", "/customers", "GET, HEAD, OPTIONS, POST"),
    ):
        answer = refusing.call(method, path)
        if allowed is None:
            require_problem(answer, status=404, code="not_found")
        else:
            require_problem(answer, status=405, code="method_not_allowed")
            assert answer.headers["Allow"] == allowed
    assert rows_of_all_tables(refusing) == before


def test_options_and_head_need_no_more_than_they_say(refusing: World) -> None:
    options = refusing.app.test_client().options("/payments/intent")
    assert (options.status_code, options.data) == (200, b"")
    assert {"OPTIONS", "POST"} <= set(options.allow)

    head = refusing.call("HEAD", "/customers")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["X-Request-Id"]
    assert refusing.app.test_client().head("/customers").status_code == 401


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "body_malformed"),
        (b"[]", "application/json", 400, "body_malformed"),
        (b'{"a": NaN}', "application/json", 400, "body_malformed"),
        (b'{"email": "a@b.c", "email": "d@e.f"}', "application/json", 400, "body_malformed"),
        (b'{"email": "\xff"}', "application/json", 400, "body_malformed"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "application/json", 400, "body_too_deep"),
        (b'{"a":' * 50_000, "application/json", 400, "body_too_deep"),
        (b'{"email": "a@b.c"}', "text/plain", 415, "unsupported_media_type"),
        (b"email=a%40b.c", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b'{"email": "a@b.c"}', "", 415, "unsupported_media_type"),
        (rb'{"email": "a@b.c", "name": "\u0000"}', "application/json", 422, "character_refused"),
        (rb'{"email": "a@b.c", "name": "\ud800"}', "application/json", 422, "character_refused"),
        (b" " * (1024 * 1024 + 1), "application/json", 413, "body_too_large"),
    ],
    ids=range(13),
)
def test_a_body_that_cannot_be_taken(refusing: World, body: bytes, content_type: str, status: int, code: str) -> None:
    before = rows_of_all_tables(refusing)
    answer = refusing.call("POST", "/customers", data=body, headers={"Content-Type": content_type})

    problem = require_problem(answer, status=status, code=code)
    assert code != "character_refused" or problem["errors"][0]["pointer"] == "/name"
    assert rows_of_all_tables(refusing) == before


def test_a_body_without_a_declared_length_is_limited_too(refusing: World) -> None:
    whole = b'{"email": "ada@example.com"}'
    # Cut at the limit it would be a whole object: what follows must be seen.
    body = whole + b" " * (1024 * 1024 - len(whole)) + b'{"x": 1}'
    answer = refusing.call(
        "POST", "/customers", input_stream=io.BytesIO(body), environ_overrides={"wsgi.input_terminated": True},
        headers={"Content-Type": "application/json"},
    )  # fmt: skip

    require_problem(answer, status=413, code="body_too_large")
    assert refusing.count("customers") == 0


def test_a_crash_tells_nothing_but_that_it_happened(refusing: World) -> None:
    def crash() -> Any:
        raise RuntimeError("canary at /srv/billing/secret.py: SELECT * FROM customers")

    app = create_app(refusing.runtime)
    app.add_url_rule("/crash", view_func=crash)
    answer = app.test_client().get("/crash")

    require_problem(answer, status=500, code="internal_error")
    assert "canary" not in answer.text


def test_every_code_that_a_problem_names_is_explained_on_the_page_that_it_links_to(refusing: World) -> None:
    page = refusing.call("GET", "/docs/errors").text
    explained = set(re.findall(r'id="([a-z_]+)"', page))

    assert {
        "not_found", "method_not_allowed", "body_too_large", "body_malformed", "unsupported_media_type", "internal_error",
        "database_unavailable", "rate_limited", "payment_declined", "idempotency_key_reused", "key_refused",
    } <= explained  # fmt: skip
