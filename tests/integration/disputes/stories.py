"""Words that the stories about disputes share."""

from typing import Any

from tests.service.world import Reply, World

WINNING, LOSING = "winning_evidence", "losing_evidence"


def answer(world: World, dispute: dict[str, Any], **body: object) -> Reply:
    """Send evidence for a dispute."""
    return world.call("POST", f"/disputes/{dispute['id']}/evidence", body)


def shown(world: World, dispute: dict[str, Any]) -> dict[str, Any]:
    """Return the dispute through the API."""
    found = world.call("GET", f"/disputes/{dispute['id']}")
    assert found.status_code == 200, found.text
    body: dict[str, Any] = found.json
    return body


def facts(world: World) -> list[str]:
    """Return the types of our own events about disputes, oldest first."""
    rows = world.rows("SELECT type FROM outbox_events WHERE object_type = 'dispute' ORDER BY created_at, id")
    return [row["type"] for row in rows]


def hear(world: World, dispute: dict[str, Any]) -> None:
    """Deliver all that the gateway told about a dispute, and let the workers handle it."""
    world.deliver(*world.events_about(dispute["gateway_id"]))
    world.work()


def refund(world: World, payment: dict[str, Any], **body: object) -> Reply:
    """Ask for a refund."""
    return world.call("POST", "/payments/refund", {"payment_id": payment["id"], **body})
