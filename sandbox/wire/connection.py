"""One HTTP/1.1 connection: bytes to requests and responses to bytes, by h11 on asyncio.

Requests of one connection are answered one after the other, as HTTP/1.1 demands.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import h11

from sandbox.wire.messages import Request, Response

_BODY_LIMIT_BYTES = 1024 * 1024
_IDLE_LIMIT_SECONDS = 75.0
_READ_SIZE = 65_536
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}

Application = Callable[[Request], Awaitable[Response]]


class _BodyTooLarge(Exception):
    """The request's body is over the limit."""


class Connection:
    """Serves the requests of one client until it closes, stays silent too long or breaks the protocol."""

    def __init__(self, *, application: Application, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._application = application
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)
        peer = writer.get_extra_info("peername")
        self._peer = str(peer[0]) if peer else ""

    async def serve(self) -> None:
        """Answer requests until the connection ends; never raises for what a client does."""
        try:
            while await self._serve_one():
                self._http.start_next_cycle()
        except (ConnectionError, TimeoutError):
            pass  # The client went away; there is nobody left to answer.
        except h11.RemoteProtocolError as error:
            await self._refuse(status=error.error_status_hint, reason=str(error))
        except _BodyTooLarge:
            await self._refuse(status=413, reason=f"The body is larger than {_BODY_LIMIT_BYTES} bytes.")
        finally:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()

    async def _serve_one(self) -> bool:
        """Answer one request. Return whether the connection can carry another."""
        request = await self._read_request()
        if request is None:
            return False
        response = await self._application(request)
        if response.drop:
            self._reset()
            return False
        await self._send(response, is_head=request.method == "HEAD")
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _read_request(self) -> Request | None:
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = await self._next_event()
            if isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _BODY_LIMIT_BYTES:
                    raise _BodyTooLarge
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                break
            else:
                return None
        path, _, query = head.target.decode("latin-1").partition("?")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        return Request(head.method.decode("ascii"), path, query, headers, bytes(body), self._peer)

    async def _next_event(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if not isinstance(event, type) or event is h11.PAUSED:
                return event
            if self._http.they_are_waiting_for_100_continue:
                self._writer.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            async with asyncio.timeout(_IDLE_LIMIT_SECONDS):
                self._http.receive_data(await self._reader.read(_READ_SIZE))

    async def _send(self, response: Response, *, is_head: bool = False) -> None:
        headers = [(name, value) for name, value in response.headers.items()]
        headers.append(("content-length", str(len(response.body))))
        head = h11.Response(status_code=response.status, headers=headers, reason=_REASONS.get(response.status, b""))
        parts = [self._http.send(head), self._http.send(h11.Data(data=b"" if is_head else response.body))]
        parts.append(self._http.send(h11.EndOfMessage()))
        self._writer.write(b"".join(part for part in parts if part))
        await self._writer.drain()

    async def _refuse(self, *, status: int, reason: str) -> None:
        """Answer a request that could not be read, where the protocol still allows an answer."""
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        body = reason.encode()
        with contextlib.suppress(ConnectionError):
            await self._send(Response(status, body, {"content-type": "text/plain", "connection": "close"}))

    def _reset(self) -> None:
        """Break the connection off with a TCP reset, as a failing network would."""
        transport_socket = self._writer.get_extra_info("socket")
        if transport_socket is not None:
            # A linger time of zero makes close() send RST instead of FIN.
            transport_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
