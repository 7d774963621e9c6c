"""Deductions: at once or not at all, soonest expiry first, and under each key once."""

from datetime import timedelta
from uuid import uuid4

import pytest

from billing.credits.answers import InsufficientCredits
from billing.credits.checks import CHECKS
from billing.ledger.verify import verify
from tests.integration.credits.orders import HOUR, NOW, Customer
from tests.service.world import World


def test_what_is_taken_is_gone(opened: World) -> None:
    customer = opened.customer_with_credits(100)
    body = {"customer_id": customer, "amount": 30, "operation": "ai.generate", "metadata": {"projectId": "p1"}}

    answer = opened.call("POST", "/credits/deduct", body)

    assert answer.status_code == 200
    assert {name: answer.json[name] for name in ("customer_id", "operation", "amount", "balance")} == {
        "customer_id": customer,
        "operation": "ai.generate",
        "amount": 30,
        "balance": 70,
    }
    assert opened.balance(customer) == 70


def test_more_than_there_is_takes_nothing(opened: World) -> None:
    customer = opened.customer_with_credits(100)

    answer = opened.call("POST", "/credits/deduct", {"customer_id": customer, "amount": 101, "operation": "x"})

    assert (answer.status_code, answer.json["code"], answer.json["balance"]) == (402, "insufficient_credits", 100)
    assert opened.balance(customer) == 100


def test_the_same_key_takes_once(opened: World) -> None:
    customer = opened.customer_with_credits(100)
    body = {"customer_id": customer, "amount": 30, "operation": "x"}
    first = opened.call("POST", "/credits/deduct", body, headers={"Idempotency-Key": "same"})
    opened.call("POST", "/credits/deduct", {**body, "amount": 5})

    second = opened.call("POST", "/credits/deduct", body, headers={"Idempotency-Key": "same"})

    assert second.json == first.json
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert opened.balance(customer) == 65


def test_the_same_key_for_another_wish_is_refused(opened: World) -> None:
    customer = opened.customer_with_credits(100)
    body = {"customer_id": customer, "amount": 30, "operation": "x"}
    opened.call("POST", "/credits/deduct", body, headers={"Idempotency-Key": "same"})

    other = opened.call("POST", "/credits/deduct", {**body, "amount": 31}, headers={"Idempotency-Key": "same"})

    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")
    assert opened.balance(customer) == 70


def test_a_refusal_leaves_the_key_free(opened: World) -> None:
    customer = opened.customer_with_credits(10)
    body = {"customer_id": customer, "amount": 30, "operation": "x"}
    assert opened.call("POST", "/credits/deduct", body, headers={"Idempotency-Key": "same"}).status_code == 402
    opened.call("POST", "/credits/grants", {"customer_id": customer, "amount": 30})

    again = opened.call("POST", "/credits/deduct", body, headers={"Idempotency-Key": "same"})

    assert (again.status_code, again.json["balance"]) == (200, 10)


@pytest.mark.parametrize("amount", [0, -1, 1.5, "1", None, True, 10**12])
def test_an_amount_is_a_positive_integer(opened: World, amount: object) -> None:
    customer = opened.customer_with_credits(100)

    answer = opened.call("POST", "/credits/deduct", {"customer_id": customer, "amount": amount, "operation": "x"})

    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/amount"
    assert opened.balance(customer) == 100


def test_a_key_is_required(opened: World) -> None:
    customer = opened.customer_with_credits(100)
    body = {"customer_id": customer, "amount": 1, "operation": "x"}

    answer = opened.app.test_client().post(
        "/credits/deduct", json=body, headers={"Authorization": f"Bearer {opened.key()}"}
    )

    assert (answer.status_code, answer.get_json()["code"]) == (400, "idempotency_key_required")


@pytest.mark.parametrize("customer", ["cus_01h455vb4pex5vsknk084sn02q", "nobody", ""])
def test_nobody_has_no_credits(opened: World, customer: str) -> None:
    answer = opened.call("POST", "/credits/deduct", {"customer_id": customer, "amount": 1, "operation": "x"})

    assert (answer.status_code, answer.json["code"]) == (404, "customer_not_found")


def test_the_customer_has_to_be_named(opened: World) -> None:
    answer = opened.call("POST", "/credits/deduct", {"amount": 1, "operation": "x"})

    assert (answer.status_code, answer.json["code"]) == (422, "customer_id_required")


def test_what_ends_soonest_goes_first_then_by_priority_then_by_age(opened: World) -> None:
    customer = Customer(opened)
    never = customer.grant(10, priority=5)
    late = customer.grant(10, lasts=10 * HOUR, priority=1)
    soon_second = customer.grant(10, lasts=HOUR, priority=2)
    soon_first = customer.grant(10, lasts=HOUR, priority=1)
    older = customer.grant(10, at=NOW - HOUR, lasts=11 * HOUR, priority=1)

    assert [grant for grant, _ in customer.left()] == [soon_first, soon_second, older, late, never]

    customer.deduct(25)

    assert customer.left() == [(older, 5), (late, 10), (never, 10)]


