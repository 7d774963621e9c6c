"""Every route, by every kind of caller, for its own, another one's and a missing object. A route without a row here fails."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from billing.access.scopes import CUSTOMER_SCOPES, ROLE_SCOPES
from billing.clock import utc_now
from models.api_key import Role
from tests.service.one_of_each import objects_of
from tests.service.world import World


class Row(NamedTuple):
    """What a route asks of its caller, and what it is called with; `{names}` stand for ids."""

    scope: str
    body: dict[str, Any] | None = None
    # Whether it names an object of one customer, of nobody in particular, or none.
    names: str = "customer's"
    for_customers: bool = True
    # Where two routes call different things by one name.
    renamed: Mapping[str, str] = {}
    # Whether what it names is gone after the first who may.
    only_once: bool = False


PUBLIC = {
    ("GET", "/health"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("POST", "/webhooks/stripe"),
}
INTENT = {"customer_id": "{customer_id}", "amount": 100, "currency": "USD"}
DEDUCT = {"customer_id": "{customer_id}", "amount": 1, "operation": "ai.generate"}
PURCHASE = {"customer_id": "{customer_id}", "amount": 500, "payment_method": "pm_card_visa"}
# Within the window in which events are taken, however long the tests run.
USED = {
    "specversion": "1.0", "id": "1", "source": "{customer_id}", "type": "{event_type}", "subject": "{customer_id}",
    "time": utc_now().isoformat(),
}  # fmt: skip
METER = {"code": "of_the_matrix", "name": "Matrix", "event_type": "matrix"}
TOP_UP = {"enabled": False, "threshold": 100, "amount": 500}
ROWS: dict[tuple[str, str], Row] = {
    ("GET", "/credits/balance"): Row("credits:read", names="none"),
    ("GET", "/credits/history"): Row("credits:read", names="none"),
    ("GET", "/usage"): Row("credits:read", names="none"),
    ("POST", "/credits/deduct"): Row("credits:write", DEDUCT, for_customers=False),
    ("POST", "/credits/deduct/batch"): Row("credits:write", {"items": []}, names="none", for_customers=False),
    ("POST", "/credits/grants"): Row("credit_grants:write", {"customer_id": "{customer_id}", "amount": 5}),
    ("POST", "/credits/holds"): Row("credits:write", DEDUCT, for_customers=False),
    ("POST", "/credits/holds/{hold_id}/capture"): Row("credits:write", {}, for_customers=False),
    ("POST", "/credits/holds/{hold_id}/release"): Row("credits:write", {}, for_customers=False),
    ("POST", "/credits/transfer"): Row(
        "credits:write",
        {"from_customer_id": "{customer_id}", "to_customer_id": "{other_customer_id}", "amount": 1},
        for_customers=False,
    ),
    ("POST", "/credits/unlimited"): Row("credit_grants:write", {"customer_id": "{customer_id}", "unlimited": True}),
    ("PUT", "/customers/{customer_id}/auto-top-up"): Row("customers:write", TOP_UP),
    ("GET", "/customers/{customer_id}/auto-top-up"): Row("customers:read"),
    ("POST", "/credits/purchase"): Row("payments:write", PURCHASE),
    ("GET", "/credits/purchases"): Row("payments:read", names="none"),
    ("GET", "/credits/purchases/{purchase_id}"): Row("payments:read"),
    ("POST", "/usage/events"): Row("usage:write", USED, for_customers=False),
    ("GET", "/usage/events"): Row("usage:read", names="none"),
    ("GET", "/usage/meters"): Row("usage:read", names="none"),
    ("POST", "/meters"): Row("meters:write", METER, names="none"),
    ("GET", "/meters"): Row("meters:read", names="none"),
    ("GET", "/meters/{meter_id}"): Row("meters:read", names="nobody's"),
    ("DELETE", "/meters/{meter_id}"): Row("meters:write", names="nobody's"),
    ("POST", "/subscriptions"): Row("subscriptions:write", {"customer_id": "{customer_id}", "plan": "team"}),
    ("GET", "/subscriptions"): Row("subscriptions:read", names="none"),
    ("GET", "/subscriptions/{subscription_id}"): Row("subscriptions:read"),
    ("PUT", "/subscriptions/{subscription_id}"): Row("subscriptions:write", {"metadata": {"a": "b"}}),
    ("POST", "/subscriptions/{subscription_id}/preview"): Row("subscriptions:read", {"plan": "team"}),
    ("POST", "/subscriptions/{subscription_id}/pause"): Row("subscriptions:write", {}),
    ("POST", "/subscriptions/{subscription_id}/resume"): Row("subscriptions:write", {}),
    ("POST", "/subscriptions/{subscription_id}/cancel"): Row("subscriptions:write", {}),
    ("GET", "/invoices"): Row("invoices:read", names="none"),
    ("GET", "/invoices/{invoice_id}"): Row("invoices:read"),
    ("POST", "/invoices/{invoice_id}/pay"): Row("payments:write", {}),
    ("POST", "/invoices"): Row("invoices:write", {"customer_id": "{customer_id}"}),
    ("POST", "/invoices/{invoice_id}/lines"): Row("invoices:write", {"description": "Setup", "amount": 100}),
    ("POST", "/invoices/{invoice_id}/finalize"): Row("invoices:write", {}),
    ("DELETE", "/invoices/{invoice_id}"): Row("invoices:write"),
    ("POST", "/invoices/{invoice_id}/credit-notes"): Row("invoices:write", {"amount": 1}),
    ("POST", "/invoices/{invoice_id}/mark-uncollectible"): Row("invoices:write", {}),
    ("POST", "/invoices/{invoice_id}/void"): Row("invoices:write", {}),
    ("GET", "/credit-notes"): Row("invoices:read", names="none"),
    ("GET", "/credit-notes/{credit_note_id}"): Row("invoices:read"),
    ("GET", "/dunning"): Row("invoices:read", names="none"),
    ("GET", "/dunning/{case_id}"): Row("invoices:read"),
    ("POST", "/test-clocks"): Row("test_clocks:write", {"frozen_time": "2026-01-01T00:00:00Z"}, names="none"),
    ("GET", "/test-clocks"): Row("test_clocks:read", names="none"),
    ("GET", "/test-clocks/{clock_id}"): Row("test_clocks:read", names="nobody's"),
    ("POST", "/test-clocks/{clock_id}/advance"): Row(
        "test_clocks:write", {"frozen_time": "2026-02-01T00:00:00Z"}, names="nobody's"
    ),
    ("DELETE", "/test-clocks/{clock_id}"): Row("test_clocks:write", names="nobody's", only_once=True),
    ("GET", "/customers"): Row("customers:read", names="none"),
    ("POST", "/customers"): Row("customers:write", {"email": "x@example.com"}, names="none", for_customers=False),
    ("GET", "/customers/{customer_id}"): Row("customers:read"),
    ("PUT", "/customers/{customer_id}"): Row("customers:write", {"name": "Ada"}),
    ("GET", "/customers/{customer_id}/payment-methods"): Row("customers:read"),
    ("POST", "/customers/{customer_id}/payment-methods"): Row("customers:write", {"payment_method": "pm_card_visa"}),
    ("DELETE", "/customers/{customer_id}/payment-methods/{payment_method}"): Row("customers:write"),
    ("POST", "/customers/{customer_id}/setup-intents"): Row("customers:write", {}),
    ("POST", "/customers/{customer_id}/tokens"): Row("customers:write", {}, for_customers=False),
    ("GET", "/customers/{customer_id}/entitlements"): Row("entitlements:read"),
    ("POST", "/customers/{customer_id}/entitlements/{feature}/consume"): Row("entitlements:write", for_customers=False),
    ("GET", "/plans"): Row("plans:read", names="none"),
    ("GET", "/plans/{plan_id}"): Row("plans:read", names="nobody's"),
    ("POST", "/payments/intent"): Row("payments:write", INTENT),
    ("POST", "/payments/confirm"): Row("payments:write", {"payment_id": "{payment_id}", "payment_method": "pm_card_visa"}),
    ("POST", "/payments/{payment_id}/capture"): Row("payments:write", {}, for_customers=False),
    ("POST", "/payments/{payment_id}/cancel"): Row("payments:write", {}),
    ("POST", "/payments/refund"): Row(
        "payments:write", {"payment_id": "{payment_id}", "amount": 1}, for_customers=False
    ),
    ("POST", "/payments/setup-intents/{setup_intent_id}/confirm"): Row("customers:write", {}),
    ("GET", "/payments"): Row("payments:read", names="none"),
    ("GET", "/payments/{payment_id}"): Row("payments:read"),
    ("GET", "/disputes"): Row("disputes:read", names="none", for_customers=False),
    ("GET", "/disputes/{dispute_id}"): Row("disputes:read", for_customers=False),
    ("POST", "/disputes/{dispute_id}/evidence"): Row("disputes:write", {"uncategorized_text": "x"}, for_customers=False),
    ("GET", "/operations/{operation_id}"): Row("operations:read"),
    ("GET", "/webhooks/events"): Row("webhooks:read", names="none"),
    ("GET", "/webhooks/events/{event_id}"): Row("webhooks:read", names="nobody's"),
    ("POST", "/webhooks/replay"): Row("webhooks:write", {"event_id": "{event_id}"}, names="nobody's"),
    ("GET", "/reconciliation/runs"): Row("reconciliation:read", names="none"),
    ("GET", "/reconciliation/runs/{run_id}"): Row("reconciliation:read", names="nobody's"),
    ("GET", "/ledger/accounts"): Row("ledger:read", names="none"),
    ("GET", "/ledger/entries"): Row("ledger:read", names="none"),
    ("GET", "/ledger/trial-balance"): Row("ledger:read", names="none"),
    ("GET", "/audit-log"): Row("audit:read", names="none"),
    ("GET", "/events"): Row("events:read", names="none"),
    ("GET", "/events/{event_id}"): Row("events:read", names="nobody's", renamed={"event_id": "own_event_id"}),
    ("POST", "/webhook-endpoints"): Row("webhook_endpoints:write", {"url": "https://shop.example/"}, names="none"),
    ("GET", "/webhook-endpoints"): Row("webhook_endpoints:read", names="none"),
    ("GET", "/webhook-endpoints/{endpoint_id}"): Row("webhook_endpoints:read", names="nobody's"),
    ("PUT", "/webhook-endpoints/{endpoint_id}"): Row("webhook_endpoints:write", {"description": "x"}, names="nobody's"),
    ("POST", "/webhook-endpoints/{endpoint_id}/rotate-secret"): Row("webhook_endpoints:write", {}, names="nobody's"),
    ("POST", "/webhook-endpoints/{endpoint_id}/redeliver"): Row(
        "webhook_endpoints:write", {"since": "2026-01-01T00:00:00Z"}, names="nobody's"
    ),
    ("GET", "/webhook-endpoints/{endpoint_id}/deliveries"): Row("webhook_endpoints:read", names="nobody's"),
    ("GET", "/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}"): Row(
        "webhook_endpoints:read", names="nobody's"
    ),
    ("POST", "/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}/redeliver"): Row(
        "webhook_endpoints:write", {}, names="nobody's"
    ),
    ("DELETE", "/webhook-endpoints/{endpoint_id}"): Row("webhook_endpoints:write", names="nobody's", only_once=True),
}  # fmt: skip
MISSING = {
    name: f"{prefix}_01h455vb4pex5vsknk084sn02q"
    for name, prefix in {
        "customer_id": "cus",
        "payment_id": "pay",
        "dispute_id": "dp",
        "setup_intent_id": "seti",
        "operation_id": "op",
        "payment_method": "pm",
        "event_id": "evt",
        "run_id": "rec",
        "own_event_id": "evt",
        "endpoint_id": "we",
        "delivery_id": "wd",
        "hold_id": "hold",
        "purchase_id": "cpur",
        "other_customer_id": "cus",
        "plan_id": "plan",
        "feature": "feature",
        "meter_id": "mtr",
        "event_type": "type",
        "clock_id": "clock",
        "subscription_id": "sub",
        "invoice_id": "inv",
        "case_id": "dun",
        "credit_note_id": "cn",
    }.items()
}
LET_THROUGH = {200, 201, 202, 409, 422}


def ask(
    world: World,
    route: tuple[str, str],
    ids: Mapping[str, str],
    *,
    key: str | None,
    role: Role = Role.ADMIN,
    body: Mapping[str, Any] | None = None,
) -> Any:
    """Call a route with its row's body, or another one."""
    method, path = route
    sent = body if body is not None else ROWS[route].body
    ids = {**ids, **{name: ids[other] for name, other in ROWS[route].renamed.items()}}
    filled = (
        None
        if sent is None
        else {name: value.format(**ids) if isinstance(value, str) else value for name, value in sent.items()}
    )
    return world.call(method, path.format(**ids), filled, key=key, role=role)


