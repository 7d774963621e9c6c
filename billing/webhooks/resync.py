"""Process: fetch the gateway's list of events and store those that were never delivered; the inbox knows the others."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import structlog

from billing.hints import Hint
from billing.runtime import Runtime
from billing.unit_of_work import hint_after_commit
from billing.webhooks.event import EventMalformed, read_event
from billing.webhooks.receive import receive_event

PAGES_MAX = 2_000
log = structlog.get_logger(__name__)


class Resynced(NamedTuple):
    """How many events the gateway listed, and how many of them had never come."""

    listed: int
    stored: int


def resync_events(runtime: Runtime, *, since: datetime, now: Callable[[], datetime]) -> Resynced:
    """Store every listed event created at or after `since` that is not in the inbox; workers handle them as if delivered.

    A page is stored in one transaction; a process that dies is simply run again. Raises Unavailable.
    """
    listed = stored = 0
    after: str | None = None
    for _ in range(PAGES_MAX):
        page, more = runtime.gateway.list_events(since=since, after=after)
        with runtime.transaction() as session:
            hint_after_commit(session, Hint.INBOX)
            for payload in page:
                try:
                    event = read_event(payload)
                except EventMalformed as error:
                    log.error("webhook.listed_event_malformed", event_id=str(payload.get("id")), detail=error.detail)  # noqa: TRY400 - the detail says it
                    continue
                stored += receive_event(
                    session.connection(), event=event, livemode=runtime.settings.livemode, now=now()
                )
        listed += len(page)
        if not more or not page:
            break
        after = str(page[-1]["id"])
    if stored:
        log.warning("webhook.resynced", listed=listed, stored=stored)
    return Resynced(listed, stored)
