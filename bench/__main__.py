"""`python -m bench [NAME …]`: measure, print a table, and write the results as JSON.

Without names everything is measured, which takes about a quarter of an hour; a machine that does nothing else gives the
steadiest figures, but ours and the floor are measured in turns, so that the ratio holds on a busy one, too.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import (
    billing_run,
    credit_growth,
    credit_operations,
    credit_rebuild,
    growth,
    local_stack,
    payments,
    preview,
    webhook_drain,
    webhook_intake,
)
from bench.figures import Figure, Spread
from bench.rig import ROOT, Rig

RESULTS = ROOT / "bench" / "results" / "latest.json"
BENCHMARKS: dict[str, Callable[[Rig], Iterator[Figure]]] = {
    each.NAME: each.measure
    for each in (
        webhook_intake,
        webhook_drain,
        payments,
        billing_run,
        preview,
        credit_operations,
        growth,
        credit_growth,
        credit_rebuild,
        local_stack,
    )
}
_WIDTH = 160
_LIBRARIES = ("celery", "flask", "granian", "psycopg", "sqlalchemy", "stripe")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; all without")
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := sorted(set(names) - set(BENCHMARKS)):
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    notes = Console(stderr=True)
    figures: list[Figure] = []
    for name in names:
        notes.print(f"{name} …")
        with Rig.open() as rig:
            figures += BENCHMARKS[name](rig)
        _write(figures)  # a run that is broken off keeps what it has
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(_table(figures))
    notes.print(f"written to {RESULTS.relative_to(ROOT)}")


def _table(figures: list[Figure]) -> Table:
    table = Table("figure", "unit", "ours", "floor", "ratio", "goal", "note", title="median (least to greatest)")
    for figure in figures:
        goal = "" if figure.goal is None else f"{'≤' if figure.at_most else '≥'} {figure.goal:g}"
        verdict = {True: " reached", False: " NOT reached", None: ""}[figure.reached]
        spreads = (_shown(each) for each in (figure.ours, figure.floor, figure.ratio))
        table.add_row(figure.name, figure.unit, *spreads, goal + verdict, figure.note)
    return table


def _shown(spread: Spread | None) -> str:
    return "" if spread is None else f"{spread.median:.4g} ({spread.min:.4g} to {spread.max:.4g})"


def _write(figures: list[Figure]) -> None:
    """Put the figures into the results file; those that were not measured this time stay, with the commit of their run."""
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))["figures"] if RESULTS.exists() else []
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    fresh = [{**figure.as_json(), "commit": commit} for figure in figures]
    names = {figure.name for figure in figures}
    merged = [figure for figure in kept if figure["name"] not in names] + fresh
    RESULTS.parent.mkdir(exist_ok=True)
    written = {"machine": _machine(), "commit": commit, "figures": merged}
    RESULTS.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _machine() -> dict[str, object]:
    memory = next(line for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines())
    cpus = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in cpus if line.startswith("model name")), "unknown")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory.split()[1]) / 1024**2),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "load_average_at_end": round(os.getloadavg()[1], 1),
    }


if __name__ == "__main__":
    main()
