"""What a simulated cohort does: drawn from the seed, and nothing else."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.simulate.behavior import (
    ACT_DAYS,
    BAD_CARDS,
    BEGIN,
    CUSTOMERS_PER_CLOCK,
    Deed,
    Offer,
    end_of,
    plan_cohort,
    plan_member,
)

OFFERS = (
    Offer("free", "month", "USD", free=True, per_unit=False),
    Offer("pro", "month", "USD", free=False, per_unit=False),
    Offer("team", "year", "EUR", free=False, per_unit=True),
)
seeds = st.integers(0, 10**6)


@given(seeds, st.integers(1, 130), st.integers(1, 24))
def test_the_same_seed_gives_the_same_cohort(seed: int, customers: int, months: int) -> None:
    cohort = plan_cohort(customers=customers, months=months, seed=seed, offers=OFFERS)

    assert cohort == plan_cohort(customers=customers, months=months, seed=seed, offers=OFFERS)
    assert sorted(member.number for clock in cohort for member in clock.members) == list(range(customers))
    assert all(len(clock.members) <= CUSTOMERS_PER_CLOCK for clock in cohort)


def test_another_seed_gives_another_cohort() -> None:
    one, other = (plan_cohort(customers=50, months=12, seed=seed, offers=OFFERS) for seed in (1, 2))

    assert one != other


def test_what_a_customer_does_depends_on_its_number_and_its_clock_alone() -> None:
    small = plan_cohort(customers=3, months=6, seed=5, offers=OFFERS)
    large = plan_cohort(customers=CUSTOMERS_PER_CLOCK, months=6, seed=5, offers=OFFERS)

    assert small[0].members == large[0].members[:3]


def test_clocks_begin_over_the_first_month_and_end_together() -> None:
    begins = [clock.begin for clock in plan_cohort(customers=1_000, months=1, seed=1, offers=OFFERS)]

    assert begins[0] == BEGIN
    assert begins == sorted(begins)
    assert begins[-1] < BEGIN + timedelta(days=31)
    assert len(begins) == 20
    # Nobody whose month begins on the first is billed for one that is not watched.
    assert end_of(12) == datetime(2027, 1, 1, tzinfo=UTC)


@given(seeds, st.integers(0, 1_000), st.integers(1, 24))
def test_a_story_is_in_order_and_of_deeds_that_make_sense(seed: int, number: int, months: int) -> None:
    member = plan_member(number=number, seed=seed, begin=BEGIN, months=months, offers=OFFERS)

    assert all(one.at <= next_.at for one, next_ in pairwise(member.acts))
    assert all(act.at > BEGIN for act in member.acts)
    assert (member.trial_days > 0) <= (not member.offer.free and not member.by_invoice)
    assert (member.quantity > 1) == member.offer.per_unit
    for act in member.acts:
        assert (act.detail is not None) or act.deed is not Deed.USE_CARD
        if act.deed is Deed.PAUSE and act.detail:
            assert datetime.fromisoformat(act.detail) > act.at
    deeds = [act.deed for act in member.acts]
    if Deed.CANCEL_NOW in deeds:
        assert deeds.index(Deed.CANCEL_NOW) >= len(deeds) - 2  # a card that was to be replaced may still be


def test_a_card_that_is_spoiled_fails_at_the_next_renewal() -> None:
    cohort = plan_cohort(customers=1_000, months=12, seed=1, offers=OFFERS)
    members = [member for clock in cohort for member in clock.members]

    spoiled = {act.at for member in members for act in member.acts if act.detail in BAD_CARDS}
    assert spoiled
    # Of a month that began on day b: day 24 after it, six or seven days before the next, or day 10, four before a trial's.
    days = {
        (at - clock.begin).days
        for clock in cohort[:1]
        for member in clock.members
        for act in member.acts
        for at in [act.at]
        if act.detail in BAD_CARDS and at < BEGIN + timedelta(days=31)
    }
    assert days <= {10, 24}


def test_every_deed_and_every_way_to_pay_happens_in_a_thousand_customers() -> None:
    members = [m for clock in plan_cohort(customers=1_000, months=12, seed=3, offers=OFFERS) for m in clock.members]

    assert {act.deed for member in members for act in member.acts} == set(Deed)
    assert {member.offer for member in members} == set(OFFERS)
    assert any(member.by_invoice for member in members)
    assert any(member.card in BAD_CARDS for member in members)


def test_a_clock_stops_where_somebody_acts_and_at_the_end() -> None:
    (clock,) = plan_cohort(customers=40, months=3, seed=1, offers=OFFERS)
    end = end_of(3)
    moments = clock.moments(end=end)

    assert moments == sorted(set(moments))
    assert moments[-1] == end
    # Some days of a month, not hundreds of moments.
    assert len(moments) <= 3 * (len(ACT_DAYS) + 1) + 1
    assert sum(len(clock.acts_at(at)) for at in moments) == sum(
        act.at < end for member in clock.members for act in member.acts
    )


def test_a_catalog_without_prices_is_refused() -> None:
    with pytest.raises(ValueError, match="no plan"):
        plan_cohort(customers=1, months=1, seed=1, offers=())
