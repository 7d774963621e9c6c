"""Many uses at the same moment: no more than the plan allows, and no fewer."""

from collections import Counter
from typing import Any

from tests.concurrency.crowd import at_once
from tests.service.world import World

CROWD = 50


def consume(world: World, customer: str, feature: str, amount: int = 1, **sent: Any) -> Any:
    return world.call("POST", f"/customers/{customer}/entitlements/{feature}/consume", {"amount": amount}, **sent)


def used(world: World) -> list[int]:
    return [int(row["used"]) for row in world.rows("SELECT used FROM entitlement_uses")]


def test_of_fifty_for_the_last_ten_exactly_ten_succeed(world: World) -> None:
    customer = world.customer()
    world.key()

    statuses = Counter(at_once(CROWD, lambda _: consume(world, customer, "ai_requests").status_code))

    assert statuses == {200: 10, 402: CROWD - 10}
    assert used(world) == [10]


def test_each_that_succeeds_sees_a_number_of_its_own(world: World) -> None:
    customer = world.customer()
    world.key()

    answers = at_once(20, lambda _: consume(world, customer, "ai_requests").json)

    assert sorted(answer["used"] for answer in answers if "remaining" in answer) == list(range(1, 11))


def test_uses_and_returns_at_once_add_up(world: World) -> None:
    customer = world.customer()
    consume(world, customer, "storage", 10)

    answers = at_once(CROWD, lambda n: consume(world, customer, "storage", 1 if n % 2 else -1).status_code)

    # A return is refused only where nothing is in use; what was taken and what was given back make up what is left.
    moved = sum(1 if n % 2 else -1 for n, status in enumerate(answers) if status == 200)
    assert set(answers) <= {200, 409}
    assert used(world) == [10 + moved]


def test_one_request_that_is_sent_by_many_counts_once(world: World) -> None:
    customer = world.customer()
    world.key()
    key = {"Idempotency-Key": "the-same"}

    answers = at_once(10, lambda _: consume(world, customer, "ai_requests", 3, headers=key))

    assert {answer.status_code for answer in answers} <= {200, 409}  # 409: the first is still running
    assert {answer.json["used"] for answer in answers if answer.status_code == 200} == {3}
    assert used(world) == [3]
