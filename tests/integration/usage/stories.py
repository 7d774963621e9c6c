"""Words for stories of usage: meters, events, and what is said of them."""

import itertools
from datetime import datetime, timedelta
from typing import Any

from billing.clock import utc_now
from billing.credits.checks import CHECKS as CREDIT_CHECKS
from billing.ledger.verify import verify
from billing.usage.checks import CHECKS
from tests.integration.credits.orders import drain
from tests.service.world import Reply, World

SOURCE = "https://shop.example/ai"
_numbers = itertools.count(1)


def add_meter(
    world: World, code: str = "ai_tokens", *, sums: str | None = "tokens", **fields: object
) -> dict[str, Any]:
    """Add a meter that counts events whose type is `<code>.used`: it sums a property of `data`, or counts."""
    body = {"code": code, "name": code, "event_type": f"{code}.used", "value_property": sums, **fields}
    answer = world.call("POST", "/meters", body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json
    return found


def event(customer: str, tokens: object = 1, *, at: datetime | None = None, **parts: object) -> dict[str, Any]:
    """Return an event with an id of its own; `parts` are other attributes, None takes one away."""
    made = {
        "specversion": "1.0",
        "id": f"event-{next(_numbers)}",
        "source": SOURCE,
        "type": "ai_tokens.used",
        "subject": customer,
        "time": (at or utc_now()).isoformat(),
        "data": {"tokens": tokens},
        **parts,
    }
    return {name: value for name, value in made.items() if value is not None}


def report(world: World, sent: object, **request: Any) -> Reply:
    """Report one event, or a list of them."""
    return world.call("POST", "/usage/events", sent, **request)


def results(world: World, sent: list[dict[str, Any]]) -> list[str]:
    """Report events and return what became of each: `accepted`, `duplicate`, or the code of its problem."""
    answer = report(world, sent)
    assert answer.status_code == 200, answer.text
    return [result["status"] if "status" in result else result["error"]["code"] for result in answer.json["data"]]


def metered(world: World, query: str = "") -> list[dict[str, Any]]:
    """Return the usage by meter."""
    answer = world.call("GET", f"/usage/meters?{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["data"]
    return found


def charges(world: World) -> list[dict[str, Any]]:
    """Return the charges, in the order in which their events were taken."""
    return world.rows("SELECT * FROM usage_charges ORDER BY id")


def deductions(world: World) -> list[dict[str, Any]]:
    """Return all deductions, in the order of their ids."""
    drain(world)
    return world.rows("SELECT * FROM credit_transactions WHERE type = 'deduct' ORDER BY id")


def require_whole(world: World) -> None:
    """Assert that usage adds up, with the credits and with itself."""
    drain(world)
    with world.session() as session:
        verdicts = list(verify(session, checks=(*CHECKS, *CREDIT_CHECKS)))
    assert [(verdict.check.name, verdict.violations) for verdict in verdicts if verdict.violations] == []


def days_ago(days: float) -> datetime:
    return utc_now() - timedelta(days=days)