def test_what_has_ended_cannot_be_spent(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(10, lasts=HOUR)
    customer.grant(7)

    with pytest.raises(InsufficientCredits):
        customer.deduct(8, at=NOW + HOUR)

    assert customer.deduct(7, at=NOW + HOUR).balance == 0
    assert [row["type"] for row in customer.transactions()] == ["grant", "grant", "grant_expired", "deduct"]
    assert customer.transactions()[2]["created_at"] == NOW + HOUR


def test_what_was_used_already_and_is_not_there_is_owed_and_the_next_grant_pays_it(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(10)

    assert customer.deduct(25, owing=True).balance == 0
    assert (customer.account().debt, customer.left()) == (15, [])
    assert customer.deduct(5, owing=True).balance == 0
    customer.grant(30)

    assert (customer.account().debt, customer.account().balance) == (0, 10)
    assert [row["debt"] for row in customer.transactions()] == [0, 15, 20, 0]
    with opened.session() as session:
        assert [verdict.check.name for verdict in verify(session, checks=CHECKS) if verdict.violations] == []


def test_a_debt_has_an_end(opened: World) -> None:
    customer = Customer(opened)
    customer.deduct(10**12 - 1, owing=True)
    customer.deduct(1, owing=True)

    with pytest.raises(InsufficientCredits):
        customer.deduct(1, owing=True)

    assert customer.account().debt == 10**12


def test_which_grant_paid_for_which_use_can_be_read(opened: World) -> None:
    customer = Customer(opened)
    first, second = customer.grant(10, lasts=HOUR), customer.grant(10)
    customer.deduct(15)

    (used, *_) = opened.call("GET", f"/credits/history?customer_id={customer.public}").json["data"]

    assert used["type"] == "deduct"
    assert used["paid_by"] == {first: 10, second: 5}
    assert used["grants"] == {first: -10, second: -5}


def test_each_item_of_a_batch_has_its_own_result(opened: World) -> None:
    rich, poor = opened.customer_with_credits(100), opened.customer_with_credits(5)
    items = [
        {"customer_id": rich, "amount": 10, "operation": "x", "idempotency_key": "1"},
        {"customer_id": poor, "amount": 6, "operation": "x", "idempotency_key": "2"},
        {"customer_id": poor, "amount": 5, "operation": "x", "idempotency_key": "3"},
        {"customer_id": rich, "amount": 10, "operation": "x", "idempotency_key": "1"},
        {"customer_id": rich, "amount": 11, "operation": "x", "idempotency_key": "1"},
        {"customer_id": "cus_01h455vb4pex5vsknk084sn02q", "amount": 1, "operation": "x", "idempotency_key": "4"},
        {"customer_id": "nobody", "amount": 1, "operation": "x", "idempotency_key": "5"},
        {"customer_id": rich, "amount": 1, "operation": "x", "idempotency_key": "6"},
    ]

    results = opened.call("POST", "/credits/deduct/batch", {"items": items}).json["data"]

    assert [result.get("balance") for result in results] == [90, None, 0, 90, None, None, None, 89]
    assert [result["error"]["code"] for result in results if "error" in result] == [
        "insufficient_credits",
        "idempotency_key_reused",
        "customer_not_found",
        "customer_not_found",
    ]
    assert results[3]["id"] == results[0]["id"]
    assert (opened.balance(rich), opened.balance(poor)) == (89, 0)


def test_a_batch_has_limits(opened: World) -> None:
    item = {"customer_id": "cus_01h455vb4pex5vsknk084sn02q", "amount": 1, "operation": "x"}
    for items in ([], [{**item, "idempotency_key": str(uuid4())} for _ in range(501)], [item]):
        assert opened.call("POST", "/credits/deduct/batch", {"items": items}).status_code == 422


def test_a_customers_token_sees_its_own_credits_and_spends_none(opened: World) -> None:
    own, other = opened.customer_with_credits(100), opened.customer_with_credits(100)
    token = opened.call("POST", f"/customers/{own}/tokens", {}).json["token"]

    assert opened.call("GET", "/credits/balance", key=token).json["balance"] == 100
    assert opened.call("GET", f"/credits/balance?customer_id={other}", key=token).status_code == 404
    assert opened.call("GET", f"/credits/history?customer_id={other}", key=token).status_code == 404
    assert opened.call("POST", "/credits/deduct", {"amount": 1, "operation": "x"}, key=token).status_code == 403
    assert [row["customer_id"] for row in opened.call("GET", "/credits/history", key=token).json["data"]] == [own]


def test_history_is_paged_and_filtered(opened: World) -> None:
    customer = opened.customer_with_credits(100)
    for _ in range(4):
        opened.call("POST", "/credits/deduct", {"customer_id": customer, "amount": 1, "operation": "x"})

    first = opened.call("GET", f"/credits/history?customer_id={customer}&type=deduct&limit=3").json
    rest = opened.call("GET", f"/credits/history?customer_id={customer}&type=deduct&cursor={first['next_cursor']}").json

    assert [row["balance"] for row in first["data"] + rest["data"]] == [96, 97, 98, 99]
    assert not rest["has_more"]
    future = "2099-01-01T00:00:00Z"
    assert opened.call("GET", f"/credits/history?customer_id={customer}&from={future}").json["data"] == []
    assert len(opened.call("GET", f"/credits/history?customer_id={customer}&to={future}").json["data"]) == 5


def test_what_ends_soon_is_said(opened: World) -> None:
    customer = Customer(opened)
    customer.grant(10, lasts=timedelta(days=29))
    customer.grant(10, lasts=timedelta(days=31))

    assert customer.account().expiring(within=timedelta(days=30)) == 10
