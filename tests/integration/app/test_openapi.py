"""The OpenAPI document is valid, complete, and true: what the API answers is what it promises."""

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from billing.clock import utc_now
from tests.integration.app.asking import PROBLEM
from tests.integration.app.documented import as_template, require_documented
from tests.integration.reconciliation.stories import reconcile
from tests.service.one_of_each import unpaid_subscription
from tests.service.world import World, signed_body

UNDOCUMENTED = {"/openapi.json", "/docs", "/docs/errors", "/docs/assets/{name}"}


def document_of(world: World) -> dict[str, Any]:
    document: dict[str, Any] = world.app.test_client().get("/openapi.json").json
    return document


def test_the_document_is_valid_openapi_3_1(refusing: World) -> None:
    document = document_of(refusing)

    assert document["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_route_is_in_it_and_it_has_no_other(refusing: World) -> None:
    routed = {
        (as_template(rule.rule), method.lower())
        for rule in refusing.app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    documented = {(path, method) for path, each in document_of(refusing)["paths"].items() for method in each}

    assert {route for route in routed if route[0] not in UNDOCUMENTED} == documented
    assert {path for path, _ in routed} >= UNDOCUMENTED


def test_every_failure_is_documented_as_a_problem_and_as_nothing_else(refusing: World) -> None:
    document = document_of(refusing)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                assert response["description"], (path, method, status)
                if int(status) >= 400:
                    assert list(response["content"]) == [PROBLEM], (path, method, status)
                    assert response["content"][PROBLEM]["schema"] == {"$ref": "#/components/schemas/Problem"}
            if operation.get("security"):
                assert {"400", "401", "403", "404", "422", "429", "500", "503"} <= set(operation["responses"])


def test_the_422_is_what_the_document_says(refusing: World) -> None:
    document = document_of(refusing)
    problem = document["components"]["schemas"]["Problem"]
    assert {"type", "title", "status", "detail", "code", "instance", "request_id"} <= set(problem["required"])

    for method, path, body in (
        ("POST", "/customers", {"email": 1}),
        ("POST", "/payments/intent", {}),
        ("GET", "/customers?limit=0", None),
    ):
        require_documented(refusing, document, method, path, refusing.call(method, path, body))


def test_headers_that_requests_carry_are_documented(refusing: World) -> None:
    paths = document_of(refusing)["paths"]
    for path, required in (("/payments/intent", True), ("/payments/refund", True), ("/customers", False)):
        headers = {each["name"]: each for each in paths[path]["post"]["parameters"] if each["in"] == "header"}
        assert headers["Idempotency-Key"]["required"] is required, path
    assert "Prefer" in {each["name"] for each in paths["/payments/confirm"]["post"]["parameters"]}
    assert "Prefer" not in {each["name"] for each in paths["/customers"]["post"]["parameters"]}
    assert not any(
        each["in"] == "header" for each in paths["/customers/{customer_id}/tokens"]["post"].get("parameters", [])
    )


def test_every_operation_has_a_summary_a_tag_and_a_name_of_its_own(refusing: World) -> None:
    operations = [each for path in document_of(refusing)["paths"].values() for each in path.values()]

    assert all(operation.get("summary") and operation.get("tags") for operation in operations)
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)


class Asking:
    """Asks, holds each answer against the document, and notes which promises were seen kept."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.document = document_of(world)
        self.kept: set[tuple[str, str, int]] = set()

    def __call__(self, method: str, path: str, body: object = None, *, headers: dict[str, str] | None = None) -> Any:
        answer = self.world.call(method, path, body, headers=headers)
        self.kept.add(require_documented(self.world, self.document, method, path, answer))
        return answer.json


def outcome_of(ask: Asking, method: str, path: str, body: object = None) -> Any:
    """Ask for slow work, let it be done, and ask again for its outcome."""
    headers = {"Idempotency-Key": f"outcome {method} {path} {body}"[:255]}
    accepted = ask(method, path, body, headers=headers)
    ask("GET", f"/operations/{accepted['operation']['id']}")
    ask.world.work()
    ask("GET", f"/operations/{accepted['operation']['id']}")
    return ask(method, path, body, headers=headers) if method == "POST" else accepted


def answer_a_dispute(ask: Asking, payment: dict[str, Any]) -> None:
    """Let a payment be disputed, and ask all that can be asked of it."""
    dispute = ask.world.dispute(payment)
    outcome_of(ask, "POST", f"/disputes/{dispute['id']}/evidence", {"customer_name": "Ada", "submit": True})
    ask("GET", f"/disputes/{dispute['id']}")
    ask("GET", "/disputes")


def look_at_a_reconciliation(ask: Asking) -> None:
    """Let a comparison with the gateway find something, and ask for what it found."""
    ask.world.gateway_post("payment_intents", amount=100, currency="usd")
    run_id = reconcile(ask.world)["id"]
    ask("GET", "/reconciliation/runs")
    assert ask("GET", f"/reconciliation/runs/{run_id}")["differences"]["data"]


def hear_of_events(ask: Asking, customer: str) -> None:
    """Add an endpoint, and ask all that can be asked of it, of what it missed, and of our events."""
    endpoint = f"/webhook-endpoints/{ask('POST', '/webhook-endpoints', {'url': 'https://shop.example/'})['id']}"
    ask("PUT", endpoint, {"status": "disabled"})
    ask("PUT", f"/customers/{customer}", {"name": "Grace"})
    ask("PUT", endpoint, {"status": "enabled", "events": ["*"]})
    ask("GET", endpoint)
    ask("GET", "/webhook-endpoints")
    ask("POST", f"{endpoint}/rotate-secret", {})
    missed = ask("GET", f"{endpoint}/deliveries")["data"][0]
    ask("POST", f"{endpoint}/deliveries/{missed['id']}/redeliver", {})
    ask("GET", f"{endpoint}/deliveries/{missed['id']}")
    ask("POST", f"{endpoint}/redeliver", {"since": "2026-01-01T00:00:00Z"})
    ask("DELETE", endpoint)
    ask("GET", "/events")
    ask("GET", f"/events/{missed['event_id']}")


def use_credits(ask: Asking, world: World, customer: str) -> None:
    world.open_credits()
    ask("POST", "/credits/grants", {"customer_id": customer, "amount": 100})
    ask("GET", f"/credits/balance?customer_id={customer}")
    wish = {"customer_id": customer, "amount": 10, "operation": "render"}
    ask("POST", "/credits/deduct", wish)
    ask("POST", "/credits/deduct/batch", {"items": [{**wish, "idempotency_key": "1"}]})
    for end in ("capture", "release"):
        held = ask("POST", "/credits/holds", wish)
        ask("POST", f"/credits/holds/{held['hold_id']}/{end}", {})
    ask("POST", "/credits/transfer", {"from_customer_id": customer, "to_customer_id": world.customer(), "amount": 1})
    for lifted in (True, False):
        ask("POST", "/credits/unlimited", {"customer_id": customer, "unlimited": lifted})
    wish = {"customer_id": customer, "amount": 500, "payment_method": "pm_card_visa"}
    ask("PUT", f"/customers/{customer}/auto-top-up", {"enabled": False, "threshold": 5, "amount": 500})
    ask("GET", f"/customers/{customer}/auto-top-up")
    bought = outcome_of(ask, "POST", "/credits/purchase", wish)
    ask("GET", f"/credits/purchases?customer_id={customer}")
    ask("GET", f"/credits/purchases/{bought['id']}")
    ask("GET", f"/credits/history?customer_id={customer}")
    ask("GET", f"/usage?customer_id={customer}&group_by=operation")


def report_usage(ask: Asking, customer: str) -> None:
    meter = ask(
        "POST", "/meters", {"code": "calls", "name": "Calls", "event_type": "call.made", "credits_per_unit": "1"}
    )
    used = {"specversion": "1.0", "id": "1", "source": "shop", "type": "call.made", "subject": customer}
    ask("POST", "/usage/events", [{**used, "time": utc_now().isoformat()}, used])
    ask("POST", "/usage/events", used)
    ask("GET", "/usage/events")
    ask("GET", "/usage/meters")
    ask("GET", "/meters")
    ask("GET", f"/meters/{meter['id']}")
    ask("DELETE", "/meters/calls")


def look_at_plans(ask: Asking, customer: str) -> None:
    """Ask for the catalog, use a feature up, and see what is left of the others."""
    ask("GET", f"/plans/{ask('GET', '/plans')['data'][0]['id']}")
    ask("POST", f"/customers/{customer}/entitlements/projects/consume", {})
    ask("POST", f"/customers/{customer}/entitlements/projects/consume", {"amount": 1})
    ask("POST", f"/customers/{customer}/entitlements/projects/consume", {"amount": -2})
    ask("GET", f"/customers/{customer}/entitlements")


def subscribe(ask: Asking, customer: str) -> None:
    """Subscribe with and without something to pay, and ask all that can be asked of it."""
    ask.world.open_credits()
    trial = ask("POST", "/subscriptions", {"customer_id": customer, "plan": "pro"})
    ask("POST", f"/subscriptions/{trial['id']}/preview", {"quantity": 2})
    ask("PUT", f"/subscriptions/{trial['id']}", {"quantity": 2})
    for action in ("cancel", "resume", "pause"):
        ask("POST", f"/subscriptions/{trial['id']}/{action}", {})
    wish = {"customer_id": customer, "plan": "team", "trial_days": 0, "payment_method": "pm_card_visa"}
    paid = outcome_of(ask, "POST", "/subscriptions", wish)
    ask("GET", f"/subscriptions?customer_id={customer}")
    ask("GET", f"/subscriptions/{paid['id']}")
    outcome_of(ask, "PUT", f"/subscriptions/{paid['id']}", {"interval": "year"})
    ask("PUT", f"/subscriptions/{paid['id']}", {"interval": "month"})
    ask("GET", f"/invoices?customer_id={customer}")
    ask("GET", f"/invoices/{paid['latest_invoice_id']}")
    for end in ("pay", "void"):
        unpaid = unpaid_subscription(ask.world, ask.world.customer())
        invoice = f"/invoices/{unpaid['latest_invoice_id']}"
        if end == "pay":
            outcome_of(ask, "POST", f"{invoice}/pay", {"payment_method": "pm_card_visa"})
        else:
            ask("POST", f"{invoice}/void", {})
        case = ask("GET", f"/dunning?customer_id={unpaid['customer_id']}")["data"][0]
        ask("GET", f"/dunning/{case['id']}")


def invoice_by_hand(ask: Asking, customer: str) -> None:
    """Draft invoices, and let them be deleted, paid, sent, given up, and taken back in part."""
    ask("DELETE", f"/invoices/{ask('POST', '/invoices', {'customer_id': customer})['id']}")
    line = {"description": "Setup", "amount": 1000, "quantity": 2}
    for collection in ("automatic", "send_invoice"):
        wish = {"customer_id": customer, "currency": "USD", "collection": collection, "payment_method": "pm_card_visa"}
        invoice = f"/invoices/{ask('POST', '/invoices', wish)['id']}"
        ask("POST", f"{invoice}/lines", line)
        if collection == "automatic":
            outcome_of(ask, "POST", f"{invoice}/finalize", {})
            outcome_of(ask, "POST", f"{invoice}/credit-notes", {"amount": 600, "give_back": "refund"})
        else:
            named = ask("POST", f"{invoice}/finalize", {})["lines"][0]["id"]
            ask("POST", f"{invoice}/mark-uncollectible", {})
            note = ask("POST", f"{invoice}/credit-notes", {"lines": [{"line_id": named, "amount": 500}]})
            ask("GET", f"/credit-notes/{note['id']}")
    ask("GET", f"/credit-notes?customer_id={customer}")


def move_a_clock(ask: Asking) -> None:
    clock = ask("POST", "/test-clocks", {"frozen_time": "2026-01-31T00:00:00Z", "name": "January"})["id"]
    ask("POST", "/customers", {"email": "later@example.com", "test_clock": clock})
    ask("GET", f"/customers?test_clock={clock}")
    ask("GET", "/test-clocks")
    ask.world.work()  # the gateway hears of the customer: the clock waits for that
    outcome_of(ask, "POST", f"/test-clocks/{clock}/advance", {"frozen_time": "2026-03-01T00:00:00Z"})
    ask("GET", f"/test-clocks/{clock}")
    ask("DELETE", f"/test-clocks/{clock}")


def pay_in_every_way(ask: Asking, customer: str, method: str) -> None:
    terms = {"customer_id": customer, "amount": 2900, "currency": "EUR"}
    declined = {**terms, "payment_method": "pm_card_chargeDeclined", "confirm": True}
    payment_id = outcome_of(ask, "POST", "/payments/intent", declined)["payment_id"]
    ask("GET", f"/payments/{payment_id}")
    confirmed = {
        "payment_id": payment_id,
        "payment_method": "pm_card_threeDSecure2Required",
        "return_url": "https://a.example/",
    }
    assert outcome_of(ask, "POST", "/payments/confirm", confirmed)["next_action"]["url"]
    outcome_of(ask, "POST", f"/payments/{payment_id}/cancel", {})
    reserved = outcome_of(
        ask,
        "POST",
        "/payments/intent",
        {**terms, "payment_method": method, "confirm": True, "capture": "manual"},
    )
    outcome_of(ask, "POST", f"/payments/{reserved['id']}/capture", {"amount": 2000})
    outcome_of(ask, "POST", "/payments/refund", {"payment_id": reserved["id"], "amount": 500})
    ask("POST", f"/payments/{reserved['id']}/capture", {})
    ask("GET", "/payments")


def test_what_every_route_answers_is_what_the_document_promises(world: World) -> None:
    ask = Asking(world)
    customer = ask("POST", "/customers", {"email": "ada@example.com", "name": "Ada", "address": {"country": "de"}})[
        "id"
    ]
    ask("GET", f"/customers/{customer}")
    ask("PUT", f"/customers/{customer}", {"currency": "eur", "metadata": {"a": "b"}})
    ask("GET", "/customers")
    ask("POST", f"/customers/{customer}/tokens", {})
    attached = outcome_of(ask, "POST", f"/customers/{customer}/payment-methods", {"payment_method": "pm_card_visa"})
    ask("GET", f"/customers/{customer}/payment-methods")
    look_at_plans(ask, customer)

    returning = {"payment_method": "pm_card_visa", "return_url": "https://shop.example/back"}
    setup = outcome_of(ask, "POST", f"/customers/{customer}/setup-intents", {})
    outcome_of(ask, "POST", f"/payments/setup-intents/{setup['id']}/confirm", returning)

    pay_in_every_way(ask, customer, attached["id"])
    answer_a_dispute(ask, world.pay(customer))
    hear_of_events(ask, customer)

    ask("DELETE", f"/customers/{customer}/payment-methods/{attached['id']}")
    world.work()
    event = {"id": "evt_1", "type": "x.y", "livemode": False, "data": {"object": {}}}
    require_documented(world, ask.document, "POST", "/webhooks/stripe", world.deliver_raw(signed_body(event)))
    world.work()
    for path in (
        "/webhooks/events",
        "/webhooks/events/evt_1",
        "/audit-log",
        "/ledger/accounts",
        "/ledger/entries",
        "/ledger/trial-balance",
        "/health",
        "/health/live",
        "/health/ready",
        "/metrics",
    ):
        ask("GET", path)
    ask("POST", "/webhooks/replay", {"event_id": "evt_1"})
    look_at_a_reconciliation(ask)
    use_credits(ask, world, customer)
    report_usage(ask, customer)
    move_a_clock(ask)
    subscribe(ask, world.customer())
    invoice_by_hand(ask, world.customer())

    promised = {
        (method.upper(), path, int(status))
        for path, operations in ask.document["paths"].items()
        for method, operation in operations.items()
        for status in operation["responses"]
        if int(status) < 300
    }
    not_seen = promised - ask.kept - {("POST", "/webhooks/stripe", 200)}
    # A detachment takes no Idempotency-Key, so that its outcome is seen under `Prefer: wait` only.
    assert not_seen == {("DELETE", "/customers/{customer_id}/payment-methods/{payment_method}", 200)}


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/docs/errors"])
def test_what_explains_the_api_is_open_to_all(refusing: World, path: str) -> None:
    assert refusing.app.test_client().get(path).status_code == 200
