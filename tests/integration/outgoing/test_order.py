"""The events of one customer arrive in order, whoever sends and whatever fails; nobody waits for another customer."""

import socket
import threading
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from billing.clock import utc_now
from billing.outbox import emit
from billing.outgoing.claim import IN_FLIGHT_MAX, LEASE_SECONDS, claim_delivery
from billing.outgoing.deliver import deliver_next
from billing.outgoing.schedule import ATTEMPTS_MAX, FAILURES_BEFORE_PAUSE
from models.customer import Customer
from models.ids import row_id
from models.webhook_delivery import WebhookDelivery
from tests.concurrency.crowd import at_once
from tests.integration.outgoing.receiver import OK, Message, Receiver, answer
from tests.integration.outgoing.sending import Sending
from tests.service.world import World


def emit_update(session: Session, customer: str, number: int) -> None:
    """Let a fact of the customer happen in the transaction that is open."""
    emit(
        session,
        type_="payment.updated",
        object_type="payment",
        object_id=f"pay_{number}",
        customer_id=row_id("cus", customer),
        payload={"id": f"pay_{number}", "customer_id": customer, "number": number},
        now=utc_now(),
    )


def tell(world: World, customer: str, number: int) -> None:
    """Let a fact of the customer happen, in a transaction of its own."""
    with world.session() as session:
        emit_update(session, customer, number)


def wait_for_a_lock(world: World, whoever: "Future[Any]") -> None:
    """Wait until somebody waits for an advisory lock; whoever does not is done meanwhile."""
    waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    world.until(lambda: whoever.done() or world.rows(waiting), what="somebody who waits")


def numbers_by_customer(receiver: Receiver) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for event in receiver.events("payment.updated"):
        numbers = found[event["data"]["customer_id"]]
        if event["data"]["number"] not in numbers[-1:]:  # an attempt that is repeated is no disorder
            numbers.append(event["data"]["number"])
    return found


def test_a_later_event_waits_for_an_earlier_one_of_its_customer_and_for_nobody_else(
    sending: Sending, receiver: Receiver
) -> None:
    sending.change(events=["payment.updated"])
    slow, quick = sending.world.customer(), sending.world.customer()
    receiver.behave = lambda message, connection: answer(500 if message.customer == slow else 200)(message, connection)
    for number in range(3):
        tell(sending.world, slow, number)
        tell(sending.world, quick, number)

    assert sorted(sending.send()) == ["delivered"] * 3 + ["pending"]
    assert numbers_by_customer(receiver) == {slow: [0], quick: [0, 1, 2]}
    receiver.behave = answer(200)
    sending.pass_pauses()
    assert sending.send() == ["delivered"] * 3
    assert numbers_by_customer(receiver)[slow] == [0, 1, 2]


def test_an_event_whose_attempts_are_used_up_lets_the_next_one_pass(sending: Sending, receiver: Receiver) -> None:
    sending.change(events=["payment.updated"])
    customer = sending.world.customer()
    receiver.behave = lambda message, connection: answer(500 if message.json["data"]["number"] == 0 else 200)(
        message, connection
    )
    tell(sending.world, customer, 0)
    tell(sending.world, customer, 1)

    ends: list[str] = []
    for _ in range(ATTEMPTS_MAX):
        sending.pass_pauses()
        ends += sending.send()
    sending.pass_pauses()
    assert ends == ["pending"] * (ATTEMPTS_MAX - 1) + ["dead"]
    assert sending.send() == ["delivered"]
    assert [each["status"] for each in sending.deliveries()] == ["delivered", "dead"]
    assert sending.deliveries(status="dead")[0]["last_error"] == "status_500"


