"""Process: fetch the gateway's list of events and store those that were never delivered; the inbox knows the others."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import structlog

from billing.hints import Hint
from billing.runtime import Runtime
from billing.webhooks.event import EventMalformed, GatewayEvent, read_event
from billing.webhooks.receive import Received, require_mode, store_events

PAGES_MAX = 2_000
log = structlog.get_logger(__name__)


class Resynced(NamedTuple):
    """How many events the gateway listed, and how many of them had never come."""

    listed: int
    stored: int


def resync_events(runtime: Runtime, *, since: datetime, now: Callable[[], datetime]) -> Resynced:
    """Store every listed event created at or after `since` that is not in the inbox; workers handle them as if delivered.

    A page is stored in one statement; a process that dies is simply run again. Raises Unavailable.
    """
    listed = stored = 0
    after: str | None = None
    for _ in range(PAGES_MAX):
        page, more = runtime.gateway.list_events(since=since, after=after)
        received = [Received(event, now()) for event in _readable(page)]
        for event, _ in received:
            require_mode(event, livemode=runtime.settings.livemode)
        if received:
            with runtime.driver_statements(Hint.INBOX) as connection:
                stored += sum(store_events(connection, received, livemode=runtime.settings.livemode))
        listed += len(page)
        if not more or not page:
            break
        after = str(page[-1]["id"])
    if stored:
        log.warning("webhook.resynced", listed=listed, stored=stored)
    return Resynced(listed, stored)


def _readable(page: Iterable[dict[str, Any]]) -> Iterator[GatewayEvent]:
    for payload in page:
        try:
            yield read_event(payload)
        except EventMalformed as error:
            log.error("webhook.listed_event_malformed", event_id=str(payload.get("id")), detail=error.detail)  # noqa: TRY400 - the detail says it
