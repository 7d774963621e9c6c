"""Ending what a killed supervisor left running. Used by its guard and by the next `billing up`."""

import os
import signal
import time
from pathlib import Path

from local.process import POLL_SECONDS
from local.process_table import group_lives, started_ticks
from local.state import ProcessState, read_state

KILL_SECONDS_MAX = 5.0


def end_leftovers(*, state_path: Path) -> list[str]:
    """End every process of the recorded state with its group, and return the names of those that were still there.

    Each was sent its own stop signal by the kernel when the supervisor died. Servers get their grace to write their files;
    processes of the Procfile are killed, their work being in Postgres.
    """
    state = read_state(path=state_path)
    if state is None:
        return []
    found = [process for process in state.processes if _group_is_theirs(process)]
    deadline = time.monotonic() + max((_grace_seconds(process) for process in found), default=0.0)
    for process in found:
        if _grace_seconds(process) == 0.0:
            _kill_group(process)
    while time.monotonic() < deadline and any(_group_is_theirs(process) for process in found):
        time.sleep(POLL_SECONDS)
    for process in found:
        _kill_group(process)
    return [process.name for process in found]


def _grace_seconds(process: ProcessState) -> float:
    return process.stop_grace_seconds if process.is_server else 0.0


def _group_is_theirs(process: ProcessState) -> bool:
    """Say whether the process's group lives: its leader, or children that the leader left behind.

    A group id stays reserved while the group has members, so that a group without its leader is still the recorded one,
    unless the leader's pid was given to a process that started later.
    """
    if process.pid is None or not group_lives(group_id=process.pid):
        return False
    now_started = started_ticks(pid=process.pid)
    return now_started is None or now_started == process.started_ticks


def _kill_group(process: ProcessState) -> None:
    deadline = time.monotonic() + KILL_SECONDS_MAX
    while process.pid is not None and _group_is_theirs(process) and time.monotonic() < deadline:
        os.killpg(process.pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)
