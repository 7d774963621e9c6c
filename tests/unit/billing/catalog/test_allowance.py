from uuid import UUID

from billing.catalog.allowance import allowance
from models.plan import LIMIT_VALUE_MAX, PlanFeature

VERSION = UUID(int=1)


def held(*, limit: int | None = None, unlimited: bool = False, text: str | None = None) -> PlanFeature:
    return PlanFeature(version_id=VERSION, feature="x", limit_value=limit, unlimited=unlimited, text_value=text)


def test_a_limit_is_the_most_that_may_be_used() -> None:
    found = allowance(held(limit=10))

    assert (found.limit, found.unlimited, found.value, found.use_max) == (10, False, None, 10)


def test_without_a_limit_the_counter_is_the_limit() -> None:
    found = allowance(held(unlimited=True))

    assert (found.limit, found.unlimited, found.use_max) == (None, True, LIMIT_VALUE_MAX)


def test_what_a_plan_does_not_speak_of_is_not_in_it() -> None:
    found = allowance(None)

    assert (found.limit, found.unlimited, found.value, found.use_max) == (0, False, None, 0)


def test_a_text_allows_no_use() -> None:
    assert allowance(held(text="email")).use_max == 0
