"""What the local stack takes: seconds from the command to ready, and memory while nothing happens."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, measured
from bench.rig import ROOT, Rig
from local.ports import free_port
from tests.integration.stack.conftest import environment

NAME = "local_stack"
_TURNS = 3
_IDLE_SECONDS = 10.0
_SECONDS_MAX = 120.0


def measure(_rig: Rig) -> Iterator[Figure]:
    """Yield how long the start takes, on new data and again, and what all processes hold at rest."""
    first, again, memory = [], [], []
    for _ in range(_TURNS):
        directory = Path(tempfile.mkdtemp(prefix="billing-bench-stack-"))
        directory.chmod(0o711)
        try:
            first.append(_up(directory))
            _billing(directory, "down")
            again.append(_up(directory))
            time.sleep(_IDLE_SECONDS)
            memory.append(_megabytes(directory))
        finally:
            _billing(directory, "down")
            shutil.rmtree(directory, ignore_errors=True)
    yield measured("start_to_ready", unit="s", ours=again, note="billing up on data that is there")
    yield measured("start_to_ready_first", unit="s", ours=first, note="billing up on new data")
    yield measured("idle_memory", unit="MB", ours=memory, note="proportional set size of all processes")


def _up(directory: Path) -> float:
    started = time.monotonic()
    _billing(directory, "up", "--port", str(free_port()), "--detach", "--no-demo")
    return time.monotonic() - started


def _billing(directory: Path, command: str, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "cli.main", command, *arguments, "--data-dir", str(directory)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        timeout=_SECONDS_MAX,
        check=command == "up",
    )


def _megabytes(directory: Path) -> float:
    """Return what the supervisor and everything that it started hold; shared pages are counted once, in shares."""
    leaders = set(json.loads((directory / "stack.json").read_text(encoding="utf-8"))["processes"].values())
    kilobytes = 0
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            group = int((process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[2])
            rollup = (process / "smaps_rollup").read_text(encoding="utf-8") if group in leaders else ""
        except OSError:
            continue  # it ended meanwhile
        kilobytes += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return kilobytes / 1024
