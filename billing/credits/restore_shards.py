"""Process: write all accounts of some shards into an emptied memory, and the answers that are still to be given again.

The accounts come shard by shard, then the answers of all shards in the order in which the table has them. While one batch is
read from Postgres, the one before is written to the server. A shard's mark says that it is being restored until the caller opens
it; who finds another mark has been overtaken by another rebuild, and writes nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

import redis

from billing.credits.kept_answers import KeptAnswer, read_answers
from billing.credits.restore import Account, read_accounts, restoring
from billing.credits.scripts import Script, sha
from billing.credits.server import CreditsUnavailable
from billing.credits.shards import Shard
from billing.fail_points import fail_point
from billing.runtime import Runtime

# Accounts that are read and written together.
_TOGETHER = 1_000
_CLOSED = "closed"
# After how many keys the server is waited for: a pipeline has to end well within the time that an answer is waited for.
_KEYS_SENT = 2_000
Call = tuple[Script, list[str], list[str | int]]
# What writes one batch to the servers.
_Batch = Callable[[], None]


class RebuildUnderWay(CreditsUnavailable):
    """Somebody else rebuilds the memory at this moment."""

    code = "credits_rebuild_under_way"


def restore_shards(
    runtime: Runtime,
    servers: Mapping[Shard, redis.Redis],
    *,
    customers: Mapping[int, Sequence[UUID]],
    mark: str,
    renew: Callable[[], None],
    now: Callable[[], datetime],
    progress: Callable[[int], None],
) -> int:
    """Write the shards' accounts and answers, and return how many accounts there were.

    `servers` says which one holds a shard, `customers` who has an account in it, by its number; `mark` is what the shards carry
    meanwhile. `renew` is called before each batch, and raises when the work is no longer ours; `progress` hears of accounts.
    Raises RebuildUnderWay, redis.RedisError, DatabaseUnavailable.
    """
    for shard, server in servers.items():
        server.set(shard.epoch, mark)
    accounts = 0
    for shard, server in servers.items():
        held = customers.get(shard.number, ())
        _write_behind(_account_batches(runtime, server, held, mark=mark, renew=renew, now=now))
        accounts += len(held)
        progress(accounts)
        fail_point("credits.rebuild_shard_restored")
    _write_behind(_answer_batches(runtime, servers, mark=mark, renew=renew, now=now))
    fail_point("credits.rebuild_answers_restored")
    return accounts


def _account_batches(
    runtime: Runtime,
    server: redis.Redis,
    customers: Sequence[UUID],
    *,
    mark: str,
    renew: Callable[[], None],
    now: Callable[[], datetime],
) -> Iterator[_Batch]:
    for start in range(0, len(customers), _TOGETHER):
        renew()
        with runtime.transaction() as session:
            accounts = list(read_accounts(session, customers=customers[start : start + _TOGETHER]))
        yield _accounts_for(server, accounts, mark=mark, now=now())


def _answer_batches(
    runtime: Runtime,
    servers: Mapping[Shard, redis.Redis],
    *,
    mark: str,
    renew: Callable[[], None],
    now: Callable[[], datetime],
) -> Iterator[_Batch]:
    """The one transaction that stays open while the server is spoken to: it only reads, and a day's answers fit in no memory."""
    keep = timedelta(hours=runtime.settings.CREDIT_ANSWERS_KEPT_HOURS)
    with runtime.transaction() as session:
        for answers in read_answers(session, now=now(), keep=keep):
            renew()
            yield _answers_for(servers, answers, mark=mark, now=now())


def _accounts_for(server: redis.Redis, accounts: Sequence[Account], *, mark: str, now: datetime) -> _Batch:
    calls = [restoring(account, (), epoch=mark, now=now) for account in accounts]
    return lambda: send_scripts(server, [(Script.RESTORE, *call) for call in calls])


def _answers_for(
    servers: Mapping[Shard, redis.Redis], answers: Sequence[KeptAnswer], *, mark: str, now: datetime
) -> _Batch:
    """Return the batch that writes answers, with one script for each shard; those of other shards are left out."""
    by_shard: dict[Shard, list[KeptAnswer]] = defaultdict(list)
    for kept in answers:
        by_shard[Shard.of(kept.customer_id)].append(kept)
    calls: dict[redis.Redis, list[Call]] = defaultdict(list)
    for shard in by_shard.keys() & servers.keys():
        calls[servers[shard]].append((Script.RESTORE_ANSWERS, *_restoring_answers(shard, by_shard[shard], mark, now)))

    def send() -> None:
        for server, scripts in calls.items():
            send_scripts(server, scripts)

    return send


def _restoring_answers(
    shard: Shard, answers: Sequence[KeptAnswer], mark: str, now: datetime
) -> tuple[list[str], list[str | int]]:
    keys, arguments = [shard.epoch], list[str | int]([mark])
    for kept in answers:
        keys.append(shard.answer(kept.customer_id, kept.key))
        arguments += (kept.request, kept.answer, kept.milliseconds_left(now))
    return keys, arguments


def send_scripts(server: redis.Redis, calls: Sequence[Call]) -> None:
    """Run scripts one after the other, a few thousand keys at a time: the server answers nobody meanwhile, nor us.

    Raises RebuildUnderWay, redis.RedisError.
    """
    with server.pipeline(transaction=False) as pipeline:
        keys_sent = 0
        for place, (script, keys, arguments) in enumerate(calls, start=1):
            pipeline.evalsha(sha(script), len(keys), *keys, *arguments)
            keys_sent += len(keys)
            if keys_sent < _KEYS_SENT and place < len(calls):
                continue
            if _CLOSED in pipeline.execute():
                raise RebuildUnderWay("another rebuild has begun meanwhile")
            keys_sent = 0


def _write_behind(batches: Iterator[_Batch]) -> None:
    """Run each batch in a thread of its own while the next one is prepared; the first that fails ends it."""
    with ThreadPoolExecutor(max_workers=1) as writer:
        under_way: Future[None] | None = None
        for batch in batches:
            if under_way is not None:
                under_way.result()
            under_way = writer.submit(batch)
        if under_way is not None:
            under_way.result()
