"""Measures the sandbox on one core: payments created and confirmed, each told to one endpoint by four events.

Run by hand: `python -m tests.integration.sandbox.measure_throughput [SECONDS]`.
"""

import asyncio
import contextlib
import os
import re
import sys
import tempfile
import time
import uuid
from pathlib import Path
from urllib.parse import urlencode

from tests.integration.sandbox.process import SECRET_KEY, SandboxProcess

_CLIENTS = 4
_EVENTS_PER_PAYMENT = 4
_DRAIN_SECONDS = 60.0
_PAYMENT = {
    "amount": 2000,
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "confirm": "true",
    "return_url": "https://example.com/return",
    "metadata[order]": "1",
}


class _Listener:
    """Counts the events that arrive, and tells when as many have arrived as were expected."""

    def __init__(self) -> None:
        self.arrived = 0
        self.expected: int | None = None
        self.all_arrived = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.create_task(self._answer(reader, writer)))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await _read_message(reader)
                self.arrived += 1
                if self.arrived == self.expected:
                    self.all_arrived.set()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()


async def _read_message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    assert length is not None
    await reader.readexactly(int(length[1]))
    return head


async def _post(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, params: dict[str, object]
) -> None:
    body = urlencode(params)
    writer.write(
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {SECRET_KEY}\r\n"
        f"idempotency-key: {uuid.uuid4()}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
    )
    head = await _read_message(reader)
    assert b" 200 " in head.splitlines()[0], head


async def _pay_until(port: int, deadline: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    paid = 0
    while time.monotonic() < deadline:
        await _post(reader, writer, "/v1/payment_intents", _PAYMENT)
        paid += 1
    writer.close()
    return paid


async def _measure(sandbox: SandboxProcess, *, seconds: float) -> str:
    listener = _Listener()
    server = await asyncio.start_server(listener.connect, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    await _post(reader, writer, "/v1/webhook_endpoints", {"url": url, "enabled_events[]": "*"})
    writer.close()
    began, cpu_before = time.monotonic(), _cpu_seconds(sandbox.pid)
    paid = sum(await asyncio.gather(*(_pay_until(sandbox.port, began + seconds) for _ in range(_CLIENTS))))
    answered_seconds = time.monotonic() - began
    listener.expected = paid * _EVENTS_PER_PAYMENT
    if listener.arrived < listener.expected:
        async with asyncio.timeout(_DRAIN_SECONDS):
            await listener.all_arrived.wait()
    delivered_seconds = time.monotonic() - began
    cpu_seconds = _cpu_seconds(sandbox.pid) - cpu_before
    server.close()
    await listener.close()
    return (
        f"payment intents a second: {paid / answered_seconds:.0f} answered, {paid / delivered_seconds:.0f} with all "
        f"{listener.arrived} events delivered, {paid / cpu_seconds:.0f} for each second of processor time\n"
    )


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as directory:
        sandbox = SandboxProcess(data_dir=Path(directory))
        sandbox.start()
        try:
            os.sched_setaffinity(sandbox.pid, cores[:1])
            os.sched_setaffinity(0, cores[1:] or cores)
            sys.stdout.write(asyncio.run(_measure(sandbox, seconds=seconds)))
        finally:
            sandbox.close()


if __name__ == "__main__":
    main()