def test_many_senders_many_writers_one_failing_customer(sending: Sending, receiver: Receiver) -> None:
    sending.change(events=["payment.updated"])
    customers = [sending.world.customer() for _ in range(5)]
    failed: set[int] = set()

    def fail_each_event_of_one_customer_once(message: Message, connection: socket.socket) -> None:
        number = message.json["data"]["number"]
        if message.customer == customers[0] and number not in failed:
            failed.add(number)
            answer(500)(message, connection)
        else:
            connection.sendall(OK)

    receiver.behave = fail_each_event_of_one_customer_once
    each = 12

    def write(place: int) -> None:
        for number in range(each):
            tell(sending.world, customers[place], number)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(at_once, len(customers), write)
        while not writing.done() or sending.world.rows("SELECT 1 FROM webhook_deliveries WHERE status = 'pending'"):
            at_once(4, lambda _: deliver_next(sending.world.runtime, now=utc_now))
            sending.pass_failed_pauses()
        writing.result()

    assert numbers_by_customer(receiver) == {customer: list(range(each)) for customer in customers}
    assert receiver.most_at_once <= IN_FLIGHT_MAX
    assert all(delivery["status"] == "delivered" for delivery in sending.deliveries())


def test_two_facts_of_one_customer_are_told_in_the_order_in_which_they_were_committed(
    sending: Sending, receiver: Receiver
) -> None:
    """Ids are made before the commit: a transaction that is slow to commit has the older id and the later place."""
    sending.change(events=["payment.updated"])
    customer = sending.world.customer()

    def many(place: int) -> None:
        for number in range(10):
            tell(sending.world, customer, place * 10 + number)

    at_once(4, many)
    committed = sending.world.rows("SELECT event_id FROM webhook_deliveries ORDER BY position")
    assert set(sending.send()) == {"delivered"}
    arrived = [row_id("evt", message.id) for message in receiver.messages]
    assert arrived == [row["event_id"] for row in committed]
    for place in range(4):
        of_writer = [n for n in numbers_by_customer(receiver)[customer] if n // 10 == place]
        assert of_writer == sorted(of_writer)


def test_a_fact_waits_for_an_earlier_one_of_its_customer_that_is_not_committed_yet(
    sending: Sending, receiver: Receiver
) -> None:
    sending.change(events=["payment.updated"])
    customer = sending.world.customer()
    with ThreadPoolExecutor(1) as pool:
        with sending.world.session() as session:
            emit_update(session, customer, 1)
            second = pool.submit(tell, sending.world, customer, 2)
            wait_for_a_lock(sending.world, second)
            assert not second.done()
        second.result(timeout=10)

    assert sending.send() == ["delivered"] * 2
    assert numbers_by_customer(receiver)[customer] == [1, 2]


def test_an_event_that_is_noted_while_the_one_before_it_is_being_delivered_is_not_forgotten(
    sending: Sending, receiver: Receiver
) -> None:
    """It finds the lane taken, and so is not due by itself; whoever frees the lane has to see it."""
    sending.change(events=["payment.updated"])
    customer = sending.world.customer()
    tell(sending.world, customer, 1)
    with ThreadPoolExecutor(1) as pool:
        with sending.world.session() as session:
            emit_update(session, customer, 2)
            first = pool.submit(deliver_next, sending.world.runtime, now=utc_now)
            wait_for_a_lock(sending.world, first)
            assert not first.done()
        assert first.result(timeout=10) == "delivered"

    assert sending.send() == ["delivered"]
    assert numbers_by_customer(receiver)[customer] == [1, 2]


def test_an_endpoint_that_hangs_holds_so_many_senders_and_no_more(sending: Sending, receiver: Receiver) -> None:
    released = threading.Event()

    def answer_when_released(_: Message, connection: socket.socket) -> None:
        released.wait(8)
        connection.sendall(OK)

    receiver.behave = answer_when_released
    for _ in range(IN_FLIGHT_MAX + 3):
        sending.world.customer()
    with ThreadPoolExecutor(IN_FLIGHT_MAX + 3) as pool:
        under_way = [pool.submit(deliver_next, sending.world.runtime, now=utc_now) for _ in range(IN_FLIGHT_MAX + 3)]
        sending.world.until(lambda: sum(each.done() for each in under_way) >= 3, what="the end of those too many")
        sending.world.until(lambda: receiver.at_once == IN_FLIGHT_MAX, what="the others at the receiver")
        released.set()
        ends = sorted(str(each.result(timeout=20)) for each in under_way)

    assert ends == ["None"] * 3 + ["delivered"] * IN_FLIGHT_MAX
    assert receiver.most_at_once == IN_FLIGHT_MAX


def test_two_claims_at_once_do_not_both_take_the_last_place(sending: Sending) -> None:
    for _ in range(IN_FLIGHT_MAX + 1):
        sending.world.customer()

    def claim() -> WebhookDelivery | None:
        with sending.world.session() as session:
            return claim_delivery(session)

    assert all(claim() for _ in range(IN_FLIGHT_MAX - 1))
    with ThreadPoolExecutor(1) as pool:
        with sending.world.session() as session:
            assert claim_delivery(session) is not None
            other = pool.submit(claim)
            wait_for_a_lock(sending.world, other)
        assert other.result(timeout=10) is None


def test_an_event_that_is_rolled_back_is_told_to_nobody(sending: Sending) -> None:
    customer = sending.world.customer()
    sending.send()
    with sending.world.session() as session:
        session.get_one(Customer, row_id("cus", customer)).name = "never"
        emit(
            session,
            type_="customer.updated",
            object_type="customer",
            object_id=customer,
            customer_id=row_id("cus", customer),
            payload={"id": customer},
            now=utc_now(),
        )
        session.rollback()

    assert sending.send() == []
    assert len(sending.deliveries()) == 1


def test_a_process_that_dies_after_the_answer_sends_the_event_again_under_the_same_id(
    sending: Sending, receiver: Receiver
) -> None:
    sending.world.customer()

    class Killed(BaseException):
        """As a process ends: nothing handles it."""

    instants = [utc_now()]  # when the attempt began; the process does not live to ask again

    def now() -> datetime:
        if not instants:
            raise Killed
        return instants.pop()

    with pytest.raises(Killed):
        deliver_next(sending.world.runtime, now=now)
    assert len(receiver.messages) == 1
    assert sending.send() == []  # the lease of the dead stands

    sending.world.make_due(WebhookDelivery)
    assert sending.send() == ["delivered"]
    assert receiver.messages[0].id == receiver.messages[1].id
    assert receiver.messages[0].body == receiver.messages[1].body


def test_a_delivery_that_kills_its_senders_is_given_up(sending: Sending) -> None:
    sending.world.customer()
    for _ in range(4):
        with sending.world.session() as session:
            claimed = claim_delivery(session)
        assert claimed is not None
        sending.world.make_due(WebhookDelivery)

    assert sending.send() == ["dead"]
    assert sending.receiver.messages == []
    assert sending.deliveries()[0]["last_error"] == "worker_died"


def test_a_slow_sender_whose_lease_was_taken_over_writes_nothing(sending: Sending, receiver: Receiver) -> None:
    sending.world.customer()

    def be_taken_over(_: Message, connection: socket.socket) -> None:
        if len(receiver.messages) == 1:
            sending.world.make_due(WebhookDelivery)
            assert deliver_next(sending.world.runtime, now=utc_now) == "delivered"
        connection.sendall(OK)

    receiver.behave = be_taken_over
    assert deliver_next(sending.world.runtime, now=utc_now) == "lease_lost"
    assert len(sending.attempts()) == 1
    assert LEASE_SECONDS >= 30  # thrice what an exchange takes


def test_an_endpoint_from_which_nothing_comes_back_is_asked_less(sending: Sending, receiver: Receiver) -> None:
    receiver.behave = answer(500)
    for _ in range(FAILURES_BEFORE_PAUSE + 5):
        sending.world.customer()

    assert len(sending.send()) == FAILURES_BEFORE_PAUSE
    receiver.behave = answer(200)
    sending.pass_pauses()
    assert set(sending.send()) == {"delivered"}
