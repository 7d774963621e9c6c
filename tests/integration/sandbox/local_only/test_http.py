"""HTTP itself: what clients send that no SDK would, and what browsers ask first."""

import socket

import pytest

from tests.integration.sandbox.control import Control, fetch
from tests.integration.sandbox.process import SECRET_KEY

_HEAD = f"Host: localhost\r\nAuthorization: Bearer {SECRET_KEY}\r\n"


def _send(control: Control, message: bytes) -> bytes:
    """Send bytes, and return the status line of the answer."""
    port = int(control.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(message)
        return connection.recv(65_536).split(b"\r\n")[0]


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (b"garbage\r\n\r\n", b"400 Bad Request"),
        (f"POST /v1/customers HTTP/1.1\r\n{_HEAD}Content-Length: 2000000\r\n\r\n".encode() + b"a" * 1_100_000, b"413"),
        (b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"200 OK"),
        (
            f"POST /v1/customers HTTP/1.1\r\n{_HEAD}Transfer-Encoding: chunked\r\n\r\n6\r\nname=a\r\n0\r\n\r\n".encode(),
            b"200 OK",
        ),
        (f"POST /v1/customers HTTP/1.1\r\n{_HEAD}Content-Length: 6\r\n\r\nname=\xff".encode("latin-1"), b"400"),
        (f"GET /v1/customers/%00 HTTP/1.1\r\n{_HEAD}\r\n".encode(), b"404 Not Found"),
    ],
)
def test_odd_requests_get_a_fitting_answer(control: Control, message: bytes, status: bytes) -> None:
    assert _send(control, message).startswith(b"HTTP/1.1 " + status)


def test_two_requests_in_one_packet_are_both_answered(control: Control) -> None:
    request = b"GET /_sandbox/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    port = int(control.url.rpartition(":")[2])

    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request * 2)
        answers = b""
        while answers.count(b'{"status":"ok"}') < 2:
            received = connection.recv(65_536)
            assert received
            answers += received


def test_browsers_of_any_origin_may_ask(control: Control) -> None:
    answer = fetch(
        f"{control.url}/v1/payment_intents/pi_1",
        headers={"origin": "https://shop.example", "access-control-request-headers": "authorization"},
        method="OPTIONS",
    )

    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert answer.headers["access-control-allow-headers"] == "authorization"


def test_a_401_says_how_to_authenticate_and_nothing_else(control: Control) -> None:
    answer = fetch(f"{control.url}/v1/customers")

    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="Stripe"')
    assert answer.headers["request-id"] is None
    assert '"code"' not in answer.body
