"""When a process of the Procfile counts as ready: it answers, or its work has been seen to pass.

Workers and beat have no port. The service records when each queue and the beat were last seen at work and shows that in
`GET /health`; a process is ready when what it serves was seen after its own start.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.clock import utc_now
from local.loopback_http import get
from local.procfile import ProcfileEntry

HEALTH_SECONDS_MAX = 3.0


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a readiness check may look at."""

    api_url: str
    flower_url: str
    entry: ProcfileEntry
    started_at: datetime


def web_is_ready(probe: Probe) -> bool:
    """The API says itself when it can serve."""
    return _is_ok(f"{probe.api_url}/health/ready")


def flower_is_ready(probe: Probe) -> bool:
    """Flower's health route needs no login."""
    return _is_ok(f"{probe.flower_url}/healthcheck")


def worker_is_ready(probe: Probe) -> bool:
    """Every queue of the worker was seen at work after the worker's start."""
    queues = _health_checks(probe).get("workers", {}).get("queues", {})
    return seen_since(started_at=probe.started_at, sightings=[queues.get(queue) for queue in probe.entry.queues])


def beat_is_ready(probe: Probe) -> bool:
    """The beat was seen after its start."""
    return seen_since(started_at=probe.started_at, sightings=[_health_checks(probe).get("beat")])


def seen_since(*, started_at: datetime, sightings: Sequence[dict[str, Any] | None]) -> bool:
    """Say whether each sighting's `last_seen` (ISO 8601) is later than the start. No sightings at all count as ready."""
    for sighting in sightings:
        last_seen = (sighting or {}).get("last_seen")
        if last_seen is None or datetime.fromisoformat(last_seen) <= started_at:
            return False
    return True


def settled_is_ready(probe: Probe) -> bool:
    """A process that we know nothing about is ready when it still runs after a second."""
    return (utc_now() - probe.started_at).total_seconds() >= 1.0


# By the kind of process, which is the first part of its name.
CHECKS: dict[str, Callable[[Probe], bool]] = {
    "web": web_is_ready,
    "worker": worker_is_ready,
    "beat": beat_is_ready,
    "flower": flower_is_ready,
}


def is_ready(probe: Probe) -> bool:
    """Run the check that belongs to the process's name."""
    return CHECKS.get(probe.entry.kind, settled_is_ready)(probe)


def _is_ok(url: str) -> bool:
    answer = get(url=url)
    return answer is not None and answer.status == 200


def _health_checks(probe: Probe) -> dict[str, Any]:
    answer = get(url=f"{probe.api_url}/health", timeout_seconds=HEALTH_SECONDS_MAX)
    checks = answer.body.get("checks") if answer is not None and isinstance(answer.body, dict) else None
    return checks if isinstance(checks, dict) else {}
