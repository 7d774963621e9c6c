"""Webhook intake over HTTP: verified, stored once, answered; beside a bare view that only inserts."""

from collections.abc import Iterator

from bench.events import signed_requests
from bench.figures import Figure, Spread, compared, in_turns, measured, percentile
from bench.http_load import run_load
from bench.rig import Rig

NAME = "webhook_intake"
_CONNECTIONS = 16
_TURNS = 7
_TURN_SECONDS = 2.0
# More than any machine answers in one turn.
_PREPARED = 10_000
_STEADY_SECONDS = 6.0
_FLOOR_TABLE = "CREATE TABLE IF NOT EXISTS bench_floor (id uuid PRIMARY KEY, payload jsonb)"


def measure(rig: Rig) -> Iterator[Figure]:
    """Yield answered deliveries a second, and how long one takes under half that load."""
    rig.sql(_FLOOR_TABLE)
    with rig.web("floor", "-m", "bench.floor_app") as floor_port, rig.api() as port:
        turn(port)
        turn(floor_port)
        ours, floor = in_turns(_TURNS, lambda: turn(port), lambda: turn(floor_port))
        yield compared(NAME, unit="events/s", ours=ours, floor=floor, goal=0.7, note="floor: bare view, one insert")
        rate = Spread.of(ours).median / 2
        load = run_load(
            port=port,
            requests=signed_requests(_PREPARED * 3),
            connections=_CONNECTIONS,
            seconds=_STEADY_SECONDS,
            rate=rate,
        )
        for share in (0.50, 0.95, 0.99):
            yield measured(
                f"{NAME}_p{share * 100:.0f}",
                unit="ms",
                ours=[percentile(load.latencies, share) * 1000],
                note=f"steady {rate:.0f} events/s, half the maximum",
            )


def turn(port: int) -> float:
    """Return how many signed deliveries a second are answered."""
    requests = signed_requests(_PREPARED)
    return run_load(port=port, requests=requests, connections=_CONNECTIONS, seconds=_TURN_SECONDS).per_second
