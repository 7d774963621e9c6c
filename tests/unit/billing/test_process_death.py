"""A child ends with its parent, whether the parent is killed before or after the child has asked for that."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from billing.process_death import die_with_parent

_POLL_SECONDS = 0.01
_SECONDS_MAX = 20.0


def child(asks_late: bool, told: str) -> None:
    """What the child of `parent` does: say who it is, ask to die, and live on."""
    parent_pid = os.getppid()
    if not asks_late:
        die_with_parent()
    beside = Path(f"{told}.new")
    beside.write_text(str(os.getpid()))
    beside.rename(told)  # in one step: the parent dies as soon as the file is there, and the child with it
    while asks_late and os.getppid() == parent_pid:
        time.sleep(_POLL_SECONDS)
    die_with_parent()
    time.sleep(_SECONDS_MAX)


def parent(asks_late: bool, told: str) -> None:
    """Start the child as the API's server starts its workers, and be killed."""
    multiprocessing.get_context("spawn").Process(target=child, args=(asks_late, told)).start()
    while not Path(told).exists():
        time.sleep(_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def lives(pid: int) -> bool:
    """Say whether a process runs; one that nobody has collected does not."""
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("asks_late", [False, True])
def test_a_child_ends_with_its_parent(tmp_path: Path, asks_late: bool) -> None:
    told = tmp_path / "pid"
    program = f"from tests.unit.billing.test_process_death import parent\nparent({asks_late}, {str(told)!r})"
    root = Path(__file__).resolve().parents[3]

    # No pipe: the child would hold it, and nobody would wait for the child to end.
    ended = subprocess.run([sys.executable, "-c", program], cwd=root, timeout=60, check=False)

    assert ended.returncode == -signal.SIGKILL
    pid = int(told.read_text())
    deadline = time.monotonic() + _SECONDS_MAX / 2
    while lives(pid):
        assert time.monotonic() < deadline, "the child outlives its parent"
        time.sleep(_POLL_SECONDS)
