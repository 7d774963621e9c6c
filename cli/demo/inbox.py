"""The webhooks that come back while the story is told."""

import time
from collections.abc import Mapping
from typing import Any

from cli.demo.exchange import ServiceApi

WAIT_SECONDS = 15.0
POLL_SECONDS = 0.1
HANDLED = frozenset({"processed", "ignored"})


class WebhookMissing(Exception):
    """The webhook that belongs to a step did not come, or was not handled."""


class WebhookInbox:
    """Finds the events of one step in the service's inbox: those that were not there before."""

    def __init__(self, *, api: ServiceApi) -> None:
        self._api = api
        self._known = {str(event["id"]) for event in self._newest()}

    def handled(self, *, event_type: str) -> Mapping[str, Any]:
        """Wait for a new event of the type and until the service has handled it. Raises WebhookMissing."""
        deadline = time.monotonic() + WAIT_SECONDS
        status = "did not come"
        while time.monotonic() < deadline:
            for event in self._newest(type=event_type):
                if event["id"] in self._known:
                    continue
                if event["status"] in HANDLED:
                    self._known.add(str(event["id"]))
                    return event
                status = f"came, but is still {event['status']}"
            time.sleep(POLL_SECONDS)
        raise WebhookMissing(f"the webhook {event_type} {status} within {WAIT_SECONDS:.0f} s")

    def _newest(self, **query: str) -> list[Mapping[str, Any]]:
        events: list[Mapping[str, Any]] = self._api.get("/webhooks/events", limit="100", **query).answer.get("data", [])
        return events
