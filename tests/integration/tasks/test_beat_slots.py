"""Two beats, or one that was away, do no harm: a slot belongs to whoever inserts its row."""

from datetime import UTC, datetime, timedelta

from billing.beat_slots import claim_slot, note_heartbeat, purge_slots, return_slot
from tests.concurrency.crowd import at_once
from tests.service.world import World

NOON = datetime(2026, 11, 22, 12, 0, 3, tzinfo=UTC)
EVERY = timedelta(seconds=15)


def claim(world: World, now: datetime) -> bool:
    with world.session() as session:
        return claim_slot(session, job="maintenance.sweep", every=EVERY, now=now)


def test_one_of_many_beats_gets_a_slot(world: World) -> None:
    assert sorted(at_once(5, lambda _: claim(world, NOON))) == [False] * 4 + [True]
    assert claim(world, NOON + timedelta(seconds=11)) is False
    assert claim(world, NOON + timedelta(seconds=12)) is True


def test_a_beat_that_was_away_two_hours_runs_the_job_once(world: World) -> None:
    assert claim(world, NOON)
    late = NOON + timedelta(hours=2)
    assert [claim(world, late) for _ in range(10)].count(True) == 1


def test_past_slots_are_deleted_and_heartbeats_are_one_row(world: World) -> None:
    claim(world, NOON)
    with world.session() as session:
        for minute in range(3):
            note_heartbeat(session, name="beat", now=NOON + timedelta(minutes=minute))
        assert purge_slots(session, now=NOON + timedelta(days=3)) == 1
    assert world.rows("SELECT last_seen_at FROM heartbeats") == [{"last_seen_at": NOON + timedelta(minutes=2)}]


def test_a_job_that_could_not_be_done_gives_its_slot_back(world: World) -> None:
    assert claim(world, NOON)
    with world.session() as session:
        return_slot(session, job="maintenance.sweep", every=EVERY, now=NOON)
    assert claim(world, NOON) is True
