"""Sends what is queued for one webhook endpoint."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.events.http_client import DeliveryClient, DeliveryFailed
from sandbox.events.queue import Delivery, forget_endpoint, next_due_at, record_attempt, take_pending
from sandbox.events.signing import signature_header
from sandbox.hidden import hidden
from sandbox.json_types import Json
from sandbox.state.store import Store

_PARALLEL_DELIVERIES = 16
_BATCH_LIMIT = 64
_LONGEST_WAIT_SECONDS = 60.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """How one attempt went; `error` is None when the endpoint answered with 2xx."""

    delivery: Delivery
    status: int | None
    error: str | None


class EndpointSender:
    """Takes due deliveries from the queue in order, keeps a few in flight, and notes how each went."""

    def __init__(self, *, endpoint_id: str, store: Store, client: DeliveryClient, clock: Callable[[], float]) -> None:
        self._endpoint_id = endpoint_id
        self._store = store
        self._client = client
        self._clock = clock
        self._changed = asyncio.Event()
        self._in_flight: dict[int, asyncio.Task[None]] = {}
        self._alone_in_flight = False
        self._batch: deque[tuple[Delivery, str]] = deque()
        self._endpoint: Json = {}
        self._ended: list[_Attempt] = []

    def wake(self) -> None:
        """Look at the queue again."""
        self._changed.set()

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._changed.clear()
                self._note_ended()
                while self._may_start():
                    delivery, text = self._batch.popleft()
                    self._alone_in_flight = bool(delivery.alone)
                    self._in_flight[delivery.seq] = tasks.create_task(self._attempt(delivery, text))
                await self._wait()

    def _may_start(self) -> bool:
        """Tell whether the next delivery is due and may start now."""
        if len(self._in_flight) >= _PARALLEL_DELIVERIES or self._alone_in_flight:
            return False
        if not self._batch:
            self._read_batch()
        return bool(self._batch) and not (self._batch[0][0].alone and self._in_flight)

    def _read_batch(self) -> None:
        endpoint = self._store.reader().find(kind="webhook_endpoint", object_id=self._endpoint_id)
        if endpoint is None or endpoint["status"] != "enabled":
            with self._store.transaction() as transaction:
                forget_endpoint(transaction=transaction, endpoint=self._endpoint_id)
            return
        self._endpoint = endpoint
        due = take_pending(
            transaction=self._store.reader(),
            endpoint=self._endpoint_id,
            now=self._clock(),
            limit=_BATCH_LIMIT + len(self._in_flight),
        )
        self._batch.extend(entry for entry in due if entry[0].seq not in self._in_flight)

    def _note_ended(self) -> None:
        """Write down the attempts that have ended, all in one transaction."""
        if not self._ended:
            return
        with self._store.transaction() as transaction:
            for attempt in self._ended:
                record_attempt(
                    transaction=transaction,
                    delivery=attempt.delivery,
                    status=attempt.status,
                    error=attempt.error,
                    now=self._clock(),
                )
        for attempt in self._ended:
            self._in_flight.pop(attempt.delivery.seq)
        self._ended.clear()
        self._alone_in_flight = self._alone_in_flight and bool(self._in_flight)

    async def _wait(self) -> None:
        """Wait until something changes or the next retry is due."""
        seconds = _LONGEST_WAIT_SECONDS
        if not self._in_flight:
            due_at = next_due_at(transaction=self._store.reader(), endpoint=self._endpoint_id)
            if due_at is not None:
                seconds = min(max(due_at - self._clock(), 0.0), seconds)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def _attempt(self, delivery: Delivery, text: str) -> None:
        attempt = await self._send(delivery, body=text.encode())
        if attempt.error is not None:
            _logger.info("delivery of %s to %s failed: %s", delivery.event, self._endpoint_id, attempt.error)
        self._ended.append(attempt)
        self._changed.set()

    async def _send(self, delivery: Delivery, *, body: bytes) -> _Attempt:
        secret = hidden(self._endpoint)["secret"]
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "accept": "*/*",
            "stripe-signature": signature_header(secret=secret, body=body, timestamp=int(self._clock())),
        }
        try:
            status = await self._client.post(url=self._endpoint["url"], headers=headers, body=body)
        except DeliveryFailed as failure:
            return _Attempt(delivery, None, str(failure))
        return _Attempt(delivery, status, None if 200 <= status < 300 else f"answered {status}")
