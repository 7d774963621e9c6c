"""The counter against a model in a few lines: any uses and returns, in any order, under limits that move."""

from datetime import date

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.clock import utc_now
from billing.entitlements.counter import count_use, give_back
from billing.entitlements.period import ALWAYS
from models.entitlement_use import EntitlementUse
from models.ids import row_id
from tests.service.world import World

STEPS = st.lists(st.tuples(st.integers(-6, 6).filter(bool), st.integers(0, 12)), max_size=15)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_counter_does_what_the_model_does(world: World, steps: list[tuple[int, int]]) -> None:
    customer_id = row_id("cus", world.customer())
    now, used, written = utc_now(), 0, False

    with world.session() as session:
        for amount, limit in steps:
            allowed = used + amount <= limit if amount > 0 else used + amount >= 0
            used += amount if allowed else 0
            written = written or allowed

            found = (
                count_use(
                    session,
                    customer_id=customer_id,
                    feature="projects",
                    period_start=ALWAYS,
                    amount=amount,
                    use_max=limit,
                    now=now,
                )
                if amount > 0
                else give_back(
                    session, customer_id=customer_id, feature="projects", period_start=ALWAYS, amount=-amount, now=now
                )
            )

            assert found == (used if allowed else None)
        row = session.get(EntitlementUse, (customer_id, "projects", ALWAYS), populate_existing=True)
        assert (row.used if row else None) == (used if written else None)


def test_each_period_is_counted_alone(world: World) -> None:
    customer_id, now = row_id("cus", world.customer()), utc_now()
    november, december = date(2026, 11, 1), date(2026, 12, 1)

    with world.session() as session:
        for start in (november, december):
            count_use(session, customer_id=customer_id, feature="x", period_start=start, amount=3, use_max=5, now=now)
        give_back(session, customer_id=customer_id, feature="x", period_start=december, amount=2, now=now)

    found = world.rows("SELECT used FROM entitlement_uses ORDER BY period_start")
    assert [row["used"] for row in found] == [3, 1]
