"""Finding and checking TCP ports on the loopback interface."""

import secrets
import socket

LOOPBACK = "127.0.0.1"
# Below Linux's ephemeral range (32768 and up): no outgoing connection can take a port of ours between two starts.
LOWEST_PORT = 20_000
HIGHEST_PORT = 32_000
ATTEMPTS_MAX = 200


class NoFreePort(OSError):
    """No port could be bound in the range that the local stack uses."""


def is_free(*, port: int, host: str = LOOPBACK) -> bool:
    """Say whether a server could listen on `port` now. A port whose old connections are in TIME_WAIT counts as free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(*, taken: frozenset[int] = frozenset()) -> int:
    """Return a random free loopback port that is not in `taken`.

    Random rather than counted, so that two test runs that start at the same moment do not fight for one.
    Raises NoFreePort after 200 tries.
    """
    for _ in range(ATTEMPTS_MAX):
        port = LOWEST_PORT + secrets.randbelow(HIGHEST_PORT - LOWEST_PORT)
        if port not in taken and is_free(port=port):
            return port
    raise NoFreePort(f"no free port between {LOWEST_PORT} and {HIGHEST_PORT} on {LOOPBACK}")
