"""A world whose credits server is open, on one server or on a cluster, and fail points that a test arms."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from billing import fail_points
from tests.service.servers import ServiceServers
from tests.service.valkey_cluster import ValkeyCluster
from tests.service.world import World

# What is run on a cluster as well: all scripts, by lot and in order, the journal, and the loss of a memory.
ON_A_CLUSTER = {"test_model", "test_transfers", "test_journal", "test_memory"}
ONE_SERVER, CLUSTER = "one server", "cluster"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "opened" in metafunc.fixturenames:
        module = metafunc.module.__name__.rpartition(".")[2]
        also = [ONE_SERVER, CLUSTER] if module in ON_A_CLUSTER else [ONE_SERVER]
        metafunc.parametrize("opened", [CLUSTER] if module.startswith("test_cluster") else also, indirect=True)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyCluster]:
    started = ValkeyCluster(tmp_path_factory.mktemp("cluster"))
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture
def opened(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == ONE_SERVER:
        world: World = request.getfixturevalue("world")
        world.open_credits()
        yield world
        return
    servers: ServiceServers = request.getfixturevalue("servers")
    valkeys: ValkeyCluster = request.getfixturevalue("cluster")
    servers.reset()
    valkeys.flush()
    with World.open(servers, REDIS_CREDITS_URL=valkeys.url, REDIS_CREDITS_CLUSTER=True) as opened_:
        opened_.open_credits()
        yield opened_


@pytest.fixture
def fails_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Let the next who passes a fail point be cut off there."""
    monkeypatch.setattr(fail_points, "_directory", str(tmp_path))

    def arm(name: str) -> None:
        assert name in fail_points.FAIL_POINTS
        (tmp_path / name).write_text("raise", encoding="ascii")

    return arm
