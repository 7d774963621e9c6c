"""What the state of an object does not allow is a conflict; what is just allowed is taken."""

import pytest

from app.edge import Answer, Context, Idempotency, endpoint
from app.factory import create_app
from models.customer import Customer
from tests.integration.app.asking import require_problem
from tests.service.world import World


def test_the_states_that_contradict_a_request_are_conflicts(world: World) -> None:
    payment = world.pay(world.customer())
    for path in ("capture", "cancel"):
        answer = world.call("POST", f"/payments/{payment['id']}/{path}", {})
        require_problem(answer, status=409, code="payment_not_in_state")

    pending = world.accept_payment(world.customer(), card=None)
    world.work()
    confirm = {"payment_id": pending["id"], "payment_method": "pm_card_visa"}
    assert world.call("POST", "/payments/confirm", confirm).status_code == 202
    require_problem(world.call("POST", "/payments/confirm", confirm), status=409, code="operation_in_progress")


def test_a_commit_that_fails_is_a_conflict_and_never_a_success(world: World) -> None:
    @endpoint(scope="customers:write", idempotency=Idempotency.OPTIONAL)
    def collide(context: Context) -> Answer:
        now = context.now
        for _ in range(2):  # both reach the database with the commit
            context.session.add(
                Customer(email="ada@example.com", gateway_id="cus_same", created_at=now, updated_at=now)
            )
        return Answer(status=201, body={})

    app = create_app(world.runtime)
    app.add_url_rule("/collide", view_func=collide, methods=["POST"])
    headers = {"Authorization": f"Bearer {world.key()}", "Idempotency-Key": "one-wish"}

    answer = app.test_client().post("/collide", json={}, headers=headers)

    require_problem(answer, status=409, code="conflicting_write")
    assert world.count("customers") == world.count("idempotency_keys") == 0


@pytest.mark.parametrize("amount", [1, 99_999_999])
def test_the_limits_themselves_are_taken(world: World, amount: int) -> None:
    metadata = {f"{n:040}": "v" * 500 for n in range(50)}
    created = world.call("POST", "/customers", {"email": "ada@example.com", "metadata": metadata, "currency": "eUr"})
    assert (created.status_code, created.json["metadata"], created.json["currency"]) == (201, metadata, "EUR")

    accepted = world.accept_payment(created.json["id"], amount=amount)
    assert accepted["amount"] == amount
