"""Reading the kernel's process table (/proc): who is in a group, and since when a process lives."""

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
ZOMBIE_STATES = frozenset({"Z", "X"})
# Positions after the command's closing bracket in /proc/PID/stat; proc(5) counts them as fields 3, 5 and 22.
STATE, GROUP, START_TIME = 0, 2, 19


@dataclass(frozen=True, kw_only=True)
class ProcessFacts:
    """State letter, process group, and start in clock ticks since boot."""

    state: str
    group_id: int
    started_ticks: int


def facts_of(*, pid: int) -> ProcessFacts | None:
    """Return what the kernel knows about the process, or None when there is none."""
    try:
        content = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = content.rpartition(")")[2].split()
    return ProcessFacts(state=fields[STATE], group_id=int(fields[GROUP]), started_ticks=int(fields[START_TIME]))


def started_ticks(*, pid: int) -> int | None:
    """Return when the process started. With the pid it names a process for ever: a pid is given again, the pair is not."""
    facts = facts_of(pid=pid)
    return None if facts is None else facts.started_ticks


def group_lives(*, group_id: int) -> bool:
    """Say whether a process of the group still runs.

    Zombies do not count: in a container nobody may ever collect those that were orphaned.
    """
    try:
        os.killpg(group_id, 0)
    except ProcessLookupError:
        return False
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    members = (
        facts for facts in (facts_of(pid=pid) for pid in pids) if facts is not None and facts.group_id == group_id
    )
    return any(member.state not in ZOMBIE_STATES for member in members)
