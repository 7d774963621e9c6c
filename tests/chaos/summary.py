"""The summary that grows from run to run: schedules, kills by fail point, faults, recovery figures, mutants."""

import fcntl
import json
import statistics
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from billing.fail_points import FAIL_POINTS
from tests.chaos.run import Result
from tests.chaos.schedule import FAULTS
from tests.chaos.tree import ROOT

SUMMARY = Path(__file__).with_name("results") / "summary.json"
_MEASURED = ("quiet_after", "oldest_due", "answered_after_death", "answered_after_return", "load_average")


class Summary:
    """What all runs so far came to. Each call of `add…` adds to the file."""

    def __init__(self, path: Path = SUMMARY) -> None:
        self._path = path
        self._kept: dict[str, Any] = {}

    @contextmanager
    def _growing(self) -> Iterator[dict[str, Any]]:
        """Hold the file, so that two runs at once add to each other: read it, let it be changed, write it."""
        self._path.parent.mkdir(exist_ok=True)
        with self._path.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            text = file.read()
            self._kept = json.loads(text) if text else {}
            yield self._kept
            self._conclude()
            file.seek(0)
            file.truncate()
            file.write(json.dumps(self._kept, indent=1, sort_keys=True) + "\n")

    def add(self, result: Result) -> None:
        """Add what came of one schedule."""
        with self._growing() as kept:
            kept["schedules"] = kept.get("schedules", 0) + 1
            kept["schedules_with_a_violation"] = kept.get("schedules_with_a_violation", 0) + bool(result.violations)
            failed = [result.seed] if result.violations else []
            kept["seeds_with_a_violation"] = sorted({*kept.get("seeds_with_a_violation", []), *failed})
            for name, count in (
                ("payments", result.payments),
                ("refunds", result.refunds),
                ("credits", result.credits),
            ):
                kept[name] = kept.get(name, 0) + count
            self._count("kills", result.kills)
            self._count("faults", Counter(result.faults))
            self._count("answers", {str(status): count for status, count in result.statuses.items()})
            for name in _MEASURED:
                found = getattr(result, name)
                self._measure(name, found if isinstance(found, list) else [] if found is None else [found])

    def add_drill(self, fault: str, *, outage: float, result: Result) -> None:
        """Note how long after an outage the last of its backlog was gone."""
        gone = None if result.quiet_after is None else round(result.quiet_after, 1)
        with self._growing() as kept:
            kept.setdefault("drills", {})[fault] = {"outage": outage, "backlog_gone_after": gone}

    def add_mutant(self, name: str, *, caught_by: list[str]) -> None:
        """Note which rules caught a mutant; none is a guard that nothing tests."""
        with self._growing() as kept:
            kept.setdefault("mutants", {})[name] = sorted(set(caught_by))

    def table(self) -> str:
        """Return the summary for people."""
        with self._growing() as grown:
            kept = dict(grown)
        kills = kept.get("kills", {})
        lines = [
            f"schedules            {kept.get('schedules', 0)}, {kept.get('schedules_with_a_violation', 0)} with a violation",
            f"payments, refunds    {kept.get('payments', 0)}, {kept.get('refunds', 0)}",
            f"operations, credits  {kept.get('credits', 0)}",
            f"kills at fail points {sum(kills.values())} at {len(kills)} of {len(FAIL_POINTS)} points",
            f"rows of the table    {', '.join(map(str, self._rows()))}",
        ]
        for name in _MEASURED:
            figures = kept.get("figures", {}).get(name)
            if figures:
                lines.append(
                    f"{name:<22}min {figures['min']}, median {figures['median']}, max {figures['max']} ({figures['count']})"
                )
        lines += [
            f"after {drill['outage']:.0f} s of {fault}, the backlog was gone in {drill['backlog_gone_after']} s"
            for fault, drill in kept.get("drills", {}).items()
        ]
        mutants = kept.get("mutants", {})
        caught = sum(bool(rules) for rules in mutants.values())
        lines.append(f"mutants              {caught} of {len(mutants)} caught")
        return "\n".join(lines)

    def _rows(self) -> list[int]:
        injected = [FAULTS[name] for name in self._kept.get("faults", {}) if name in FAULTS]
        return sorted({row for fault in injected for row in fault.rows})

    def _count(self, name: str, more: Mapping[str, int]) -> None:
        total = Counter(self._kept.get(name, {})) + Counter(more)
        self._kept[name] = dict(sorted(total.items()))

    def _measure(self, name: str, more: list[float]) -> None:
        """Keep how often each tenth of a second was measured: from that, the figures of all runs follow."""
        seen = Counter(self._kept.setdefault("measured", {}).get(name, {})) + Counter(
            f"{seconds:.1f}" for seconds in more
        )
        self._kept["measured"][name] = dict(sorted(seen.items(), key=lambda pair: float(pair[0])))
        values = [float(seconds) for seconds, count in seen.items() for _ in range(count)]
        if values:
            figures = {
                "min": min(values),
                "median": round(statistics.median(values), 1),
                "max": max(values),
                "count": len(values),
            }
            self._kept.setdefault("figures", {})[name] = figures

    def _conclude(self) -> None:
        """Add what follows from the rest, and which commit was run."""
        self._kept["kill_points"] = len(self._kept.get("kills", {}))
        self._kept["kills_total"] = sum(self._kept.get("kills", {}).values())
        self._kept["rows_of_the_table"] = self._rows()
        told = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if told.returncode == 0:
            commits = self._kept.setdefault("commits", [])
            if told.stdout.strip() not in commits:
                commits.append(told.stdout.strip())
