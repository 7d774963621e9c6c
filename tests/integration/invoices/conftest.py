"""After each story about invoices the books and all invariants are looked at."""

from collections.abc import Iterator

import pytest

from billing.invariants import check_invariants
from tests.integration.subscriptions.stories import Story
from tests.service.world import World


@pytest.fixture
def story(world: World) -> Iterator[Story]:
    world.open_credits()
    yield Story(world, begins="2026-01-31T10:00:00")
    with world.session() as session:
        broken = {each.invariant.name: each.violations for each in check_invariants(session) if each.violations}
    assert broken == {}
