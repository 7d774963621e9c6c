"""What every answer carries, and what the log says of it."""

import json
import re
from typing import Any

import pytest

from tests.integration.app.conftest import Lines
from tests.service.world import World, signed_body

HOSTILE = 'Ada\nLovelace\r\x1b[31m"red" \u2028 ada@example.com'


def get(world: World, path: str, **headers: str) -> Any:
    return world.app.test_client().get(path, headers=headers, buffered=True)


@pytest.mark.parametrize("asked", ["a", "order-4711.retry_2", "x" * 128])
def test_a_valid_request_id_is_taken(refusing: World, asked: str) -> None:
    answer = get(refusing, "/customers", **{"X-Request-Id": asked})

    assert answer.headers["X-Request-Id"] == answer.json["request_id"] == asked


@pytest.mark.parametrize("asked", ["", "x" * 129, "a b", "a/b", "é", '"x"', "a;b", "<script>"])
def test_any_other_request_id_is_replaced(refusing: World, asked: str) -> None:
    answer = get(refusing, "/customers", **{"X-Request-Id": asked})

    assert re.fullmatch(r"req_[0-9a-f]{32}", answer.headers["X-Request-Id"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/health/live", 200),
        ("/metrics", 200),
        ("/openapi.json", 200),
        ("/docs", 200),
        ("/docs/errors", 200),
        ("/docs/assets/docs.css", 200),
        ("/docs/assets/swagger-ui-bundle.js", 200),
        ("/customers", 401),
        ("/nothing", 404),
        ("/webhooks/stripe", 405),
    ],
)
def test_every_answer_carries_an_id_and_what_keeps_a_browser_safe(refusing: World, path: str, status: int) -> None:
    answer = get(refusing, path)

    assert answer.status_code == status
    assert answer.headers["X-Request-Id"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "Server" not in answer.headers
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/docs", "/docs/errors"])
def test_pages_run_scripts_of_this_server_only(refusing: World, path: str) -> None:
    answer = get(refusing, path)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))

    assert policy["default-src"] == policy["script-src"] == "'self'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert policy["base-uri"] == policy["form-action"] == "'none'"
    assert answer.content_type.startswith("text/html")
    assert not re.search(r"<script(?! src=\"/docs/)", answer.text)
    assert not re.search(r"\son[a-z]+=|style=|https?://", answer.text)


def test_answers_of_the_api_are_not_kept_by_caches(refusing: World) -> None:
    assert refusing.call("GET", "/customers").headers["Cache-Control"] == "no-store"


def test_each_line_of_the_log_is_one_object_that_names_the_request(world: World, log_lines: Lines) -> None:
    world.key()
    log_lines()
    headers = {"X-Request-Id": "one-request"}
    created = world.call("POST", "/customers", {"email": "ada@example.com", "name": HOSTILE}, headers=headers)
    world.call("PUT", f"/customers/{created.json['id']}", {"metadata": {HOSTILE[:40]: HOSTILE}}, headers=headers)
    world.call("GET", "/customers?email=" + "%0a%1b%22", headers=headers)
    world.call("GET", "/no%0asuch%22path", headers=headers)
    world.call("POST", "/customers", {HOSTILE: HOSTILE}, headers=headers)

    lines = log_lines()
    assert {line["request_id"] for line in lines} == {"one-request"}
    answered = [line for line in lines if line["event"] == "request.answered"]
    assert [line["status"] for line in answered] == [201, 200, 200, 404, 422]
    assert all({"method", "route", "milliseconds", "level", "timestamp"} <= set(line) for line in answered)
    assert not any(text in json.dumps(lines) for text in ("Lovelace", "ada@example.com", "such"))


def test_hostile_values_come_back_as_they_were_and_the_audit_log_redacts_them(world: World) -> None:
    created = world.call(
        "POST", "/customers", {"email": "ada@example.com", "name": HOSTILE, "metadata": {"x": HOSTILE}}
    )
    assert (created.json["name"], created.json["metadata"]["x"]) == (HOSTILE, HOSTILE)

    entries = json.dumps(world.call("GET", "/audit-log").json)
    assert "Lovelace" in entries  # metadata is the caller's own …
    assert "ada@example.com" not in entries  # … but not its e-mail addresses


def test_made_up_methods_make_no_figures_of_their_own(refusing: World) -> None:
    for method in ("BREW", "X" * 50):
        refusing.call(method, "/customers")

    figures = get(refusing, "/metrics").text
    assert 'method="other"' in figures
    assert "BREW" not in figures


def test_the_secrets_of_the_settings_are_told_nowhere(world: World, log_lines: Lines) -> None:
    payment = world.pay(world.customer(), card="pm_card_chargeDeclined")
    event = {"id": "evt_1", "type": "x.y", "livemode": False, "data": {"object": {}}}
    answers = [
        get(world, path).text
        for path in ("/health", "/metrics", "/openapi.json", "/docs/errors", "/customers", "/nothing")
    ]
    answers.append(world.deliver_raw(signed_body(event), signature="t=1,v1=2").text)
    answers.append(world.call("POST", "/payments/confirm", {"payment_id": payment["id"], "payment_method": "x"}).text)
    logged = json.dumps(log_lines())
    assert "operation.ended" in logged
    told = "\n".join(answers) + logged

    for name, field in world.settings.model_dump().items():
        for secret in field if isinstance(field, list) else [field]:
            if hasattr(secret, "get_secret_value") and secret.get_secret_value():
                assert secret.get_secret_value() not in told, name
    assert "for-tests-only" not in told
    assert world.key() not in told
