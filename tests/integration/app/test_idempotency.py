"""`Idempotency-Key`: one effect and one answer for each key, caller and request."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from billing.clock import utc_now
from billing.idempotency import purge_expired
from models.api_key import Role
from tests.integration.app.asking import require_problem
from tests.service.world import World

KEY = {"Idempotency-Key": "one-wish"}
ADA: dict[str, Any] = {"email": "ada@example.com"}
THREADS = 8


def terms(customer: str, **changed: object) -> dict[str, Any]:
    body = {
        "customer_id": customer,
        "amount": 2900,
        "currency": "USD",
        "payment_method": "pm_card_visa",
        "confirm": True,
    }
    return {**body, **changed}


def without_operation(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "operation"}


def test_a_repeated_request_gets_the_first_answer_and_does_nothing(world: World) -> None:
    first = world.call("POST", "/customers", ADA, headers=KEY)
    again = world.call("POST", "/customers", ADA, headers=KEY)

    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (again.status_code, again.json) == (first.status_code, first.json) == (201, first.json)
    assert world.count("customers") == world.count("outbox_events") == 1


def test_a_change_is_repeated_as_well(world: World) -> None:
    customer = world.customer()
    first = world.call("PUT", f"/customers/{customer}", {"name": "Ada"}, headers=KEY)
    world.call("PUT", f"/customers/{customer}", {"name": "Bob"})
    again = world.call("PUT", f"/customers/{customer}", {"name": "Ada"}, headers=KEY)

    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json == first.json
    assert world.call("GET", f"/customers/{customer}").json["name"] == "Bob"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/customers", {"email": "bob@example.com"}),
        ("POST", "/customers", {"email": "ada@example.com", "name": "Ada"}),
        ("POST", "/payments/intent", {"amount": 1, "currency": "USD", "customer_id": "cus_x"}),
    ],
)
def test_the_same_key_for_another_request_is_refused(
    world: World, method: str, path: str, body: dict[str, Any]
) -> None:
    assert world.call("POST", "/customers", ADA, headers=KEY).status_code == 201

    require_problem(world.call(method, path, body, headers=KEY), status=422, code="idempotency_key_reused")
    assert world.count("customers") == 1


def test_a_key_counts_for_its_caller_only(world: World) -> None:
    by_admin = world.call("POST", "/customers", ADA, headers=KEY)
    by_service = world.call("POST", "/customers", ADA, headers=KEY, role=Role.SERVICE)

    assert by_admin.json["id"] != by_service.json["id"]
    assert "Idempotent-Replayed" not in by_service.headers


def test_where_money_moves_a_key_is_required(world: World) -> None:
    service = {"Authorization": f"Bearer {world.key()}"}
    for path in ("/payments/intent", "/payments/refund"):
        answer = world.app.test_client().post(path, json={}, headers=service)
        require_problem(answer, status=400, code="idempotency_key_required")
    assert world.app.test_client().post("/customers", json=ADA, headers=service).status_code == 201


@pytest.mark.parametrize("key", ["", "k" * 256, "schl\u00fcssel", "tab\tkey", "k\x7f"])
def test_a_key_has_a_form(world: World, key: str) -> None:
    answer = world.call("POST", "/customers", ADA, headers={"Idempotency-Key": key})

    require_problem(answer, status=400, code="idempotency_key_malformed")
    assert world.count("customers") == 0


def test_a_refused_request_leaves_its_key_free(world: World) -> None:
    customer = world.customer()
    for body, status in ((terms(customer, amount=0), 422), (terms("cus_x"), 404), (terms(customer), 202)):
        answer = world.call("POST", "/payments/intent", body, headers=KEY)
        assert answer.status_code == status
        assert "Idempotent-Replayed" not in answer.headers
    assert world.count("payments") == 1


def test_of_many_at_once_one_has_an_effect(world: World) -> None:
    customer, key = world.customer(), world.key()
    barrier = threading.Barrier(THREADS)

    def ask(_: int) -> Any:
        barrier.wait(timeout=20)
        return world.call("POST", "/payments/intent", terms(customer), headers=KEY, key=key)

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(ask, range(THREADS)))

    first = [answer for answer in answers if answer.status_code == 202 and "Idempotent-Replayed" not in answer.headers]
    assert len(first) == 1
    for answer in answers:
        if answer.status_code == 409:
            require_problem(answer, status=409, code="idempotency_key_in_use")
        else:
            assert answer.json["id"] == first[0].json["id"]
    assert world.count("payments") == world.count("operations") == 1


def test_a_repeated_202_tells_how_it_stands_and_then_its_one_outcome(world: World) -> None:
    customer = world.customer()

    def ask() -> Any:
        return world.call("POST", "/payments/intent", terms(customer), headers=KEY)

    accepted, while_waiting = ask(), ask()
    assert (accepted.status_code, while_waiting.status_code) == (202, 202)
    assert while_waiting.headers["Location"] == accepted.headers["Location"]
    assert without_operation(while_waiting.json) == without_operation(accepted.json)
    world.work()

    outcome = ask()
    assert (outcome.status_code, outcome.headers["Idempotent-Replayed"]) == (201, "true")
    assert (outcome.json["status"], outcome.json["amount_refunded"]) == ("succeeded", 0)

    world.call("POST", "/payments/refund", {"payment_id": outcome.json["id"]})
    world.work()
    assert world.payment(outcome.json["id"])["amount_refunded"] == 2900
    assert ask().json == outcome.json
    assert len(world.all_charges()) == 1


def test_a_repeated_decline_stays_the_decline_that_it_was(world: World) -> None:
    customer = world.customer()
    body = terms(customer, payment_method="pm_card_chargeDeclinedInsufficientFunds")
    accepted = world.call("POST", "/payments/intent", body, headers=KEY)
    world.work()
    world.call("POST", "/payments/confirm", {"payment_id": accepted.json["id"], "payment_method": "pm_card_visa"})
    world.work()
    assert world.payment(accepted.json["id"])["status"] == "succeeded"

    again = world.call("POST", "/payments/intent", body, headers=KEY)

    problem = require_problem(again, status=402, code="payment_declined")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert problem["payment_id"] == accepted.json["id"]


def test_a_key_is_kept_for_a_day(world: World) -> None:
    first = world.call("POST", "/customers", ADA, headers=KEY).json["id"]
    with world.session() as session:
        assert purge_expired(session, now=utc_now() + timedelta(hours=23, minutes=59)) == 0
    assert world.call("POST", "/customers", ADA, headers=KEY).json["id"] == first

    # Over, and not swept yet: the key is free again.
    with world.session() as session:
        session.connection().exec_driver_sql("UPDATE idempotency_keys SET expires_at = now() - interval '1 second'")
    second = world.call("POST", "/customers", {"email": "bob@example.com"}, headers=KEY)
    assert second.status_code == 201
    assert second.json["id"] != first

    with world.session() as session:
        assert purge_expired(session, now=utc_now() + timedelta(hours=24, minutes=1)) == 1
    assert world.count("idempotency_keys") == 0