def expected(row: Row, *, scopes: frozenset[str], whose: str, is_customer: bool) -> set[int]:
    if row.scope not in scopes or (is_customer and not row.for_customers):
        return {403}
    if row.names == "none":
        return LET_THROUGH
    if whose == "missing" or (is_customer and whose == "other" and row.names == "customer's"):
        return {404}
    return LET_THROUGH | ({404} if row.only_once else set())


def test_every_route_has_its_row(world: World) -> None:
    document = world.call("GET", "/openapi.json").json
    secured: set[tuple[str, str]] = set()
    public: set[tuple[str, str]] = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            (secured if operation.get("security") else public).add((method.upper(), path))

    assert secured == set(ROWS)
    assert public == PUBLIC


def test_who_reaches_what(world: World) -> None:
    own, other = objects_of(world), objects_of(world)
    answer = world.call("POST", f"/customers/{own['customer_id']}/tokens", {})
    token = answer.json["token"]
    callers = {str(role): (ROLE_SCOPES[role], world.key(role), False) for role in Role}
    callers["customer"] = (CUSTOMER_SCOPES, token, True)
    wrong: list[str] = []

    for route, row in ROWS.items():
        for whose, ids in (("own", own), ("other", other), ("missing", MISSING)):
            anonymous = world.app.test_client().open(route[1].format(**ids), method=route[0])
            if anonymous.status_code != 401:
                wrong.append(f"{route} by nobody: {anonymous.status_code}")
            for caller, (scopes, key, is_customer) in callers.items():
                wanted = expected(row, scopes=scopes, whose=whose, is_customer=is_customer)
                found = ask(world, route, ids, key=key)
                if found.status_code not in wanted:
                    wrong.append(f"{route} by {caller}, {whose}: {found.status_code}, not {wanted}: {found.text}")
        world.work()

    assert wrong == []
