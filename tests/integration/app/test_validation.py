"""What does not fit a schema is refused with a pointer to each part, and leaves nothing behind."""

from typing import Any

from tests.integration.app.asking import faults, require_problem, rows_of_all_tables
from tests.service.world import World

CUSTOMER = "cus_01h455vb4pex5vsknk084sn02q"
PAYMENT = "pay_01h455vb4pex5vsknk084sn02q"
INTENT: dict[str, Any] = {"customer_id": CUSTOMER, "amount": 2900, "currency": "USD"}
REFUND: dict[str, Any] = {"payment_id": PAYMENT}
POST_CUSTOMER, POST_INTENT, POST_REFUND = (
    ("POST", "/customers"),
    ("POST", "/payments/intent"),
    ("POST", "/payments/refund"),
)
ABSENT = object()


def changed(body: dict[str, Any], **parts: object) -> dict[str, Any]:
    return {name: value for name, value in {**body, **parts}.items() if value is not ABSENT}


def customer(**parts: object) -> tuple[tuple[str, str], dict[str, Any]]:
    return POST_CUSTOMER, changed({"email": "ada@example.com"}, **parts)


def intent(**parts: object) -> tuple[tuple[str, str], dict[str, Any]]:
    return POST_INTENT, changed(INTENT, **parts)


def refund(**parts: object) -> tuple[tuple[str, str], dict[str, Any]]:
    return POST_REFUND, changed(REFUND, **parts)


