"""Events that never came are fetched from the gateway's own list."""

from datetime import timedelta

import pytest

from billing.clock import utc_now
from billing.gateways.errors import GatewayUnavailable
from billing.webhooks.resync import resync_events
from tests.service.world import World

HOUR = timedelta(hours=1)


def test_what_never_came_is_stored_handled_and_stored_once(world: World) -> None:
    payment = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    world.authenticate(payment["gateway_id"])
    came = world.events("payment_intent.requires_action")
    world.deliver(*came)
    listed = len(world.events())

    first = resync_events(world.runtime, since=utc_now() - HOUR, now=utc_now)
    again = resync_events(world.runtime, since=utc_now() - HOUR, now=utc_now)
    world.work()

    assert (first.listed, first.stored) == (listed, listed - len(came))
    assert (again.listed, again.stored) == (listed, 0)
    assert world.payment(payment["id"])["status"] == "succeeded"


def test_it_reads_page_after_page(world: World) -> None:
    for number in range(55):
        world.gateway_post("customers", email=f"{number}@example.com")
        world.gateway_post("payment_intents", amount=100 + number, currency="usd")

    done = resync_events(world.runtime, since=utc_now() - HOUR, now=utc_now)

    assert done.listed == done.stored == world.count("inbox_events") == 110


def test_an_outage_in_the_middle_is_an_error_and_a_second_run_completes_it(world: World) -> None:
    world.pay(world.customer())
    fault = {"kind": "status", "method": "GET", "path": "/v1/events", "status": 500, "times": 2}
    world.servers.control("POST", "faults", fault)
    with pytest.raises(GatewayUnavailable):
        resync_events(world.runtime, since=utc_now() - HOUR, now=utc_now)

    assert resync_events(world.runtime, since=utc_now() - HOUR, now=utc_now).stored > 0


def test_nothing_older_than_asked_for_is_listed(world: World) -> None:
    world.pay(world.customer())

    assert resync_events(world.runtime, since=utc_now() + HOUR, now=utc_now).listed == 0
