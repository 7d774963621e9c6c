"""A load generator: raw requests over kept connections, as many as are answered, or at a steady rate.

It shares the machine with what it measures, so it does as little as it can: the requests are bytes that were made before, and
of an answer only the status and the length are read.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import NamedTuple

_SETTLE_SECONDS = 20.0


class Load(NamedTuple):
    """What came of a turn: answered requests by status, how long it took, and each answer's time in seconds."""

    statuses: dict[int, int]
    seconds: float
    latencies: list[float]

    @property
    def per_second(self) -> float:
        """Answered requests a second. Raises ValueError when an answer was no success: that is no measurement."""
        refused = {status: count for status, count in self.statuses.items() if not 200 <= status < 300}
        if refused:
            raise ValueError(f"the server refused requests of the benchmark: {refused}")
        return sum(self.statuses.values()) / self.seconds


def run_load(
    *, port: int, requests: Iterator[bytes], connections: int, seconds: float, rate: float | None = None
) -> Load:
    """Send `requests` over `connections` for `seconds`; with `rate` so many a second, each timed from when it was due."""
    return asyncio.run(_run(port, requests, connections, seconds, rate))


def raw_request(method: str, path: str, *, headers: dict[str, str], body: bytes) -> bytes:
    """Return a request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _run(port: int, requests: Iterator[bytes], connections: int, seconds: float, rate: float | None) -> Load:
    statuses: dict[int, int] = {}
    latencies: list[float] = []
    started = time.perf_counter()
    due = _due_times(started, seconds, rate)

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for at in due:
                if at > time.perf_counter():
                    await asyncio.sleep(at - time.perf_counter())
                request = next(requests, None)
                if request is None:
                    raise ValueError("the benchmark prepared fewer requests than were answered")
                began = at if rate is not None else time.perf_counter()
                writer.write(request)
                status = await _answer(reader)
                latencies.append(time.perf_counter() - began)
                statuses[status] = statuses.get(status, 0) + 1
        finally:
            writer.close()

    async with asyncio.timeout(seconds + _SETTLE_SECONDS):
        await asyncio.gather(*(client() for _ in range(connections)))
    return Load(statuses, time.perf_counter() - started, latencies)


def _due_times(started: float, seconds: float, rate: float | None) -> Iterator[float]:
    """Yield when each request is due: at once until the time is up, or evenly spaced."""
    if rate is None:
        while (now := time.perf_counter()) < started + seconds:
            yield now
        return
    for number in range(int(seconds * rate)):
        yield started + number / rate


async def _answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length or b"0"))
    return int(head[9:12])
