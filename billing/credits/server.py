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
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, ResponseError
from redis.retry import Retry

from billing.credits.expected import Expected
from billing.credits.scripts import Script, sha, source
from billing.credits.shards import ALL_SHARDS
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
    """The connections of one process. `inspect` raises CreditsUnavailable for a server whose memory is not the ledger's."""

    def __init__(self, settings: Settings, *, inspect: Callable[[redis.Redis], Expected]) -> None:
        # Every script that changes something keeps its answer under a key, so that it may be sent twice: once more at once,
        # because a server that restarted has closed the connections that stand in the pool.
        self.redis = redis.Redis.from_url(
            settings.credits_url,
            decode_responses=True,
            socket_timeout=settings.REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=settings.REDIS_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 1),
        )
        self._inspect = inspect
        self.kept_milliseconds = settings.CREDIT_ANSWERS_KEPT_HOURS * 3_600_000

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """Return what the script returns. Raises CreditsUnavailable."""
        try:
            for _ in range(_OPEN_TRIES_MAX):
                try:
                    return self.redis.evalsha(sha(script), len(keys), *keys, *arguments)
                except NoScriptError:
                    self._open()
        except ResponseError as error:
            if not str(error).startswith(_CANNOT_NOW):
                raise ScriptFailed(f"the script {script} failed: {error}") from error
            log.warning("credits.refused", error=str(error), script=str(script))
            raise CreditsUnavailable("the credits server takes no writes now; try again under the same key") from error
        except redis.RedisError as error:
            log.warning("credits.not_reached", error=type(error).__name__, script=str(script))
            raise CreditsUnavailable("the credits server does not answer; try again under the same key") from error
        raise CreditsUnavailable("the credits server restarts again and again")

    def require_open(self) -> Expected:
        """Return what the ledger knows of the server, which has it. Raises CreditsUnavailable."""
        try:
            return self._inspect(self.redis)
        except redis.RedisError as error:
            raise CreditsUnavailable("the credits server does not answer; try again under the same key") from error

    def close(self) -> None:
        """Close every connection."""
        self.redis.close()

    def _open(self) -> None:
        """Look at the server, then load the scripts, on one connection: a server that restarts between the two breaks it.

        The watch does that. Without it, the client would connect again without a word, and load them on a server that nobody
        has looked at.
        """
        with self.redis.pipeline() as connection:
            connection.watch(*(shard.epoch for shard in ALL_SHARDS))  # type: ignore[no-untyped-call]  # the library leaves it
            self._inspect(connection)
            connection.multi()
            for script in Script:
                connection.execute_command("SCRIPT LOAD", source(script))  # type: ignore[no-untyped-call]  # untyped
            connection.execute()
        log.info("credits.opened")
