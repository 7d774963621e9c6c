"""A schedule: which faults a seed brings, and when."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.fault import Fault, Shot
from tests.chaos.link_faults import LINK_FAULTS
from tests.chaos.outside_faults import OUTSIDE_FAULTS
from tests.chaos.process_faults import KILLS_AT_POINTS, PROCESS_FAULTS
from tests.chaos.product_faults import PRODUCT_FAULTS
from tests.chaos.server_faults import SERVER_FAULTS

ALL_FAULTS = (*KILLS_AT_POINTS, *PROCESS_FAULTS, *SERVER_FAULTS, *LINK_FAULTS, *OUTSIDE_FAULTS, *PRODUCT_FAULTS)
FAULTS = {fault.name: fault for fault in ALL_FAULTS}
# A row has three lives. So that what is given up is a violation and not bad luck, a schedule takes no more than two.
WEAR_MAX = 2
# Deaths that cost no row a life: of the API, the sweeper and the sealer.
CHEAP_KILLS = 5
_QUIET_START_SECONDS = 1.5
# Outages of whole servers, each on its own: what is measured is how long the backlog takes.
DRILLS = (
    "killed.postgres",
    "killed.broker",
    "killed.sandbox",
    "frozen.postgres",
    "black_hole.gateway",
    "reset.webhooks",
)
DRILL_SECONDS = 20.0
_TRIES = 200


@dataclass(frozen=True)
class Schedule:
    """What a seed stands for."""

    seed: int
    seconds: float
    shots: tuple[Shot, ...]

    def __str__(self) -> str:
        return "\n".join([f"seed {self.seed}: {self.seconds:.0f} s", *(f"  {shot}" for shot in self.shots)])


def draw(seed: int, *, seconds: tuple[float, float] = (20.0, 30.0)) -> Schedule:
    """Return the schedule of a seed: kills at named points of workers and of others, and faults of every family."""
    rng = random.Random(seed)
    length = rng.uniform(*seconds)
    costly = [fault for fault in KILLS_AT_POINTS if fault.wear]
    cheap = [fault for fault in KILLS_AT_POINTS if not fault.wear]
    families: list[Sequence[Fault]] = [
        costly,
        rng.choice([costly, PROCESS_FAULTS, SERVER_FAULTS, LINK_FAULTS]),
        *[cheap] * CHEAP_KILLS,
        PRODUCT_FAULTS,
        *rng.choices([PROCESS_FAULTS, SERVER_FAULTS, LINK_FAULTS, OUTSIDE_FAULTS], [2, 2, 2, 3], k=rng.randint(4, 7)),
    ]
    shots: list[Shot] = []
    for family in families:
        shot = _fitting(rng, family, shots, length=length)
        if shot is not None:
            shots.append(shot)
    return Schedule(seed, length, tuple(sorted(shots, key=lambda shot: shot.at)))


def drill(fault: str) -> Schedule:
    """Return the schedule of one long outage under load, healed at its very end: how long is the backlog with us?"""
    return Schedule(0, _QUIET_START_SECONDS + DRILL_SECONDS, (Shot(_QUIET_START_SECONDS, fault, DRILL_SECONDS, 0),))


def _fitting(rng: random.Random, family: Sequence[Fault], shots: Sequence[Shot], *, length: float) -> Shot | None:
    """Return a shot of the family that the others leave room for."""
    for _ in range(_TRIES):
        fault = rng.choice(family)
        at = rng.uniform(_QUIET_START_SECONDS, length - 3.0)
        seconds = min(rng.uniform(*fault.seconds), length - at)
        shot = Shot(at, fault.name, seconds, rng.getrandbits(16))
        worn = sum(FAULTS[other.fault].wear for other in shots) + fault.wear
        if worn <= WEAR_MAX and not any(_collide(shot, other) for other in shots):
            return shot
    return None


def _collide(one: Shot, other: Shot) -> bool:
    same = FAULTS[one.fault].resource == FAULTS[other.fault].resource
    return same and one.at < other.at + other.seconds + 1.0 and other.at < one.at + one.seconds + 1.0
