"""Resolving a host's name, once for each attempt and within a time: what is connected to is what was looked at."""

import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as ResolutionTimeout
from ipaddress import ip_address

from billing.outgoing.addresses import Address

# `resolve(host, seconds=…)` gives every address of the host. Raises NameNotResolved.
Resolve = Callable[..., Sequence[Address]]
_PARALLEL_LOOKUPS = 8
# The system's resolver cannot be told how long it may take: a lookup that hangs is left behind in one of these threads.
_lookups = ThreadPoolExecutor(_PARALLEL_LOOKUPS, thread_name_prefix="resolve")


class NameNotResolved(Exception):
    """The name has no address, or the resolver did not answer in time."""


def resolve_host(host: str, *, seconds: float) -> Sequence[Address]:
    """Return every address of a host; an address stands for itself. Raises NameNotResolved."""
    try:
        return [ip_address(host)]
    except ValueError:
        pass
    try:
        found = _lookups.submit(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM).result(timeout=seconds)
    except ResolutionTimeout:
        raise NameNotResolved(f"the name was not resolved within {seconds:.1f} s") from None
    except (OSError, UnicodeError) as error:
        raise NameNotResolved("the name has no address") from error
    # Kept in the resolver's order, each once.
    return list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))
