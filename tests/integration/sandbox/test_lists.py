"""Lists of what was created in a window, page after page: what a reconciliation reads."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.integration.sandbox.payments import pay

PAID = 3


@pytest.fixture(scope="module")
def paid(client: stripe.StripeClient) -> list[stripe.PaymentIntent]:
    """Some payments, each with a refund."""
    intents = [pay(client, "pm_card_visa", capture_method="automatic") for _ in range(PAID)]
    for intent in intents:
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 500})
    return intents


LISTS: dict[str, Callable[[stripe.StripeClient, Any], Any]] = {
    "payment_intents": lambda client, params: client.v1.payment_intents.list(params),
    "refunds": lambda client, params: client.v1.refunds.list(params),
    "balance_transactions": lambda client, params: client.v1.balance_transactions.list(params),
}


@pytest.mark.parametrize("kind", LISTS)
def test_the_window_is_half_open_and_newest_first(
    client: stripe.StripeClient, paid: list[stripe.PaymentIntent], kind: str
) -> None:
    first, last = paid[0].created, paid[-1].created + 60
    within = LISTS[kind](client, {"created": {"gte": first, "lt": last}, "limit": 100}).data
    before = LISTS[kind](client, {"created": {"lt": first}, "limit": 100}).data
    after = LISTS[kind](client, {"created": {"gte": last}, "limit": 100}).data

    assert len(within) >= PAID
    assert all(first <= found.created < last for found in within)
    assert [found.created for found in within] == sorted((found.created for found in within), reverse=True)
    assert all(found.created < first for found in before)
    assert after == []


@pytest.mark.parametrize("kind", LISTS)
def test_a_page_begins_behind_the_last_of_the_one_before(
    client: stripe.StripeClient, paid: list[stripe.PaymentIntent], kind: str
) -> None:
    window = {"created": {"gte": paid[0].created}}
    whole = [found.id for found in LISTS[kind](client, {**window, "limit": 100}).data]

    read: list[str] = []
    more = True
    while more and len(read) < len(whole):
        after = {"starting_after": read[-1]} if read else {}
        page = LISTS[kind](client, {**window, **after, "limit": 2})
        read += [found.id for found in page.data]
        more = page.has_more

    assert read == whole
    assert more is False


def test_a_movement_of_the_balance_names_its_source_as_an_object(
    client: stripe.StripeClient, paid: list[stripe.PaymentIntent]
) -> None:
    listed = client.v1.balance_transactions.list(
        {"created": {"gte": paid[0].created}, "limit": 100, "expand": ["data.source"]}
    ).data
    sources = {(entry.type, entry.source.object) for entry in listed if not isinstance(entry.source, str | None)}

    assert {("charge", "charge"), ("refund", "refund")} <= sources
    refunds = [entry for entry in listed if entry.type == "refund"]
    assert {getattr(entry.source, "payment_intent", None) for entry in refunds} >= {intent.id for intent in paid}
