"""Every attempt of this process to open a connection, seen where Python hands it to the operating system.

While a recording is on, the attempt ends there: nothing leaves the machine, whatever the code under test would have done.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_recordings: list[list[str]] = []
_EVENTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if _recordings and event in _EVENTS:
        address = arguments[1]
        _recordings[-1].append(str(address[0] if isinstance(address, tuple) else address))
        raise ConnectionRefusedError(f"{event} to {address} was recorded, and goes no further")


# A hook cannot be taken out again; without a recording it does nothing.
sys.addaudithook(_hear)


@contextmanager
def recorded_connections() -> Iterator[list[str]]:
    """Yield the list of addresses that somebody tries to connect to."""
    recording: list[str] = []
    _recordings.append(recording)
    try:
        yield recording
    finally:
        _recordings.remove(recording)
