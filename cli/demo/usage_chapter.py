"""The chapter of usage: a product reports it, twice, and the credits are deducted once."""

import time
from uuid import uuid4

from billing.clock import utc_now
from billing.timestamps import iso
from cli.demo.scene import Scene, Step, StoryBroken, require

_METER = {"code": "demo_tokens", "name": "Tokens", "event_type": "demo.generated", "value_property": "tokens"}
_SECONDS_MAX = 30.0
_PAUSE_SECONDS = 0.2


def report(scene: Scene) -> None:
    """3,500 tokens in two events are three credits at 1/1000; a repeated event changes nothing."""
    _meter(scene)
    customer = scene.post("/customers", {"email": "grace@example.com", "name": "Grace Hopper"}, expected=201)["id"]
    scene.post("/credits/grants", {"customer_id": customer, "amount": 10}, expected=201)
    first, second = _event(customer, tokens=1_900), _event(customer, tokens=1_600)
    scene.post("/usage/events", first, expected=200)
    again = scene.post("/usage/events", first, expected=200)
    require(again["data"][0]["status"], equals="duplicate", what="what became of the repeated event")
    scene.post("/usage/events", second, expected=200)
    used = scene.get("/usage/meters", customer_id=customer)
    require(used["data"][0]["quantity"], equals="3500", what="what the meter counted")
    _wait_for_charges(scene, customer)
    require(scene.get("/credits/balance", customer_id=customer)["balance"], equals=7, what="the balance after the use")


def _meter(scene: Scene) -> None:
    """Add the meter, unless the story was told before."""
    exchange = scene.api.post("/meters", {**_METER, "credits_per_unit": "1/1000"})
    scene.checked(exchange, expected=409 if exchange.answer.get("code") == "meter_exists" else 201)


def _event(customer: str, *, tokens: int) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "https://product.example/ai",
        "type": _METER["event_type"],
        "subject": customer,
        "time": iso(utc_now()),
        "data": {"tokens": tokens},
    }


def _wait_for_charges(scene: Scene, customer: str) -> None:
    began = time.monotonic()
    while True:
        events = scene.api.get("/usage/events", customer_id=customer).answer["data"]
        if all(event["charge"]["status"] == "charged" for event in events if event["charge"] is not None):
            return
        if time.monotonic() - began > _SECONDS_MAX:
            raise StoryBroken(f"the credits were not deducted within {_SECONDS_MAX:.0f} s")
        time.sleep(_PAUSE_SECONDS)


STEPS = (Step(title="Usage is reported, and counts once", run=report),)
