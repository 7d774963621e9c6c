"""What receivers do to a sender: each fault is an attempt that failed, in bounded time and memory, and the schedule goes on."""

import itertools
import resource
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from billing.outgoing import exchange
from tests.integration.outgoing.receiver import Behaviour, Message, Receiver, answer
from tests.integration.outgoing.sending import Sending

SHORT_SECONDS = 1.0


def defaults_of_post() -> dict[str, Any]:
    """Return what the process's own call of `post` leaves to its defaults."""
    defaults = exchange.post.__kwdefaults__
    assert defaults is not None
    return defaults


@pytest.fixture
def soon_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exchange ends after a second, so that the tests of hanging receivers do not take ten each."""
    monkeypatch.setitem(defaults_of_post(), "seconds", SHORT_SECONDS)


def say(*parts: bytes) -> Behaviour:
    """Return the behaviour of answering with these bytes and closing."""
    return lambda _, connection: connection.sendall(b"".join(parts))


def drip(data: bytes, *, receiver: Receiver) -> Behaviour:
    """Return the behaviour of sending a byte every 50 ms, for ever again."""

    def behave(_: Message, connection: socket.socket) -> None:
        for byte in itertools.cycle(data):
            if receiver.closing.wait(0.05):
                return
            connection.sendall(bytes([byte]))

    return behave


def hang(receiver: Receiver) -> Behaviour:
    """Return the behaviour of saying nothing."""
    return lambda _, __: (receiver.closing.wait(30), None)[1]


def one_attempt(sending: Sending, behave: Behaviour) -> tuple[dict[str, object], float]:
    """Let one event meet this behaviour; return the attempt and how long it took."""
    sending.receiver.behave = behave
    sending.world.customer()
    started = time.monotonic()
    assert sending.send() == ["pending"]
    (attempt,) = sending.attempts()
    return attempt, time.monotonic() - started


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 500, 502, 504])
def test_an_answer_that_is_no_2xx_is_a_failure(sending: Sending, status: int) -> None:
    attempt, _ = one_attempt(sending, answer(status, "location: /elsewhere"))

    assert (attempt["status_code"], attempt["error"]) == (status, None)
    assert sending.shown()["status"] == "enabled"


def test_no_redirect_is_followed(sending: Sending) -> None:
    with Receiver() as inside:
        attempt, _ = one_attempt(sending, answer(307, f"location: {inside.url}"))

        assert attempt["status_code"] == 307
        assert inside.connections == 0
    assert sending.receiver.connections == 1


@pytest.mark.usefixtures("soon_over")
@pytest.mark.parametrize(
    "misbehaving",
    [
        hang,
        lambda receiver: drip(b"HTTP/1.1 200 OK\r\nx: ", receiver=receiver),
        lambda receiver: drip(b"HTTP/1.1 100 Continue\r\n\r\n", receiver=receiver),
        lambda receiver: (
            lambda message, connection: (
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n"),
                drip(b"x", receiver=receiver)(message, connection),
            )[1]
        ),
    ],
    ids=["hangs", "drips its head", "says 100 for ever", "drips its body"],
)
def test_a_receiver_that_takes_for_ever_has_a_second(
    sending: Sending, misbehaving: Callable[[Receiver], Behaviour]
) -> None:
    attempt, seconds = one_attempt(sending, misbehaving(sending.receiver))

    assert attempt["error"] == "timeout"
    assert seconds < SHORT_SECONDS + 2.0


def test_an_exchange_has_ten_seconds() -> None:
    assert defaults_of_post()["seconds"] == 10.0


def test_a_body_of_a_gigabyte_is_left_unread(sending: Sending) -> None:
    sent = 0

    def flood(_: Message, connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n")
        try:
            for _chunk in range(16_384):
                sent += connection.send(b"x" * 65_536)
        except OSError:
            return

    sending.receiver.behave = flood
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sending.world.customer()
    assert sending.send() == ["delivered"]

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    assert sent < 64 * 1024 * 1024  # what the kernel's buffers took
    (attempt,) = sending.attempts()
    assert attempt["answer"] == "x" * 1024


@pytest.mark.parametrize(
    ("behave", "error"),
    [
        (say(b"220 mail.example ESMTP\r\n"), "answer_malformed"),
        (say(b"HTTP/1.1 two hundred OK\r\n\r\n"), "answer_malformed"),
        (say(b"\x16\x03\x01\x00\x00", b"\x00" * 200), "answer_malformed"),
        (say(b"HTTP/1.1 200 OK\r\n", b"x-padding: y\r\n" * 20_000, b"\r\n"), "answer_malformed"),
        (say(b"HTTP/1.1 200 OK\r\nx: ", b"y" * 200_000), "answer_malformed"),
        (say(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"), "answer_malformed"),
        (say(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"), "answer_malformed"),
        (say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), "answer_malformed"),
        (say(b""), "answer_malformed"),
    ],
    ids=["smtp", "no status", "tls", "many fields", "long field", "half a body", "length", "chunk", "nothing"],
)
def test_an_answer_that_is_no_http_is_a_failure(sending: Sending, behave: Behaviour, error: str) -> None:
    attempt, _ = one_attempt(sending, behave)

    assert (attempt["error"], attempt["status_code"], attempt["answer"]) == (error, None, None)


def test_a_receiver_that_is_not_there(sending: Sending) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sending.change(url=f"http://127.0.0.1:{port}/")

    attempt, _ = one_attempt(sending, answer(200))

    assert attempt["error"] == "connection_failed"


def test_what_an_answer_says_is_kept_as_text_that_harms_nobody(sending: Sending) -> None:
    attempt, _ = one_attempt(
        sending, say(b"HTTP/1.1 500 x\r\nconnection: close\r\n\r\nno\x00\x1b[31m \xff\xfe ", b"y" * 5000)
    )

    assert str(attempt["answer"]).startswith("no\ufffd\ufffd[31m ")
    assert len(str(attempt["answer"])) == 1024


def test_410_switches_the_endpoint_off_at_once(sending: Sending) -> None:
    one_attempt(sending, answer(410))

    assert (sending.shown()["status"], sending.shown()["disabled_reason"]) == ("disabled", "gone")
    sending.pass_pauses()
    assert sending.send() == []


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for_by_everything_for_that_endpoint(sending: Sending, status: int) -> None:
    one_attempt(sending, answer(status, "retry-after: 120"))
    (waiting,) = sending.world.rows(
        "SELECT extract(epoch FROM d.next_attempt_at - now()) AS delivery,"
        " extract(epoch FROM e.paused_until - now()) AS endpoint"
        " FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id"
    )
    assert 110 < waiting["delivery"] <= 120
    assert 110 < waiting["endpoint"] <= 120

    sending.world.customer()
    assert sending.send() == []  # another customer's event waits as well
    sending.receiver.behave = answer(200)
    sending.pass_pauses()
    assert sending.send() == ["delivered", "delivered"]
    assert sending.world.rows("SELECT paused_until FROM webhook_endpoints") == [{"paused_until": None}]
