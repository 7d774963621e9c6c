"""The credits server: runs scripts by their SHA, and lets none run on a server that was not looked at since it started.

A server forgets its scripts when it restarts, and only `_open` loads them, after it has compared the server's memory with the
ledger. So the first operation after a restart finds no script, and whoever sent it looks at the server first: one that came
back from an older copy, or with a cut journal, serves nothing. A server that was emptied while it ran has no accounts; an
operation finds none, and looks.

On a cluster all of that holds for each node by itself. What is done for all shards asks each node, and goes on where one is away.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import redis
import structlog
from redis.exceptions import AskError, ClusterDownError, NoScriptError, ResponseError, TryAgainError

from billing.credits.cluster import make_nodes
from billing.credits.expected import Expected
from billing.credits.nodes import Node
from billing.credits.scripts import Script, sha, source
from billing.credits.shards import ALL_SHARDS, Shard
from billing.errors import BillingError, InvariantBroken, Unavailable
from billing.settings import Settings

_OPEN_TRIES_MAX = 2
# What a node of a cluster says of a shard that it does not hold, or not wholly, at this moment (a moved one is an AskError).
_ELSEWHERE = (AskError, ClusterDownError, TryAgainError)
# What the server says, before it runs anything of a script, when it is full, cannot write its file, is a copy, or still loads.
_CANNOT_NOW = ("OOM", "MISCONF", "READONLY", "LOADING", "BUSY", "command not allowed when used memory")
Said = TypeVar("Said")
Item = TypeVar("Item")
log = structlog.get_logger(__name__)


class CreditsUnavailable(Unavailable):
    """The credits server does not answer, or its memory is being rebuilt: repeat the request, under the same Idempotency-Key."""

    code = "credits_unavailable"


class ScriptFailed(InvariantBroken):
    """A script of ours has a fault; it may have stopped halfway."""

    code = "credit_script_failed"


class Asked(NamedTuple, Generic[Said]):
    """What each node said that could be asked, and the shards of which none could be."""

    answers: list[Said]
    away: frozenset[Shard]


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
                    self.nodes.doubt()  # whatever has moved to the node is to be looked at with the rest
                    self._open(self.nodes.holding(keys[0]))
        except redis.RedisError as error:
            self.nodes.doubt()
            raise _failure(error, script) from error
        raise CreditsUnavailable("the credits server restarts again and again")

    def ask_each(self, ask: Callable[[Node], Said]) -> Asked[Said]:
        """Return what each node says; one that does not answer is logged, and holds up no other.

        Raises CreditsUnavailable when no node answers.
        """
        answers, away = list[Said](), set(ALL_SHARDS)
        silence: Exception | None = None
        try:
            for node in self.nodes.all():
                try:
                    answers.append(ask(node))
                    away.difference_update(node.shards)
                except (redis.RedisError, CreditsUnavailable) as error:
                    log.warning("credits.node_away", error=type(error).__name__, shards=len(node.shards))
                    self.nodes.doubt()
                    silence = error
        except redis.RedisError as error:
            silence = error
        if not answers:
            raise CreditsUnavailable("the credits server does not answer") from silence
        return Asked(answers, frozenset(away))

    def answers(self) -> bool:
        """Say whether every shard's node answers."""
        try:
            return not self.ask_each(lambda node: node.client.ping()).away
        except CreditsUnavailable:
            return False

    def beside(self, shard: Shard) -> frozenset[Shard]:
        """Return the shards of the node that a shard is on, as far as that is known: they are away together."""
        try:
            return frozenset(self.nodes.holding(shard.epoch).shards)
        except redis.RedisError:
            return frozenset({shard})

    def by_node(self, items: Iterable[Item], *, shard: Callable[[Item], Shard]) -> list[list[Item]]:
        """Return the items in groups of one node each, as far as that is known: one that is away holds up only its own."""
        try:
            holder = {held: number for number, node in enumerate(self.nodes.all()) for held in node.shards}
        except redis.RedisError:
            holder = {}
        groups: dict[int | None, list[Item]] = defaultdict(list)
        for item in items:
            groups[holder.get(shard(item))].append(item)
        return list(groups.values())

    def require_open(self, shard: Shard) -> None:
        """Return when the ledger knows what the shard's node has in its memory. Raises CreditsUnavailable."""
        try:
            self._inspect(self.nodes.holding(shard.epoch))
        except redis.RedisError as error:
            raise CreditsUnavailable("the credits server does not answer; try again under the same key") from error

    def close_replicas(self) -> None:
        """Let replicas forget their scripts.

        One that was a primary before has them still. Should it take over again, it may be behind, and has to be looked at.
        """
        try:
            for replica in self.nodes.replicas():
                replica.script_flush()
        except redis.RedisError as error:
            log.warning("credits.replica_away", error=type(error).__name__)

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


def _failure(error: redis.RedisError, script: Script) -> BillingError:
    """Return what an error of the server is to those who asked."""
    if not isinstance(error, ResponseError) or isinstance(error, _ELSEWHERE):
        log.warning("credits.not_reached", error=type(error).__name__, script=str(script))
        return CreditsUnavailable("the credits server does not answer; try again under the same key")
    if not str(error).startswith(_CANNOT_NOW):
        return ScriptFailed(f"the script {script} failed: {error}")
    log.warning("credits.refused", error=str(error), script=str(script))
    return CreditsUnavailable("the credits server takes no writes now; try again under the same key")
