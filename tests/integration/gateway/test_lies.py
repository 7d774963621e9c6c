"""A gateway that answers nonsense, or something else than was asked: refused, told as an error, and nobody is credited."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from structlog.testing import capture_logs

from billing import leases
from billing.clock import utc_now
from billing.gateways.errors import GatewayAnswerNotUnderstood
from billing.gateways.snapshots import CreatedWindow
from models.inbox_event import InboxEvent
from models.operation import Operation
from tests.integration.gateway.lying_gateway import Lie, LyingGateway, lying_gateway
from tests.service.servers import ServiceServers
from tests.service.world import World


class Lied(NamedTuple):
    """A service, and the gateway that it believes to be the right one."""

    world: World
    gateway: LyingGateway


@pytest.fixture
def lied(servers: ServiceServers) -> Iterator[Lied]:
    servers.reset()
    with lying_gateway(servers.sandbox.url) as gateway, World.open(servers, STRIPE_API_BASE=gateway.url) as world:
        yield Lied(world, gateway)


def changed(**parts: object) -> Lie:
    return lambda answer: {**answer, **parts}


LIES: dict[str, Lie] = {
    "another amount": changed(amount=2901),
    "an amount as text": changed(amount="2900"),
    "no amount": changed(amount=None),
    "an amount of half a cent": changed(amount=2900.5),
    "more received than was asked for": changed(amount_received=290_000),
    "less than nothing received": changed(amount_received=-2900),
    "received as text": changed(amount_received="2900"),
    "received is true": changed(amount_received=True),
    "an amount beyond 64 bits": changed(amount=10**30, amount_received=10**30),
    "another currency": changed(currency="eur"),
    "a currency that there is not": changed(currency="xxx"),
    "no currency": changed(currency=None),
    "live": changed(livemode=True),
    "live as text": changed(livemode="false"),
    "a status that there is not": changed(status="paid"),
    "no status": changed(status=None),
    "another account's customer": changed(customer="cus_ofAnotherAccount"),
    "a customer that is a number": changed(customer=17),
    "no id": changed(id=None),
    "metadata that is a list": changed(metadata=[]),
    "metadata that holds numbers": changed(metadata={"payment_id": 7}),
    "a next action that is a list": changed(next_action=[]),
    "a list of ten thousand": lambda answer: {"object": "list", "data": [answer] * 10_000, "has_more": True},
    "an empty object": lambda _: {},
    "a list": lambda answer: [answer],
    "a text": lambda _: "succeeded",
    "null": lambda _: None,
}


def require_refused(world: World, payment_id: str, lines: Any) -> None:
    """Assert that nothing was credited and that somebody is told."""
    shown = world.payment(payment_id)
    assert (shown["amount_captured"], shown["amount_refunded"]) == (0, 0)
    assert shown["status"] != "succeeded"
    assert world.rows("SELECT 1 FROM outbox_events WHERE type = 'payment.succeeded'") == []
    assert [line for line in lines if line["log_level"] == "error"], lines


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_to_a_charge_that_lies_credits_nobody(lied: Lied, lie: str) -> None:
    world, gateway = lied
    customer = world.customer()
    world.work()
    accepted = world.accept_payment(customer)
    gateway.about, gateway.lie = "/v1/payment_intents", LIES[lie]

    with capture_logs() as lines:
        for _ in range(leases.FAILURES_MAX):
            world.work()
            world.make_due(Operation)

    require_refused(world, accepted["id"], lines)
    assert world.call("GET", "/payments").status_code == 200


# An event whose object is none, or has no id, is about nothing here: it is refused at the door, or ignored.
ABOUT_NOTHING = {"a list", "a text", "null", "an empty object", "a list of ten thousand", "no id"}


@pytest.mark.parametrize("lie", sorted(set(LIES) - ABOUT_NOTHING))
def test_an_event_that_lies_credits_nobody(lied: Lied, lie: str) -> None:
    world, gateway = lied
    payment = world.pay(world.customer(), card="pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    world.authenticate(payment["gateway_id"])
    (event,) = world.events("payment_intent.succeeded")
    told = {**event, "data": {**event["data"], "object": LIES[lie](event["data"]["object"])}}
    gateway.about, gateway.lie = "/v1/payment_intents", LIES[lie]
    world.deliver(told)

    with capture_logs() as lines:
        for _ in range(leases.FAILURES_MAX):
            world.work()
            world.make_due(InboxEvent)

    require_refused(world, payment["id"], lines)
    assert world.payment(payment["id"])["status"] == "requires_action"


PAGES: dict[str, Lie] = {
    "no page": lambda _: {},
    "a list": lambda answer: answer["data"],
    "data that is an object": changed(data={}),
    "data that holds texts": changed(data=["pi_1"]),
    "more than a page": lambda answer: {**answer, "data": answer["data"] * 101},
    "not whether more follow": changed(has_more=None),
    "perhaps more": changed(has_more="false"),
}


@pytest.mark.parametrize("lie", PAGES)
def test_a_page_that_is_none_is_not_understood(lied: Lied, lie: str) -> None:
    world, gateway = lied
    payment = world.pay(world.customer())
    assert world.call("POST", "/payments/refund", {"payment_id": payment["id"]}).status_code == 202
    world.work()
    now = utc_now()
    window = CreatedWindow(since=now - timedelta(hours=1), until=now + timedelta(hours=1), page_size=100)
    gateway.about, gateway.lie = "/v1/", PAGES[lie]

    ours = world.runtime.gateway
    for ask in (
        lambda: ours.page_of_intents(window=window, after=None),
        lambda: ours.page_of_entries(window=window, after=None),
        lambda: ours.list_events(since=window.since, after=None),
        lambda: ours.list_refunds(gateway_intent=payment["gateway_id"]),
    ):
        with pytest.raises(GatewayAnswerNotUnderstood):
            ask()
