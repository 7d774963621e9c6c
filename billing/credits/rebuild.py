"""Process: write the server's memory anew from Postgres.

The new epoch is committed first, so that nothing opens until every shard shows it. Then the old epochs and the scripts go: no
operation runs any more, and what the journals hold can be drained to its end. Then every key goes, and all accounts and answers
come back (restore_shards.py), the epoch last. Who is cut off leaves shards without the epoch, and the next operation asks for
the rebuild again; two who work at once are told apart by their epochs.

Nodes of a cluster that have lost nothing go on: their shards are looked at once more, and get the new epoch as they are.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import redis
import structlog
from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from billing.credits.drain import drain_to_the_end
from billing.credits.expected import Expected, read_expected, read_positions
from billing.credits.inspection import why_closed
from billing.credits.journal import Position
from billing.credits.nodes import Node
from billing.credits.restore_shards import RebuildUnderWay, restore_shards
from billing.credits.scripts import Script, source
from billing.credits.server import CreditsUnavailable
from billing.credits.shards import Shard
from billing.fail_points import fail_point
from billing.runtime import Runtime
from models.credits import CreditAccount, CreditEpoch

_LEASE_SECONDS = 60
_SCANNED = 1_000
log = structlog.get_logger(__name__)


class Rebuilt(NamedTuple):
    """Under which epoch the memory was rebuilt, and how many accounts it has."""

    epoch: int
    accounts: int


def rebuild_if_lost(runtime: Runtime, *, now: Callable[[], datetime]) -> Rebuilt | None:
    """Rebuild the nodes whose memory is not the ledger's; return None when that of all that answer is.

    Raises as `rebuild` does.
    """
    with runtime.transaction() as session:
        expected = read_expected(session)
    looked = runtime.credits.ask_each(lambda node: (node, why_closed(node, expected)))
    lost = [node for node, reason in looked.answers if reason is not None]
    return rebuild(runtime, now=now, nodes=lost) if lost else None


def rebuild(
    runtime: Runtime,
    *,
    now: Callable[[], datetime],
    nodes: Sequence[Node] | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Rebuilt:
    """Rebuild the memory of `nodes` (None: of all that answer); `progress` is told how many accounts are done.

    Raises RebuildUnderWay, CreditsUnavailable, DatabaseUnavailable.
    """
    if nodes is None:
        nodes = runtime.credits.ask_each(_answering).answers
    with runtime.transaction() as session:
        epoch = _begin(session)
    log.warning("credits.rebuild_begun", epoch=epoch, shards=sum(len(node.shards) for node in nodes))
    try:
        accounts = _write_anew(runtime, nodes, epoch=epoch, now=now, progress=progress)
    except redis.RedisError as error:
        _end(runtime, epoch=epoch, rebuilt_at=None)
        raise CreditsUnavailable("the credits server does not answer; the rebuild begins anew") from error
    except CreditsUnavailable:
        _end(runtime, epoch=epoch, rebuilt_at=None)
        raise
    _end(runtime, epoch=epoch, rebuilt_at=now())
    log.warning("credits.rebuilt", epoch=epoch, accounts=accounts)
    return Rebuilt(epoch, accounts)


def _answering(node: Node) -> Node:
    node.client.ping()
    return node


def _write_anew(
    runtime: Runtime,
    nodes: Sequence[Node],
    *,
    epoch: int,
    now: Callable[[], datetime],
    progress: Callable[[int], None],
) -> int:
    """Return how many accounts were written."""
    shards = [shard for node in nodes for shard in node.shards]

    def renew() -> None:
        with runtime.transaction() as session:
            _renew(session, epoch=epoch)

    for node in nodes:
        _close(node)
    _spare(runtime, closed=frozenset(shards), epoch=epoch)
    fail_point("credits.rebuild_closed")
    drain_to_the_end(runtime, now=now, shards=shards)
    renew()  # to drain may have taken long, and nobody else's memory is to be wiped
    for node in nodes:
        _wipe(node.client)
    fail_point("credits.rebuild_wiped")
    for node in nodes:
        for script in (Script.RESTORE, Script.RESTORE_ANSWERS):
            node.client.script_load(source(script))
    with runtime.transaction() as session:
        positions, customers = read_positions(session), _customers(session, shards)
    servers = {shard: node.client for node in nodes for shard in node.shards}
    accounts = restore_shards(
        runtime,
        servers,
        customers=customers,
        mark=f"restoring {epoch}",
        renew=renew,
        now=now,
        progress=progress,
    )
    renew()
    for shard, server in servers.items():
        _end_shard(server, shard, epoch=epoch, behind=positions[shard.number])
    return accounts


def _begin(session: Session) -> int:
    until = func.now() + timedelta(seconds=_LEASE_SECONDS)
    claim = (
        insert(CreditEpoch)
        .values(id=1, epoch=1, leased_until=until)
        .on_conflict_do_update(
            index_elements=[CreditEpoch.id],
            set_={"epoch": CreditEpoch.epoch + 1, "leased_until": until},
            where=or_(CreditEpoch.leased_until.is_(None), CreditEpoch.leased_until < func.now()),
        )
        .returning(CreditEpoch.epoch)
    )
    epoch = session.scalar(claim)
    if epoch is None:
        raise RebuildUnderWay("credit balances are being rebuilt at this moment")
    return epoch


def _renew(session: Session, *, epoch: int) -> None:
    mine = update(CreditEpoch).where(CreditEpoch.epoch == epoch)
    renewed = session.scalar(
        mine.values(leased_until=func.now() + timedelta(seconds=_LEASE_SECONDS)).returning(CreditEpoch.epoch)
    )
    if renewed is None:
        raise RebuildUnderWay("another rebuild has begun meanwhile")


def _end(runtime: Runtime, *, epoch: int, rebuilt_at: datetime | None) -> None:
    """Let another begin; `rebuilt_at` None: this one did not come to its end."""
    mine = update(CreditEpoch).where(CreditEpoch.epoch == epoch).values(leased_until=None)
    with runtime.transaction() as session:
        session.execute(mine if rebuilt_at is None else mine.values(rebuilt_at=rebuilt_at))


def _spare(runtime: Runtime, *, closed: frozenset[Shard], epoch: int) -> None:
    """Give the new epoch to all other shards, unless their memory is lost, too; that is found out by the next who looks."""

    def spare(node: Node) -> None:
        for shard in node.shards:
            if shard not in closed:
                _mark_as_it_is(runtime, node.client, shard, epoch=epoch)

    runtime.credits.ask_each(spare)


def _mark_as_it_is(runtime: Runtime, server: redis.Redis, shard: Shard, *, epoch: int) -> None:
    """Let a shard of the epoch before go on under the new one. The watch breaks where its memory is lost meanwhile."""
    with server.pipeline() as connection:
        connection.watch(shard.epoch)  # type: ignore[no-untyped-call]  # the library leaves it
        with runtime.transaction() as session:
            before = Expected(epoch - 1, read_positions(session))
        if why_closed(Node(connection, (shard,)), before) is None:
            connection.multi()
            connection.set(shard.epoch, epoch)
            connection.execute()


def _close(node: Node) -> None:
    """Take the marks and the scripts away: nothing runs any more."""
    with node.client.pipeline(transaction=False) as pipeline:
        for shard in node.shards:
            pipeline.delete(shard.epoch)
        pipeline.execute()
    node.client.script_flush()


def _wipe(server: redis.Redis) -> None:
    """Remove all keys of credits; one by one, because in a cluster they are in different slots."""
    cursor = 0
    while True:
        cursor, keys = server.scan(cursor, match="credits:{s*", count=_SCANNED)
        with server.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.unlink(key)
            pipeline.execute()
        if cursor == 0:
            return


def _customers(session: Session, shards: Sequence[Shard]) -> dict[int, list[UUID]]:
    """Return who has an account in one of the shards, by its number."""
    found: dict[int, list[UUID]] = defaultdict(list)
    query = select(CreditAccount.customer_id, CreditAccount.shard)
    numbers = [shard.number for shard in shards]
    for customer_id, shard in session.execute(query.where(CreditAccount.shard.in_(numbers))):
        found[shard].append(customer_id)
    return found


def _end_shard(server: redis.Redis, shard: Shard, *, epoch: int, behind: Position) -> None:
    """Open a shard, whose next journal entry comes after what is drained, also where the server's clock is behind."""
    marker = str(behind.next())
    with server.pipeline() as pipeline:
        pipeline.xadd(shard.journal, {"e": ""}, id=marker)
        pipeline.xdel(shard.journal, marker)
        pipeline.set(shard.epoch, epoch)
        pipeline.execute()
