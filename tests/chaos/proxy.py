"""A proxy between two parts that passes everything on until it is told to misbehave.

All proxies run on one event loop in a thread of their own. What a fault does to a connection is decided chunk by chunk, so
that it also hits connections that stood before.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from dataclasses import dataclass
from enum import StrEnum

from local.ports import LOOPBACK, free_port

_CHUNK_BYTES = 65_536
_START_SECONDS_MAX = 10.0
# A popped message: an array of the queue's name and the message. An empty pop is another answer.
_POPPED = b"*2\r\n"
_HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
_HTML_ANSWER = (
    b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s"
    % (len(_HTML), _HTML)
)


class LinkFault(StrEnum):
    """What a link does with what it should pass on."""

    NONE = "none"
    RESET = "reset"  # every connection, old and new, ends with a TCP reset
    BLACK_HOLE = "black_hole"  # nothing arrives; what was sent meanwhile comes late, as TCP would repeat it
    DELAY = "delay"  # every chunk comes `amount` milliseconds late
    BYTES = "bytes"  # one byte at a time
    CUT = "cut"  # each connection ends after `amount` bytes of its answers
    LOSE_POP = "lose_pop"  # the broker hands a message out, and its answer is lost with the connection
    HTML = "html"  # an HTTP request is answered by somebody's error page, and never arrives


@dataclass(frozen=True)
class LinkState:
    """The fault in force, and its amount (milliseconds or bytes)."""

    fault: LinkFault = LinkFault.NONE
    amount: int = 0


class _Connection:
    """One client's connection and the one that was opened for it."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.last_request = b""
        self.answered_bytes = 0

    def reset(self) -> None:
        for writer in (self.client, self.server):
            _reset(writer)


class FaultProxy:
    """Listens on a port of its own, and passes on to `target_port`. Its methods may be called from any thread."""

    def __init__(self, *, name: str, target_port: int, loop: asyncio.AbstractEventLoop) -> None:
        self.name = name
        self.port = free_port()
        self.broken = 0
        self._target_port = target_port
        self._loop = loop
        self._state = LinkState()
        self._passable = asyncio.Event()
        self._passable.set()
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    def start(self) -> None:
        """Listen."""

        async def listen() -> None:
            self._server = await asyncio.start_server(self._accept, LOOPBACK, self.port)

        asyncio.run_coroutine_threadsafe(listen(), self._loop).result(_START_SECONDS_MAX)

    def stop_listening(self) -> None:
        """Take no more connections; called on the loop."""
        if self._server is not None:
            self._server.close()

    def misbehave(self, fault: LinkFault, *, amount: int = 0) -> None:
        """Put a fault in force."""
        self._loop.call_soon_threadsafe(self._take, LinkState(fault, amount))

    def behave(self) -> None:
        """Pass everything on again."""
        self._loop.call_soon_threadsafe(self._take, LinkState())

    def _take(self, state: LinkState) -> None:
        self._state = state
        if state.fault is LinkFault.BLACK_HOLE:
            self._passable.clear()
        else:
            self._passable.set()
        if state.fault is LinkFault.RESET:
            self._reset_all()

    def _reset_all(self) -> None:
        for connection in list(self._connections):
            self._break(connection)

    def _break(self, connection: _Connection) -> None:
        self.broken += 1
        connection.reset()

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self._state.fault is LinkFault.RESET:
            _reset(client)
            return
        try:
            await self._passable.wait()
            server_reader, server = await asyncio.open_connection(LOOPBACK, self._target_port)
        except OSError:
            _reset(client)
        except asyncio.CancelledError:
            client.close()
            raise
        else:
            await self._serve(_Connection(client, server), reader, server_reader)

    async def _serve(
        self, connection: _Connection, reader: asyncio.StreamReader, server_reader: asyncio.StreamReader
    ) -> None:
        self._connections.add(connection)
        pumps = [
            asyncio.ensure_future(self._pump(connection, reader, connection.server, answers=False)),
            asyncio.ensure_future(self._pump(connection, server_reader, connection.client, answers=True)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._connections.discard(connection)
            for writer in (connection.client, connection.server):
                writer.close()

    async def _pump(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if not answers:
                    connection.last_request = chunk
                if not await self._pass_on(connection, chunk, writer, answers=answers):
                    return

    async def _pass_on(
        self, connection: _Connection, chunk: bytes, writer: asyncio.StreamWriter, *, answers: bool
    ) -> bool:
        """Do with a chunk what the fault in force demands. Return whether the connection goes on."""
        state = self._state
        if state.fault is LinkFault.BLACK_HOLE:
            await self._passable.wait()
        elif state.fault is LinkFault.DELAY:
            await asyncio.sleep(state.amount / 1000)
        elif state.fault is LinkFault.BYTES:
            for at in range(len(chunk)):
                writer.write(chunk[at : at + 1])
                await writer.drain()
                await asyncio.sleep(0)
            return True
        elif state.fault is LinkFault.CUT and answers:
            connection.answered_bytes += len(chunk)
            surplus = connection.answered_bytes - state.amount
            if surplus > 0:
                writer.write(chunk[: max(0, len(chunk) - surplus)])
                await writer.drain()
                self._break(connection)
                return False
        elif state.fault is LinkFault.LOSE_POP and answers:
            if b"BRPOP" in connection.last_request and chunk.startswith(_POPPED):
                self._break(connection)
                return False
        elif state.fault is LinkFault.HTML and not answers:
            connection.client.write(_HTML_ANSWER)
            await connection.client.drain()
            self.broken += 1
            return False
        writer.write(chunk)
        await writer.drain()
        return True


class ProxyThread:
    """The event loop of all proxies, in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._proxies: list[FaultProxy] = []
        self._thread = threading.Thread(target=self.loop.run_forever, name="proxies", daemon=True)
        self._thread.start()

    def proxy(self, *, name: str, target_port: int) -> FaultProxy:
        """Return a started proxy to a port of this machine."""
        proxy = FaultProxy(name=name, target_port=target_port, loop=self.loop)
        proxy.start()
        self._proxies.append(proxy)
        return proxy

    def close(self) -> None:
        """End every connection and the loop."""

        async def end() -> None:
            for proxy in self._proxies:
                proxy.stop_listening()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0)  # closed transports let go of their sockets in the next round

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(_START_SECONDS_MAX)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_START_SECONDS_MAX)
        self.loop.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Break a connection off with RST instead of FIN: a linger time of zero."""
    transport_socket = writer.get_extra_info("socket")
    if transport_socket is not None:
        with contextlib.suppress(OSError):
            transport_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
