"""Process: is the server's memory the one that the ledger knows?

Two marks tell. Each shard carries the epoch of the last rebuild: it is missing when the memory was lost. And a journal's last id
never falls behind what Postgres has drained of it: it does when the server came back from an older copy of its files.
"""

from collections.abc import Callable

import redis
import structlog
from redis.exceptions import ResponseError

from billing.credits.expected import Expected
from billing.credits.journal import START, Position
from billing.credits.nodes import Node
from billing.credits.server import CreditsUnavailable

_RETRY_AFTER_SECONDS = 2
_NO_STREAM = "no such key"
log = structlog.get_logger(__name__)


class MemoryLost(CreditsUnavailable):
    """The server's memory is not the ledger's; it is being rebuilt, which takes seconds."""


def why_closed(node: Node, expected: Expected) -> str | None:
    """Return why a node may not serve: what a look at it found; None when it may."""
    for shard in node.shards:
        epoch = node.client.get(shard.epoch)
        if epoch != str(expected.epoch):
            return f"shard {shard.number} is of epoch {epoch!s}, not {expected.epoch}"
        drained = expected.positions[shard.number]
        last = last_position(node.client, shard.journal)
        if last < drained:
            return f"the journal of shard {shard.number} ends at {last}, before {drained}"
    return None


def last_position(server: redis.Redis, journal: str) -> Position:
    """Return the newest id that a journal has had, trimmed or not."""
    try:
        return Position.parse(str(server.xinfo_stream(journal)["last-generated-id"]))
    except ResponseError as error:
        if str(error) != _NO_STREAM:
            raise
        return START


def require_open(node: Node, *, read: Callable[[], Expected], ask_for_rebuild: Callable[[], None]) -> Expected:
    """Return what the ledger expects of the node, which it shows.

    Raises MemoryLost, and has asked for a rebuild, when it does not.
    """
    expected = read()
    reason = why_closed(node, expected)
    if reason is not None:
        log.error("credits.memory_lost", reason=reason)
        ask_for_rebuild()
        raise MemoryLost(
            "credit balances are being rebuilt; try again in a moment, under the same Idempotency-Key",
            retry_after_seconds=_RETRY_AFTER_SECONDS,
        )
    return expected
