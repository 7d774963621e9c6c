"""Delivers queued events: a sender for each endpoint, several deliveries of one endpoint at a time.

Deliveries start in the order of their events. They may finish in another one, as at Stripe, except those that are
marked to go alone. An attempt that a kill -9 interrupts is made again after the restart.
"""

import asyncio
from collections.abc import Callable

from sandbox.events.http_client import DeliveryClient
from sandbox.events.queue import DELIVERY
from sandbox.events.record import ENDPOINTS_LIMIT
from sandbox.events.sender import EndpointSender
from sandbox.state.lists import ListQuery, read_page
from sandbox.state.store import Store

_TIMEOUT_SECONDS = 10.0


class Dispatcher:
    """Keeps a sender for each endpoint and wakes them when something has been queued."""

    def __init__(self, *, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._client = DeliveryClient(timeout_seconds=_TIMEOUT_SECONDS)
        self._endpoints_changed = asyncio.Event()
        self._senders: dict[str, tuple[EndpointSender, asyncio.Task[None]]] = {}

    def notice(self, changed: frozenset[str], /) -> None:
        """Look at the queue, or at the endpoints, when they have changed."""
        if "webhook_endpoint" in changed:
            self._endpoints_changed.set()
        if DELIVERY in changed:
            self._wake_senders()

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    self._follow_endpoints(tasks)
                    await self._endpoints_changed.wait()
                    self._endpoints_changed.clear()
        finally:
            self._client.close()

    def _follow_endpoints(self, tasks: asyncio.TaskGroup) -> None:
        """Start a sender for each new endpoint, and stop those whose endpoint is gone."""
        query = ListQuery(kind="webhook_endpoint", limit=ENDPOINTS_LIMIT)
        wanted = {endpoint["id"] for endpoint in read_page(transaction=self._store.reader(), query=query).items}
        for endpoint_id in self._senders.keys() - wanted:
            self._senders.pop(endpoint_id)[1].cancel()
        for endpoint_id in wanted - self._senders.keys():
            sender = EndpointSender(endpoint_id=endpoint_id, store=self._store, client=self._client, clock=self._clock)
            self._senders[endpoint_id] = (sender, tasks.create_task(sender.run()))
        self._wake_senders()

    def _wake_senders(self) -> None:
        for sender, _ in self._senders.values():
            sender.wake()
