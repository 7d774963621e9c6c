"""Which credits a purchase has still to give or to take back."""

from hypothesis import given
from hypothesis import strategies as st

from billing.credits.purchase_steps import PaidFor, Standing, Step, due, next_step
from models.credits import PurchaseStep

NOTHING = Standing(0, 0, 0)


def test_nothing_is_given_before_the_money_is_there() -> None:
    assert due(PaidFor(0, 0, 0), credits_=1_000, price_minor=1_000) == NOTHING


def test_a_part_that_is_taken_back_takes_back_that_part_rounded_down() -> None:
    assert due(PaidFor(1_000, 333, 0), credits_=1_000, price_minor=1_000) == Standing(1_000, 333, 0)
    assert due(PaidFor(99, 33, 0), credits_=1_000, price_minor=99) == Standing(1_000, 333, 0)
    assert due(PaidFor(99, 33, 66), credits_=1_000, price_minor=99) == Standing(1_000, 333, 667)


def test_what_is_given_comes_before_what_is_taken() -> None:
    assert next_step(NOTHING, Standing(10, 5, 0)) == Step(PurchaseStep.PAID, 10)
    assert next_step(Standing(10, 0, 7), Standing(10, 5, 0)) == Step(PurchaseStep.DISPUTED, 7)
    assert next_step(Standing(10, 0, 0), Standing(10, 5, 0)) == Step(PurchaseStep.REFUNDED, -5)
    assert next_step(Standing(10, 5, 0), Standing(10, 5, 0)) is None


moves = st.tuples(st.integers(0, 12_000), st.integers(0, 12_000))


@given(credits_=st.integers(1, 10**9), price=st.integers(1, 10**7), story=st.lists(moves, max_size=6))
def test_whatever_happens_the_steps_end_where_the_money_stands(
    credits_: int, price: int, story: list[tuple[int, int]]
) -> None:
    done = NOTHING
    for refunded, disputed in story:
        paid_for = PaidFor(price, price * min(refunded, 10_000) // 10_000, price * min(disputed, 10_000) // 10_000)
        wanted = due(paid_for, credits_=credits_, price_minor=price)
        for _ in range(4):
            step = next_step(done, wanted)
            if step is None:
                break
            done = _after(done, step)
            # The checks of credit_purchases hold after each step, not only at the end.
            assert done.granted in {0, credits_}
            assert done.refunded >= 0
            assert done.disputed >= 0
            assert done.refunded + done.disputed <= done.granted
        assert done == wanted
        assert (done.refunded + done.disputed == credits_) == (paid_for.refunded + paid_for.disputed >= price)


def _after(done: Standing, step: Step) -> Standing:
    if step.step is PurchaseStep.PAID:
        return done._replace(granted=done.granted + step.credits)
    if step.step is PurchaseStep.REFUNDED:
        return done._replace(refunded=done.refunded - step.credits)
    return done._replace(disputed=done.disputed - step.credits)
