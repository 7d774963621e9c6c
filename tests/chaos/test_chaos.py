"""The short form of `make chaos`: short schedules, every seed that ever failed, and two mutants."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.client import Wish
from tests.chaos.mutants import MUTANTS, catch
from tests.chaos.run import run_schedule
from tests.chaos.schedule import Schedule, draw
from tests.chaos.stack import ChaosStack
from tests.chaos.stories import STORIES
from tests.chaos.tree import ROOT

KEPT_SEEDS = [
    int(line.split("#")[0])
    for line in Path(__file__).with_name("kept_seeds.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
SHORT_SEEDS = (3, 11)
SHORT_SECONDS = (6.0, 8.0)
# Those whose stories need no lease to run out.
QUICK_MUTANTS = ("charge under a key of the moment", "answer kept after the commit")


class Running:
    """A stack that takes one schedule after the other, and what its clients asked so far."""

    def __init__(self) -> None:
        self.stack = ChaosStack()
        self.earlier: list[Wish] = []


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    held = Running()
    try:
        held.stack.start()
        yield held
    finally:
        held.stack.close()


@pytest.mark.parametrize(
    "schedule",
    [*(draw(seed, seconds=SHORT_SECONDS) for seed in SHORT_SEEDS), *(draw(seed) for seed in KEPT_SEEDS)],
    ids=lambda schedule: f"seed {schedule.seed}",
)
def test_a_schedule_leaves_nothing_violated(running: Running, schedule: Schedule) -> None:
    result = run_schedule(running.stack, schedule, earlier=running.earlier)

    assert result.violations == [], str(schedule)
    assert result.payments > 0


@pytest.mark.parametrize("name", QUICK_MUTANTS)
def test_a_mutant_is_caught(name: str) -> None:
    (mutant,) = (mutant for mutant in MUTANTS if mutant.name == name)

    assert catch(mutant)


def test_every_mutant_fits_the_sources_and_has_a_story() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 12
    assert {mutant.story for mutant in MUTANTS} <= set(STORIES)
    for mutant in MUTANTS:
        for edit in mutant.edits:
            text = (ROOT / edit.file).read_text(encoding="utf-8")
            assert text.count(edit.old) == 1, f"{mutant.name}: {edit.file}"
