"""The words of stories about outgoing webhooks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, update

from billing.clock import utc_now
from billing.outgoing.deliver import deliver_next
from models.webhook_delivery import WebhookDelivery
from models.webhook_endpoint import WebhookEndpoint
from tests.integration.outgoing.receiver import Receiver
from tests.service.world import ROUNDS_MAX, World


@dataclass
class Sending:
    """A world, a receiver, and the endpoint that leads from one to the other."""

    world: World
    receiver: Receiver
    endpoint: str
    secret: str

    @classmethod
    def to(cls, world: World, receiver: Receiver, **fields: object) -> "Sending":
        answer = world.call("POST", "/webhook-endpoints", {"url": receiver.url, **fields})
        assert answer.status_code == 201, answer.text
        return cls(world, receiver, answer.json["id"], answer.json["secret"])

    def send(self, *, now: datetime | None = None) -> list[str]:
        """Send until nothing may be sent any more; return how each attempt ended."""
        ends: list[str] = []
        while (end := deliver_next(self.world.runtime, now=lambda: now or utc_now())) is not None:
            ends.append(end)
            assert len(ends) < ROUNDS_MAX
        return ends

    def pass_pauses(self) -> None:
        """Let the pauses of deliveries and endpoints be over."""
        self.world.make_due(WebhookDelivery)
        with self.world.session() as session:
            session.execute(update(WebhookEndpoint).values(paused_until=func.now()))

    def pass_failed_pauses(self) -> None:
        """Let the pauses of what failed be over, and nobody's lease."""
        with self.world.session() as session:
            session.execute(
                update(WebhookDelivery)
                .where(WebhookDelivery.next_attempt_at.is_not(None), WebhookDelivery.lease_token.is_(None))
                .values(next_attempt_at=func.now()),
                execution_options={"synchronize_session": False},
            )
            session.execute(update(WebhookEndpoint).values(paused_until=func.now()))

    def deliveries(self, **filters: str) -> list[dict[str, Any]]:
        """Return the endpoint's deliveries, newest first."""
        query = "&".join(f"{name}={value}" for name, value in {"limit": "100", **filters}.items())
        answer = self.world.call("GET", f"/webhook-endpoints/{self.endpoint}/deliveries?{query}")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json["data"]
        return found

    def attempts(self) -> list[dict[str, Any]]:
        """Return the attempts of the newest delivery that was tried, oldest first."""
        newest = next(delivery["id"] for delivery in self.deliveries() if delivery["attempts_count"])
        answer = self.world.call("GET", f"/webhook-endpoints/{self.endpoint}/deliveries/{newest}")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json["attempts"]
        return found

    def shown(self) -> dict[str, Any]:
        """Return the endpoint as callers see it."""
        answer = self.world.call("GET", f"/webhook-endpoints/{self.endpoint}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    def change(self, **fields: object) -> dict[str, Any]:
        """Change the endpoint."""
        answer = self.world.call("PUT", f"/webhook-endpoints/{self.endpoint}", fields)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json
        return found
