"""The webhooks that come back while the story is told."""

import time
from collections.abc import Mapping
from typing import Any

from cli.demo.exchange import ServiceApi

WAIT_SECONDS = 15.0
POLL_SECONDS = 0.1
HANDLED = frozenset({"processed", "ignored"})
# The story is told to a quiet stack: what a step caused is among the newest.
LOOKED_AT = "20"


class WebhookMissing(Exception):
    """The webhook that belongs to a step did not come, or was not handled."""


class WebhookInbox:
    """Finds the webhook about an object in the service's inbox."""

    def __init__(self, *, api: ServiceApi) -> None:
        self._api = api
        self._concerns: dict[str, set[str]] = {}

    def handled(self, *, event_type: str, about: str) -> Mapping[str, Any]:
        """Wait until the service has handled the event of this type about a Stripe object (`pi_…`, `seti_…`).

        Raises WebhookMissing.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        found = "did not come"
        while time.monotonic() < deadline:
            for event in self._api.get("/webhooks/events", type=event_type, limit=LOOKED_AT).answer.get("data", []):
                if about not in self._objects_of(event_id=event["id"]):
                    continue
                if event["status"] in HANDLED:
                    return dict(event)
                found = f"came, but is still {event['status']}"
            time.sleep(POLL_SECONDS)
        raise WebhookMissing(f"the webhook {event_type} about {about} {found} within {WAIT_SECONDS:.0f} s")

    def _objects_of(self, *, event_id: str) -> set[str]:
        """Return the ids of the event's object and of the payment intent that it belongs to; an event never changes."""
        if event_id not in self._concerns:
            payload = self._api.get(f"/webhooks/events/{event_id}").answer.get("payload", {})
            event_object = payload.get("data", {}).get("object", {})
            self._concerns[event_id] = {str(event_object.get(name)) for name in ("id", "payment_intent")}
        return self._concerns[event_id]
