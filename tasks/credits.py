"""The tasks of the credits: the journal's drain, the rebuild of a lost memory, and what falls due."""

import structlog

from billing.beat_slots import claim_slot
from billing.clock import utc_now
from billing.credits.drain import drain_journals
from billing.credits.expire import expire_due
from billing.credits.rebuild import rebuild_if_lost
from billing.credits.restore_shards import RebuildUnderWay
from billing.credits.server import CreditsUnavailable
from billing.credits.transfer import sweep_transfers
from billing.hints import Hint
from billing.runtime import Runtime
from tasks.base import billing_task
from tasks.maintenance import SCHEDULE
from tasks.runtime import hint_sender

_ROUNDS_MAX = 50
log = structlog.get_logger(__name__)


@billing_task("credits.drain")
def drain(runtime: Runtime, **_: object) -> str:
    """Bring the journal into Postgres until it is empty."""
    hint_sender().clear(Hint.CREDITS)
    drained = 0
    for _round in range(_ROUNDS_MAX):
        found = drain_journals(runtime, now=utc_now)
        drained += found
        if not found:
            return f"{drained} drained" if drained else "the journal was empty"
    hint_sender()(Hint.CREDITS)
    return f"{drained} drained, and there is more"


@billing_task("credits.rebuild")
def rebuild_memory(runtime: Runtime, **_: object) -> str:
    """Rebuild the balances when the credits server has lost them."""
    hint_sender().clear(Hint.CREDITS_REBUILD)
    try:
        rebuilt = rebuild_if_lost(runtime, now=utc_now)
    except RebuildUnderWay:
        return "another worker is at it"
    return "the memory is the ledger's" if rebuilt is None else f"{rebuilt.accounts} accounts rebuilt"


@billing_task("credits.sweep")
def sweep(runtime: Runtime, **_: object) -> str:
    """Look at the server, end what is due, finish transfers that were left, and drain what nobody was told of."""
    with runtime.transaction() as session:
        mine = claim_slot(session, job="credits.sweep", every=SCHEDULE["credits.sweep"], now=utc_now())
    if not mine:
        return "another beat ran this slot"
    runtime.credits.close_replicas()
    try:
        rebuilt = rebuild_if_lost(runtime, now=utc_now)
    except RebuildUnderWay:
        return "the memory is being rebuilt"
    except CreditsUnavailable as error:  # of one node; the others go on
        log.warning("credits.not_rebuilt", reason=error.detail)
        rebuilt = None
    if rebuilt is not None:
        return f"{rebuilt.accounts} accounts rebuilt"
    ended = expire_due(runtime, now=utc_now)
    finished = sweep_transfers(runtime, now=utc_now)
    drained = drain_journals(runtime, now=utc_now)
    return f"something ended of {ended} accounts, {finished} transfers finished, {drained} entries drained"
