"""A small HTTP client for deliveries: POST over connections that are kept open, on asyncio.

It knows what a delivery needs of HTTP/1.1 and no more: it sends one body, reads the status, and keeps the connection
when the answer's length is known. Everything else ends the connection, which is always right.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

_ANSWER_LIMIT_BYTES = 65_536
_IDLE_CONNECTIONS_LIMIT = 16
_TLS_PORT = 443
_PLAIN_PORT = 80


class DeliveryFailed(Exception):
    """The receiver could not be reached or did not answer as HTTP demands; the message says how."""


@dataclass(frozen=True, slots=True)
class _Target:
    host: str
    port: int
    is_secure: bool


@dataclass(frozen=True, slots=True)
class _Head:
    """The head of an answer: its status, and how many bytes follow (None where that is not said)."""

    status: int
    length: int | None


_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class DeliveryClient:
    """Posts bodies to addresses and keeps a few idle connections for each."""

    def __init__(self, *, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._idle: defaultdict[_Target, list[_Connection]] = defaultdict(list)

    async def post(self, *, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Send a POST and return the status of the answer. Raises DeliveryFailed when none comes in time."""
        try:
            target, message = _prepare(url=url, headers=headers, body=body)
            async with asyncio.timeout(self._timeout_seconds):
                return await self._exchange(target, message)
        except TimeoutError:
            raise DeliveryFailed(f"no answer within {self._timeout_seconds:g} s") from None
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            raise DeliveryFailed(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Close the idle connections."""
        for connections in self._idle.values():
            for _, writer in connections:
                writer.close()
        self._idle.clear()

    async def _exchange(self, target: _Target, message: bytes) -> int:
        idle = self._idle[target]
        while idle:
            # The receiver may have closed an idle connection at any time; then the next one or a fresh one is used.
            try:
                return await self._send(idle.pop(), target, message)
            except (ConnectionError, EOFError):
                continue
        context = ssl.create_default_context() if target.is_secure else None
        connection = await asyncio.open_connection(target.host, target.port, ssl=context)
        return await self._send(connection, target, message)

    async def _send(self, connection: _Connection, target: _Target, message: bytes) -> int:
        reader, writer = connection
        is_reusable = False
        try:
            writer.write(message)
            await writer.drain()
            head = _read_head(await reader.readuntil(b"\r\n\r\n"))
            while head.status < 200:
                head = _read_head(await reader.readuntil(b"\r\n\r\n"))
            if head.length is not None and head.length <= _ANSWER_LIMIT_BYTES:
                await reader.readexactly(head.length)
                is_reusable = len(self._idle[target]) < _IDLE_CONNECTIONS_LIMIT
        finally:
            if is_reusable:
                self._idle[target].append(connection)
            else:
                writer.close()
        return head.status


def _prepare(*, url: str, headers: Mapping[str, str], body: bytes) -> tuple[_Target, bytes]:
    """Return where a POST goes and its bytes. Raises ValueError for an address that cannot be used."""
    parts = urlsplit(url)
    is_secure = parts.scheme == "https"
    target = _Target(parts.hostname or "", parts.port or (_TLS_PORT if is_secure else _PLAIN_PORT), is_secure)
    path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe="/?&=%:@!$'()*+,;~-._")
    lines = [f"POST {path} HTTP/1.1", f"host: {parts.netloc.rpartition('@')[2]}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return target, "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _read_head(head: bytes) -> _Head:
    """Return what matters of an answer's head. Raises DeliveryFailed for what is no HTTP."""
    lines = head.decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise DeliveryFailed(f"the answer is no HTTP/1.1: {lines[0][:60]!r}")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    length = fields.get("content-length", "")
    is_kept = version == "HTTP/1.1" and fields.get("connection", "").lower() != "close"
    is_known = length.isdecimal() and "transfer-encoding" not in fields
    return _Head(int(rest[:3]), int(length) if is_known and is_kept else None)
