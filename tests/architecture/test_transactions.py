"""While a database transaction is open, nobody calls the gateway: it refuses, before anything goes out."""

from collections.abc import Callable

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

from billing.gateways.errors import GatewayCalledInTransaction, GatewayUnavailable
from billing.gateways.stripe_gateway import StripeGateway
from billing.hints import Hint
from billing.unit_of_work import hint_after_commit, transaction
from models.money import Money

# Nothing listens on the discard port: a call that goes out fails in another way than one that is refused.
NOWHERE = "http://127.0.0.1:9"

CALLS: list[Callable[[StripeGateway], object]] = [
    lambda gateway: gateway.create_customer(customer_id="cus_1", idempotency_key="k"),
    lambda gateway: gateway.get_customer(gateway_id="cus_1"),
    lambda gateway: gateway.create_intent(
        amount=Money(100, "USD"), gateway_customer="cus_1", params={}, idempotency_key="k"
    ),
    lambda gateway: gateway.get_intent(gateway_id="pi_1"),
    lambda gateway: gateway.confirm_intent(gateway_id="pi_1", params={}, idempotency_key="k"),
    lambda gateway: gateway.capture_intent(gateway_id="pi_1", amount_minor=100, idempotency_key="k"),
    lambda gateway: gateway.cancel_intent(gateway_id="pi_1", idempotency_key="k"),
    lambda gateway: gateway.list_refunds(gateway_intent="pi_1"),
    lambda gateway: gateway.get_payment_method(gateway_id="pm_1"),
    lambda gateway: gateway.detach_payment_method(gateway_id="pm_1", idempotency_key="k"),
    lambda gateway: gateway.get_setup_intent(gateway_id="seti_1"),
]


@pytest.fixture
def gateway() -> StripeGateway:
    return StripeGateway(api_key="sk_test_nobody", api_base=NOWHERE, timeout_seconds=0.2)


@pytest.fixture
def sessions() -> sessionmaker[Session]:
    """Sessions that never connect: what counts is that a transaction is open here."""
    return sessionmaker(create_engine("postgresql+psycopg://nobody@127.0.0.1:9/none"))


@pytest.mark.parametrize("call", CALLS)
def test_a_call_inside_a_transaction_is_refused(
    gateway: StripeGateway, sessions: sessionmaker[Session], call: Callable[[StripeGateway], object]
) -> None:
    with transaction(sessions, send_hint=lambda _: None), pytest.raises(GatewayCalledInTransaction):
        call(gateway)


def test_after_the_transaction_the_call_goes_out(gateway: StripeGateway, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions, send_hint=lambda _: None):
        pass

    with pytest.raises(GatewayUnavailable):
        gateway.get_intent(gateway_id="pi_1")


def test_hints_are_sent_after_the_commit_only(sessions: sessionmaker[Session]) -> None:
    sent: list[Hint] = []

    with transaction(sessions, send_hint=sent.append) as session:
        hint_after_commit(session, Hint.INBOX)
        hint_after_commit(session, Hint.INBOX)
        assert sent == []

    assert sent == [Hint.INBOX]


def test_a_transaction_that_fails_sends_no_hint(sessions: sessionmaker[Session]) -> None:
    sent: list[Hint] = []

    def fail_after_asking_for_a_hint() -> None:
        with transaction(sessions, send_hint=sent.append) as session:
            hint_after_commit(session, Hint.INBOX)
            raise ValueError("the use case failed")

    with pytest.raises(ValueError, match="the use case failed"):
        fail_after_asking_for_a_hint()

    assert sent == []
