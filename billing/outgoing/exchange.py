"""One POST to a stranger's server, on a socket of our own, so that every limit holds for the exchange as a whole.

The host is resolved once; if any of its addresses is forbidden none is connected to, and the connection goes to one of exactly
these addresses. The certificate is checked against the name. No redirect is followed, no proxy is used, no connection is kept.
One deadline bounds everything, from the lookup to the last byte of the answer; of the answer as much is read as is looked at.
"""

import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

import h11

from billing.errors import InvariantBroken
from billing.outgoing.addresses import Address, address_allowed
from billing.outgoing.resolve import NameNotResolved, Resolve, resolve_host
from billing.outgoing.target import Target
from billing.unit_of_work import inside_transaction

EXCHANGE_SECONDS = 10.0
ANSWER_BYTES_MAX = 65_536
HEAD_BYTES_MAX = 16_384
EXCERPT_CHARACTERS = 1_024
_LOOKUP_SECONDS = 4.0
_CONNECT_SECONDS = 4.0
_ADDRESSES_TRIED_MAX = 4
_CHUNK = 16_384


class Answer(NamedTuple):
    """What came back: the status, how long the receiver asks us to wait, and the first characters of the body."""

    status: int
    retry_after: str | None
    excerpt: str


class ExchangeFailed(Exception):
    """No answer came of it; `code` says why, in one word for machines."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class SentInTransaction(InvariantBroken):
    """A webhook was about to be sent while a database transaction is open."""

    code = "webhook_sent_in_transaction"


class _Deadline:
    """The instant by which all must be over, on the clock that runs evenly."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self, *, at_most: float = EXCHANGE_SECONDS) -> float:
        """Return the seconds that are left, `at_most` so many. Raises TimeoutError when there are none."""
        seconds = self._at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return min(seconds, at_most)


def post(
    target: Target,
    *,
    headers: Mapping[str, str],
    body: bytes,
    allow_private: bool,
    resolve: Resolve = resolve_host,
    seconds: float = EXCHANGE_SECONDS,
) -> Answer:
    """Send `body` and return the answer, whatever its status. Raises ExchangeFailed."""
    if inside_transaction():
        raise SentInTransaction("a webhook was about to be sent while a database transaction is open")
    deadline = _Deadline(seconds)
    try:
        addresses = resolve(target.host, seconds=deadline.left(at_most=_LOOKUP_SECONDS))
        _require_allowed(addresses, allow_private=allow_private)
        with closing(_connect(target, addresses, deadline=deadline)) as connection:
            return _exchange(connection, target, headers=headers, body=body, deadline=deadline)
    except NameNotResolved as error:
        raise ExchangeFailed("name_not_resolved", str(error)) from error
    except TimeoutError as error:
        raise ExchangeFailed("timeout", f"not over within {seconds:g} s") from error
    except ssl.SSLError as error:
        raise ExchangeFailed("tls_failed", error.reason or "the certificate does not fit") from error
    except OSError as error:
        raise ExchangeFailed("connection_failed", error.strerror or type(error).__name__) from error
    except h11.RemoteProtocolError as error:
        raise ExchangeFailed("answer_malformed", "the answer is no HTTP/1.1, or its head is too long") from error


def _require_allowed(addresses: Sequence[Address], *, allow_private: bool) -> None:
    """One forbidden address is enough: a name that leads inside as well is not a receiver's."""
    if not addresses or not all(address_allowed(address, allow_private=allow_private) for address in addresses):
        raise ExchangeFailed("address_refused", "the name leads to an address that is not on the public internet")


def _connect(target: Target, addresses: Sequence[Address], *, deadline: _Deadline) -> socket.socket:
    """Return a connection to the first of the addresses that takes one."""
    refused: OSError = ConnectionError("no address took the connection")
    for address in addresses[:_ADDRESSES_TRIED_MAX]:
        try:
            connection = _connect_to(address, port=target.port, deadline=deadline)
        except OSError as error:
            refused = error
        else:
            return _secured(connection, target, deadline=deadline) if target.is_secure else connection
    raise refused


def _connect_to(address: Address, *, port: int, deadline: _Deadline) -> socket.socket:
    """Return a connection to exactly this address."""
    family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
    with ExitStack() as on_failure:
        connection = on_failure.enter_context(socket.socket(family, socket.SOCK_STREAM))
        connection.settimeout(deadline.left(at_most=_CONNECT_SECONDS))
        connection.connect((str(address), port))
        _require_peer(connection, address)
        on_failure.pop_all()
    return connection


def _require_peer(connection: socket.socket, address: Address) -> None:
    if ip_address(connection.getpeername()[0]) != address:
        raise ExchangeFailed("address_refused", "the connection went somewhere else")


def _secured(connection: socket.socket, target: Target, *, deadline: _Deadline) -> socket.socket:
    """Return the connection under TLS, with a certificate that was checked against the name."""
    with ExitStack() as on_failure:
        on_failure.enter_context(connection)
        connection.settimeout(deadline.left())
        secured = _tls_context().wrap_socket(connection, server_hostname=target.host)
        on_failure.pop_all()
    return secured


@lru_cache(maxsize=1)
def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _exchange(
    connection: socket.socket, target: Target, *, headers: Mapping[str, str], body: bytes, deadline: _Deadline
) -> Answer:
    protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)
    fields = {"host": target.authority, "content-length": str(len(body)), "connection": "close", **headers}
    request = h11.Request(method="POST", target=target.path, headers=list(fields.items()))
    _send(connection, (protocol.send(request) or b"") + body, deadline=deadline)
    protocol.send(h11.Data(data=body))
    protocol.send(h11.EndOfMessage())
    response: h11.Response | None = None
    received = bytearray()
    while len(received) < ANSWER_BYTES_MAX:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            connection.settimeout(deadline.left())
            protocol.receive_data(connection.recv(_CHUNK))
        elif isinstance(event, h11.Response):
            response = event
        elif isinstance(event, h11.Data):
            received += event.data
        elif isinstance(event, h11.EndOfMessage):
            break
        elif isinstance(event, h11.ConnectionClosed):
            raise ExchangeFailed("connection_failed", "the connection was closed without an answer")
    if response is None:
        raise ExchangeFailed("answer_malformed", "the answer has no status")
    retry_after = next((value for name, value in response.headers if name == b"retry-after"), None)
    return Answer(
        status=response.status_code,
        retry_after=None if retry_after is None else retry_after.decode("latin-1"),
        excerpt=_excerpt(bytes(received)),
    )


def _send(connection: socket.socket, data: bytes, *, deadline: _Deadline) -> None:
    """Send all of `data`; a receiver that takes it drop by drop is given up at the deadline."""
    rest = memoryview(data)
    while rest:
        connection.settimeout(deadline.left())
        rest = rest[connection.send(rest[:_CHUNK]) :]


def _excerpt(received: bytes) -> str:
    """Return the beginning of an answer as text that can be stored and shown."""
    text = received[: EXCERPT_CHARACTERS * 4].decode("utf-8", errors="replace")
    return "".join(
        character if character.isprintable() or character in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for character in text[:EXCERPT_CHARACTERS]
    )
