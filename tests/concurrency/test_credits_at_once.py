"""Credits under many hands: exactly what is there is spent, and a key that is sent fifty times at once spends once."""

from billing.credits.answers import CreditAnswer, InsufficientCredits
from billing.credits.deduct import deduct
from tests.concurrency.crowd import at_once
from tests.integration.credits.orders import NOW, Customer, drain
from tests.service.world import World


def test_a_thousand_deductions_of_one_from_five_hundred_succeed_five_hundred_times(world: World) -> None:
    world.open_credits()
    customer = Customer(world)
    customer.grant(500)

    def take(_: int) -> list[CreditAnswer | None]:
        answers: list[CreditAnswer | None] = []
        for _ in range(50):
            try:
                answers.append(customer.deduct(1))
            except InsufficientCredits:
                answers.append(None)
        return answers

    answers = [answer for answered in at_once(20, take) for answer in answered]

    done = [answer for answer in answers if answer is not None]
    assert len(answers) == 1_000
    assert len(done) == 500
    assert sorted(answer.balance for answer in done) == list(range(500))
    assert customer.account().balance == 0
    drain(world)
    assert world.count("credit_transactions") == 501
    assert world.rows("SELECT seq, balance FROM credit_accounts") == [{"seq": 501, "balance": 0}]


def test_fifty_retries_at_once_of_one_key_get_one_answer(world: World) -> None:
    world.open_credits()
    customer = Customer(world)
    customer.grant(100)
    order = customer.order(7)

    answers = at_once(50, lambda _: deduct(world.runtime, order, now=NOW))

    assert len({answer.id for answer in answers}) == 1
    assert {answer.balance for answer in answers} == {93}
    assert [answer.replayed for answer in answers].count(False) == 1
    assert customer.account().balance == 93


def test_whoever_drains_at_once_each_entry_is_written_once(world: World) -> None:
    world.open_credits()
    customers = [Customer(world) for _ in range(8)]
    for customer in customers:
        customer.grant(100)
        for _ in range(20):
            customer.deduct(1)

    at_once(4, lambda _: drain(world))

    assert world.count("credit_transactions") == 8 * 21
    assert {row["balance"] for row in world.rows("SELECT balance FROM credit_accounts")} == {80}
