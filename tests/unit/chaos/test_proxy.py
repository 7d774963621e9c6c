"""What each fault of a link does to what passes through it."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from local.ports import LOOPBACK
from tests.chaos.proxy import FaultProxy, LinkFault, ProxyThread

ANSWER = b"*2\r\n$1\r\nq\r\n$1\r\nm\r\n"


class Popped(socketserver.StreamRequestHandler):
    """Answers each line with a popped message."""

    def handle(self) -> None:
        with suppress(ConnectionError):
            while self.rfile.readline():
                self.wfile.write(ANSWER)


@pytest.fixture
def link() -> Iterator[FaultProxy]:
    with socketserver.ThreadingTCPServer((LOOPBACK, 0), Popped) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        proxies = ProxyThread()
        yield proxies.proxy(name="popped", target_port=server.server_address[1])
        proxies.close()
        server.shutdown()


@pytest.fixture
def client(link: FaultProxy) -> Iterator[socket.socket]:
    with socket.create_connection((LOOPBACK, link.port), timeout=5) as connection:
        assert ask(connection, b"hello\n") == ANSWER
        yield connection


def ask(connection: socket.socket, request: bytes) -> bytes:
    """Send and return a whole answer, or what came before the connection ended."""
    connection.sendall(request)
    found = b""
    while len(found) < len(ANSWER) and (chunk := connection.recv(1000)):
        found += chunk
    return found


def connect_and_listen(port: int) -> None:
    """Open a connection and wait for its first byte."""
    with socket.create_connection((LOOPBACK, port), timeout=5) as connection:
        connection.recv(1)


def test_a_reset_ends_connections_old_and_new(link: FaultProxy, client: socket.socket) -> None:
    link.misbehave(LinkFault.RESET)

    with pytest.raises(ConnectionResetError):
        client.recv(1)
    with pytest.raises(ConnectionResetError):  # while it connects, or at its first byte
        connect_and_listen(link.port)


def test_what_falls_into_a_black_hole_comes_late(link: FaultProxy, client: socket.socket) -> None:
    link.misbehave(LinkFault.BLACK_HOLE)
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        ask(client, b"hello\n")

    client.settimeout(5)
    link.behave()

    assert client.recv(1000) == ANSWER


def test_one_byte_at_a_time_is_still_the_answer(link: FaultProxy, client: socket.socket) -> None:
    link.misbehave(LinkFault.BYTES)

    assert ask(client, b"hello\n") == ANSWER


def test_a_cut_leaves_the_beginning_of_an_answer(link: FaultProxy, client: socket.socket) -> None:
    link.misbehave(LinkFault.CUT, amount=5)
    client.sendall(b"hello\n")

    assert client.recv(1000) == ANSWER[:5]
    with pytest.raises(ConnectionResetError):
        client.recv(1000)


def test_only_a_popped_message_is_lost(link: FaultProxy, client: socket.socket) -> None:
    link.misbehave(LinkFault.LOSE_POP)
    assert ask(client, b"LLEN q\n") == ANSWER

    client.sendall(b"BRPOP q 1\n")

    with pytest.raises(ConnectionResetError):
        client.recv(1000)
    assert link.broken == 1


def test_somebody_else_s_page_is_answered(link: FaultProxy, client: socket.socket) -> None:
    link.misbehave(LinkFault.HTML)
    client.sendall(b"POST / HTTP/1.1\r\n\r\n")

    assert client.recv(1000).startswith(b"HTTP/1.1 502")
