"""The credits server: runs scripts by their SHA, and lets none run on a server that was not looked at since it started.

A server forgets its scripts when it restarts, and only `open_server` loads them, after it has compared the server's memory with
the ledger. So the first operation after a restart finds no script, and whoever sent it looks at the server first: one that came
back from an older copy, or with a cut journal, serves nothing. A server that was emptied while it ran has no accounts; an
operation finds none, and looks.
"""

from collections.abc import Callable, Sequence
from typing import Any

import redis
import structlog
from redis.exceptions import NoScriptError, ResponseError

from billing.credits.expected import Expected
from billing.credits.nodes import Node, make_nodes
from billing.credits.scripts import Script, sha, source
from billing.credits.shards import Shard
from billing.errors import InvariantBroken, Unavailable
from billing.settings import Settings

_OPEN_TRIES_MAX = 2
# What the server says, before it runs anything of a script, when it is full, cannot write its file, is a copy, or still loads.
_CANNOT_NOW = ("OOM", "MISCONF", "READONLY", "LOADING", "BUSY", "command not allowed when used memory")
log = structlog.get_logger(__name__)


class CreditsUnavailable(Unavailable):
    """The credits server does not answer, or its memory is being rebuilt: repeat the request, under the same Idempotency-Key."""

    code = "credits_unavailable"


class ScriptFailed(InvariantBroken):
    """A script of ours has a fault; it may have stopped halfway."""

    code = "credit_script_failed"


class CreditServer:
    """The connections of one process. `inspect` raises CreditsUnavailable for a node whose memory is not the ledger's."""

    def __init__(self, settings: Settings, *, inspect: Callable[[Node], Expected]) -> None:
        self.nodes = make_nodes(settings)
        self._inspect = inspect
        self.kept_milliseconds = settings.CREDIT_ANSWERS_KEPT_HOURS * 3_600_000

    @property
    def redis(self) -> redis.Redis:
        """What sends a command of one key, or of keys of one shard, to where they are."""
        return self.nodes.client

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """Return what the script returns. Raises CreditsUnavailable."""
        try:
            for _ in range(_OPEN_TRIES_MAX):
                try:
                    return self.redis.evalsha(sha(script), len(keys), *keys, *arguments)
                except NoScriptError:
                    self._open(self.nodes.holding(keys[0]))
        except ResponseError as error:
            if not str(error).startswith(_CANNOT_NOW):
                raise ScriptFailed(f"the script {script} failed: {error}") from error
            log.warning("credits.refused", error=str(error), script=str(script))
            raise CreditsUnavailable("the credits server takes no writes now; try again under the same key") from error
        except redis.RedisError as error:
            log.warning("credits.not_reached", error=type(error).__name__, script=str(script))
            raise CreditsUnavailable("the credits server does not answer; try again under the same key") from error
        raise CreditsUnavailable("the credits server restarts again and again")

    def require_open(self, shard: Shard) -> None:
        """Return when the ledger knows what the shard's node has in its memory. Raises CreditsUnavailable."""
        try:
            self._inspect(self.nodes.holding(shard.epoch))
        except redis.RedisError as error:
            raise CreditsUnavailable("the credits server does not answer; try again under the same key") from error

    def close(self) -> None:
        """Close every connection."""
        self.nodes.close()

    def _open(self, node: Node) -> None:
        """Look at a node, then load the scripts, on one connection: a server that restarts between the two breaks it.

        The watch does that. Without it, the client would connect again without a word, and load them on a server that nobody
        has looked at.
        """
        with node.client.pipeline() as connection:
            for shard in node.shards:  # one by one: in a cluster they are in different slots
                connection.watch(shard.epoch)  # type: ignore[no-untyped-call]  # the library leaves it
            self._inspect(Node(connection, node.shards))
            connection.multi()
            for script in Script:
                connection.execute_command("SCRIPT LOAD", source(script))  # type: ignore[no-untyped-call]  # untyped
            connection.execute()
        log.info("credits.opened")
