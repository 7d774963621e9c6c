"""The audit log's hash chain: sealing entries after their commit, and verifying the whole.

hash(n) = SHA-256(hash(n - 1) ‖ n ‖ canonical JSON of the entry), hash(0) = 32 zero bytes. The newest hash is kept signed in
one row, and written to the log: a copy outside the database is the only thing that shows a tail cut by somebody who can also
replace the signed head by an older one.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import NamedTuple

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from billing.advisory_locks import AdvisoryLock
from billing.audit import entry_content
from models.audit import AuditEntry, AuditHead, AuditPending, AuditSeal

SEAL_BATCH = 500
_VERIFY_BATCH = 1_000
_GENESIS = bytes(32)
log = structlog.get_logger(__name__)


class Anchor(NamedTuple):
    """A head of the chain that was written down outside the database."""

    seq: int
    hash: bytes


class Sealed(NamedTuple):
    """What one transaction sealed: how many entries, and the head that the chain has once it is committed."""

    entries: int
    head: Anchor | None


class Finding(NamedTuple):
    """One thing wrong with the log: at which place of the chain, and what."""

    seq: int | None
    problem: str


def seal_pending(session: Session, *, key: bytes) -> Sealed:
    """Seal up to SEAL_BATCH entries that have committed, oldest first; `write_down` the head after the commit.

    Only one sealer works at a time; another seals none, at once.
    """
    if not session.scalar(select(func.pg_try_advisory_xact_lock(AdvisoryLock.AUDIT_SEAL))):
        return Sealed(0, None)
    entries = session.scalars(
        select(AuditEntry)
        .join(AuditPending, AuditPending.entry_id == AuditEntry.id)
        .order_by(AuditEntry.id)
        .limit(SEAL_BATCH)
    ).all()
    if not entries:
        return Sealed(0, None)
    head = session.get(AuditHead, 1)
    if head is None:
        head = AuditHead(id=1, seq=0, hash=_GENESIS, signature=b"")
        session.add(head)
    for entry in entries:
        head.seq += 1
        head.hash = _hash(head.hash, head.seq, entry)
        session.add(AuditSeal(seq=head.seq, entry_id=entry.id, hash=head.hash))
    head.signature = _sign(key, head.seq, head.hash)
    session.execute(delete(AuditPending).where(AuditPending.entry_id.in_([entry.id for entry in entries])))
    return Sealed(len(entries), Anchor(head.seq, head.hash))


def write_down(sealed: Sealed) -> None:
    """Write the new head to the log. Only after the commit: a head that was never committed would accuse a whole chain."""
    if sealed.head is not None:
        log.info("audit.sealed", seq=sealed.head.seq, head=sealed.head.hash.hex(), entries=sealed.entries)


def verify_chain(session: Session, *, keys: Iterable[bytes], anchors: Iterable[Anchor] = ()) -> Iterator[Finding]:
    """Yield what is wrong: an edited, inserted, removed or moved entry, a gap, a wrong head, a cut tail.

    Reads in batches; `anchors` are heads that were written down elsewhere.
    """
    expected_at = {anchor.seq: anchor.hash for anchor in anchors}
    previous, last = _GENESIS, 0
    for seal, entry in _sealed(session):
        if seal.seq != last + 1:
            yield Finding(seal.seq, f"places {last + 1} to {seal.seq - 1} of the chain are missing")
        if _hash(previous, seal.seq, entry) != seal.hash:
            yield Finding(seal.seq, f"entry {entry.id} or its place in the chain was changed")
        if expected_at.pop(seal.seq, seal.hash) != seal.hash:
            yield Finding(seal.seq, "the chain differs from the head that was written down for this place")
        previous, last = seal.hash, seal.seq
    for seq in sorted(expected_at):
        yield Finding(seq, f"a head was written down for place {seq}, and the chain ends at {last}: its tail was cut")
    yield from _check_head(session, keys=keys, last=last, last_hash=previous)
    yield from _unsealed(session)


def _sealed(session: Session) -> Iterator[tuple[AuditSeal, AuditEntry]]:
    last = 0
    while True:
        batch = session.execute(
            select(AuditSeal, AuditEntry)
            .join(AuditEntry, AuditEntry.id == AuditSeal.entry_id)
            .where(AuditSeal.seq > last)
            .order_by(AuditSeal.seq)
            .limit(_VERIFY_BATCH)
        ).all()
        if not batch:
            return
        yield from ((seal, entry) for seal, entry in batch)
        last = batch[-1][0].seq
        session.expunge_all()


def _check_head(session: Session, *, keys: Iterable[bytes], last: int, last_hash: bytes) -> Iterator[Finding]:
    head = session.get(AuditHead, 1)
    if head is None:
        if last:
            yield Finding(None, "the signed head is missing")
        return
    if not any(hmac.compare_digest(_sign(key, head.seq, head.hash), head.signature) for key in keys):
        yield Finding(head.seq, "the head's signature is not ours")
    if (head.seq, head.hash) != (last, last_hash):
        yield Finding(
            head.seq, f"the signed head is at place {head.seq}, and the chain ends at {last}: its tail was changed"
        )


def _unsealed(session: Session) -> Iterator[Finding]:
    stray = session.scalars(
        select(AuditEntry.id)
        .outerjoin(AuditSeal, AuditSeal.entry_id == AuditEntry.id)
        .outerjoin(AuditPending, AuditPending.entry_id == AuditEntry.id)
        .where(AuditSeal.seq.is_(None), AuditPending.entry_id.is_(None))
        .limit(_VERIFY_BATCH)
    )
    for entry_id in stray:
        yield Finding(None, f"entry {entry_id} was inserted beside the chain")


def _hash(previous: bytes, seq: int, entry: AuditEntry) -> bytes:
    # The instant to the microsecond: what is listed is rounded.
    content = {**entry_content(entry), "at": entry.at.astimezone(UTC).isoformat()}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(previous + seq.to_bytes(8, "big") + canonical.encode()).digest()


def _sign(key: bytes, seq: int, head: bytes) -> bytes:
    return hmac.new(key, b"audit-head" + seq.to_bytes(8, "big") + head, hashlib.sha256).digest()
