"""A catalog that a test may change."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.service import catalog
from tests.service.world import World

Change = Callable[[str], None]


@pytest.fixture
def kept_catalog(world: World) -> Iterator[None]:
    """Whatever the test publishes is gone after it."""
    with catalog.catalog_kept(world):
        yield


@pytest.fixture
def change_catalog(world: World, kept_catalog: None) -> Change:
    """Run a statement that changes the catalog; it is taken back after the test."""
    return partial(catalog.change_catalog, world)
