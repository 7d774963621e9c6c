"""A service that may reach this machine, with a receiver on it."""

from collections.abc import Iterator

import pytest

from tests.integration.outgoing.receiver import Receiver
from tests.integration.outgoing.sending import Sending
from tests.service.servers import ServiceServers
from tests.service.world import World


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def sending(servers: ServiceServers, receiver: Receiver) -> Iterator[Sending]:
    """A service with empty tables, and one endpoint that hears of everything."""
    servers.reset()
    with World.open(servers, OUTGOING_WEBHOOKS_ALLOW_PRIVATE="true") as world:
        yield Sending.to(world, receiver)