CASES = [
    (customer(email=ABSENT), {("/email", "missing")}),
    (customer(email=None), {("/email", "string_type")}),
    (customer(email=1), {("/email", "string_type")}),
    (customer(email="nobody"), {("/email", "string_pattern_mismatch")}),
    (customer(email="a@b" + "c" * 300), {("/email", "string_too_long")}),
    (customer(nmae="Ada"), {("/nmae", "unknown_field")}),
    (customer(id="x", balance=5), {("/id", "unknown_field"), ("/balance", "unknown_field")}),
    (customer(gateway_id="cus_1"), {("/gateway_id", "unknown_field")}),
    (customer(name=""), {("/name", "string_too_short")}),
    (customer(name=["Ada"]), {("/name", "string_type")}),
    (customer(currency="XYZ"), {("/currency", "value_error")}),
    (customer(currency="EURO"), {("/currency", "string_pattern_mismatch")}),
    (customer(address="Main Street"), {("/address", "model_type")}),
    (customer(address={"x": 1}), {("/address/x", "unknown_field")}),
    (customer(address={"a/b~c": 1}), {("/address/a~1b~0c", "unknown_field")}),
    (customer(address={"country": "DEU"}), {("/address/country", "string_pattern_mismatch")}),
    (customer(address={"city": 5, "line1": 5}), {("/address/city", "string_type"), ("/address/line1", "string_type")}),
    (customer(metadata={"k": 1}), {("/metadata/k", "string_type")}),
    (customer(metadata={"k" * 41: "v"}), {("/metadata/" + "k" * 41, "string_too_long")}),
    (customer(metadata={"": "v"}), {("/metadata/", "string_too_short")}),
    (customer(metadata={"k": "v" * 501}), {("/metadata/k", "string_too_long")}),
    (customer(metadata={str(n): "v" for n in range(51)}), {("/metadata", "value_error")}),
    (customer(metadata=None), {("/metadata", "dict_type")}),
    (customer(metadata=[]), {("/metadata", "dict_type")}),
    (customer(locale="not a locale"), {("/locale", "string_pattern_mismatch")}),
    (intent(amount=ABSENT, currency=ABSENT), {("/amount", "missing"), ("/currency", "missing")}),
    (intent(amount="2900"), {("/amount", "int_type")}),
    (intent(amount=29.0), {("/amount", "int_type")}),
    (intent(amount=29.5), {("/amount", "int_type")}),
    (intent(amount=True), {("/amount", "int_type")}),
    (intent(amount=None), {("/amount", "int_type")}),
    (intent(amount=0), {("/amount", "greater_than_equal")}),
    (intent(amount=-1), {("/amount", "greater_than_equal")}),
    (intent(amount=10**12), {("/amount", "less_than_equal")}),
    (intent(amount=10**400), {("/amount", "less_than_equal")}),
    (intent(amount=100_000_000), {("/amount", "amount_out_of_range")}),
    (intent(currency="ZZZ"), {("/currency", "value_error")}),
    (intent(currency="XAU"), {("/currency", "value_error")}),
    (intent(currency=840), {("/currency", "string_type")}),
    (intent(currency="ISK"), {("/currency", "unsupported_currency")}),
    (intent(currency="kwd", amount=2901), {("/amount", "amount_not_divisible")}),
    (intent(confirm="true"), {("/confirm", "bool_type")}),
    (intent(confirm=1), {("/confirm", "bool_type")}),
    (intent(confirm=True), {("/payment_method", "missing")}),
    (intent(off_session=True), {("/payment_method", "missing")}),
    (intent(payment_method="4242"), {("/payment_method", "string_pattern_mismatch")}),
    (intent(payment_method="pm_" + "x" * 97), {("/payment_method", "string_pattern_mismatch")}),
    (intent(return_url="javascript:alert(1)"), {("/return_url", "string_pattern_mismatch")}),
    (intent(capture="later"), {("/capture", "literal_error")}),
    (intent(description="x" * 1001), {("/description", "string_too_long")}),
    (intent(customer_id=ABSENT), {("/customer_id", "missing")}),
    (intent(status="succeeded", amount_captured=2900), {("/status", "unknown_field"), ("/amount_captured", "unknown_field")}),
    (refund(payment_id=ABSENT), {("/payment_id", "missing")}),
    (refund(payment_id=7), {("/payment_id", "string_type")}),
    (refund(amount=0), {("/amount", "greater_than_equal")}),
    (refund(amount=1.5), {("/amount", "int_type")}),
    (refund(reason="changed my mind"), {("/reason", "literal_error")}),
    (refund(status="succeeded"), {("/status", "unknown_field")}),
    ((("POST", f"/payments/{PAYMENT}/cancel"), {"reason": "x"}), {("/reason", "unknown_field")}),
    ((("POST", f"/payments/{PAYMENT}/capture"), {"amount": -1}), {("/amount", "greater_than_equal")}),
    ((("POST", f"/customers/{CUSTOMER}/setup-intents"), {"usage": "x"}), {("/usage", "unknown_field")}),
    ((("POST", f"/customers/{CUSTOMER}/tokens"), {"expires_in": 59}), {("/expires_in", "greater_than_equal")}),
    ((("POST", f"/customers/{CUSTOMER}/tokens"), {"scopes": ["a" * 65]}), {("/scopes/0", "string_too_long")}),
    ((("PUT", f"/customers/{CUSTOMER}"), {"email": None}), {("/email", "value_error")}),
    ((("GET", "/customers?limit=0"), None), {("/limit", "greater_than_equal")}),
    ((("GET", "/customers?limit=101"), None), {("/limit", "less_than_equal")}),
    ((("GET", "/customers?limit=ten"), None), {("/limit", "int_parsing")}),
    ((("GET", "/customers?page=2"), None), {("/page", "unknown_field")}),
    ((("GET", "/payments?status=paid"), None), {("/status", "literal_error")}),
    ((("GET", "/webhooks/events?from=yesterday"), None), {("/from", "datetime_from_date_parsing")}),
    ((("GET", "/webhooks/events?from_=2026-01-01"), None), {("/from_", "unknown_field")}),
    ((("GET", "/webhooks/events?from=0"), None), {("/from", "value_error")}),
    ((("GET", "/audit-log?to=1764000000.5"), None), {("/to", "value_error")}),
    ((("POST", "/webhook-endpoints/we_x/redeliver"), {"since": 0}), {("/since", "value_error")}),
    ((("POST", "/usage/events"), {"specversion": "1.0", "id": "1", "source": "x", "type": "y", "subject": CUSTOMER, "time": 5}),
        {("/time", "value_error")}),
    ((("POST", "/usage/events"), {"specversion": 1, "id": "", "source": "a\tb", "type": 5, "subject": "c" * 65}),
        {("/specversion", "literal_error"), ("/id", "string_too_short"), ("/source", "string_pattern_mismatch"),
         ("/type", "string_type"), ("/subject", "string_too_long"), ("/time", "missing")}),
    ((("GET", "/usage/meters?from=0&to=2026-11-25T00:00:00Z"), None), {("/from", "value_error"), ("/to", "value_error")}),
    ((("GET", "/usage?from=2026-02-30"), None), {("/from", "date_from_datetime_parsing")}),
    ((("GET", "/usage/meters?meter=A"), None), {("/meter", "string_pattern_mismatch")}),
    ((("GET", "/usage/events?event_id=a%00b"), None), {("/event_id", "value_error")}),
    (customer(email="a\u0085@b"), {("/email", "string_pattern_mismatch")}),
    *(
        ((("GET", f"/{path}?{name}=a%00b"), None), {(f"/{name}", "value_error")})
        for path, name in (
            ("customers", "email"), ("customers", "cursor"), ("webhooks/events", "type"), ("audit-log", "actor"),
            ("audit-log", "object"), ("audit-log", "action"),
        )
    ),
]  # fmt: skip


def test_every_part_at_fault_is_pointed_at_and_nothing_is_left_behind(refusing: World) -> None:
    before = rows_of_all_tables(refusing)
    found: dict[str, object] = {}
    wanted: dict[str, object] = {}
    for ((method, path), body), pointed in CASES:
        case = f"{method} {path} {str(body)[:200]}"
        wanted[case] = pointed
        answer = refusing.call(method, path, body)
        problem = answer.json
        found[case] = faults(problem) if answer.status_code == 422 else (answer.status_code, problem)

    assert found == wanted
    assert rows_of_all_tables(refusing) == before


def test_a_422_never_repeats_what_was_sent(refusing: World) -> None:
    answer = refusing.call(
        "POST", "/customers", {"email": "canary-email", "name": ["canary-name"], "currency": "canary"}
    )

    require_problem(answer, status=422, code="invalid_request")
    assert "canary" not in answer.text


def test_many_faults_are_cut_off_at_fifty(refusing: World) -> None:
    problem = require_problem(
        refusing.call("POST", "/customers", {f"x{n}": n for n in range(500)}), status=422, code="invalid_request"
    )

    assert len(problem["errors"]) == 50
    assert problem["detail"].startswith("501 ")
