"""Use cases that make a second beat, or one that was away, harmless; and heartbeats, by which anyone sees who lives."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.beat_slot import BeatSlot, Heartbeat

SLOTS_KEPT_FOR = timedelta(days=2)
BEAT = "beat"
GATEWAY = "gateway"


def claim_slot(session: Session, *, job: str, every: timedelta, now: datetime) -> bool:
    """Return True for the first that asks for `job` in the slot of length `every` that holds `now`, False for any other."""
    claimed = session.execute(
        insert(BeatSlot).values(job=job, slot=_slot(every, now)).on_conflict_do_nothing().returning(BeatSlot.job)
    ).first()
    return claimed is not None


def return_slot(session: Session, *, job: str, every: timedelta, now: datetime) -> None:
    """Give a claimed slot back, because the job could not be done: whoever asks next may try."""
    session.execute(
        delete(BeatSlot).where(BeatSlot.job == job, BeatSlot.slot == _slot(every, now)),
        execution_options={"synchronize_session": False},
    )


def purge_slots(session: Session, *, now: datetime) -> int:
    """Delete slots of past days and return how many."""
    old = session.execute(
        delete(BeatSlot).where(BeatSlot.slot < now - SLOTS_KEPT_FOR).returning(BeatSlot.job),
        execution_options={"synchronize_session": False},
    )
    return len(old.all())


def note_heartbeat(session: Session, *, name: str, now: datetime) -> None:
    """Write down that `name` proved at `now` that it works."""
    statement = insert(Heartbeat).values(name=name, last_seen_at=now)
    session.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"last_seen_at": statement.excluded.last_seen_at})
    )


def queue_heartbeat(queue: str) -> str:
    """Return the name under which a queue's consumers note that they work."""
    return f"queue:{queue}"


def _slot(every: timedelta, now: datetime) -> datetime:
    seconds = int(every.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, tz=UTC)
