"""How the hot paths grow: the same measurement on ten thousand and on a million rows in every table that grows."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import psycopg

from bench import webhook_drain, webhook_intake
from bench.figures import Figure, compared, in_turns
from bench.rig import Rig
from bench.rows import fill

NAME = "growth"
_SMALL, _LARGE = 10_000, 1_000_000
_TURNS = 5
_GOAL = 0.9


def measure(rig: Rig) -> Iterator[Figure]:
    """Yield intake and drain on a million rows as a share of what they are on ten thousand."""
    small, large = (_filled(rig, name, rows=rows) for name, rows in (("small", _SMALL), ("large", _LARGE)))
    note = f"{_LARGE:,} rows beside {_SMALL:,}"
    with ExitStack() as running:
        ports = [running.enter_context(each.api()) for each in (small, large)]
        for port in ports:
            webhook_intake.turn(port)
        few, many = in_turns(_TURNS, *(partial(webhook_intake.turn, port) for port in ports))
        yield compared("webhook_intake_growth", unit="events/s", ours=many, floor=few, goal=_GOAL, note=note)
    few, many = in_turns(_TURNS, *(partial(webhook_drain.drain, each) for each in (small, large)))
    yield compared("webhook_drain_growth", unit="events/s", ours=many, floor=few, goal=_GOAL, note=note)


def _filled(rig: Rig, name: str, *, rows: int) -> Rig:
    """Return a rig on a database of its own that holds so many rows."""
    other = rig.with_database(f"bench_{name}")
    with psycopg.connect(other.database_url, autocommit=True) as connection:
        fill(connection, rows=rows)
    return other
