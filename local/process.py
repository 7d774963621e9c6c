"""Child processes that leave nothing behind: own process group, end with their parent, bounded logs.

PR_SET_PDEATHSIG is tied to the *thread* that started the child: start processes from a thread that lives as long as they should.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from local.process_table import group_lives

CHILD_SCRIPT = Path(__file__).with_name("child.py")
LOG_BYTES_MAX = 10 * 1024 * 1024
POLL_SECONDS = 0.02
KILL_WAIT_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """How one process is started and ended.

    `death_signal` is what the kernel sends it when its parent dies; `stop_signal` is how it is asked to end, and after
    `stop_grace_seconds` its whole group is killed. `identity` is explained in `local.child`.
    """

    argv: Sequence[str]
    log_path: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    stop_grace_seconds: float = 10.0
    identity: str = "same"


@dataclass(kw_only=True)
class ChildProcess:
    """A started process and its group."""

    spec: ProcessSpec
    popen: "subprocess.Popen[bytes]" = field(repr=False)

    @classmethod
    def start(cls, *, spec: ProcessSpec) -> "ChildProcess":
        """Start the process in a session of its own, its output appended to the log. Raises OSError if it cannot."""
        spec.log_path.parent.mkdir(parents=True, exist_ok=True)
        rotate_log(path=spec.log_path)
        launcher = [sys.executable, "-I", "-S", str(CHILD_SCRIPT)]
        bond = [str(os.getpid()), str(int(spec.death_signal)), spec.identity]
        with spec.log_path.open("ab") as log:
            popen = subprocess.Popen(
                [*launcher, *bond, *spec.argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=None if spec.env is None else dict(spec.env),
                cwd=spec.cwd,
                start_new_session=True,
            )
        return cls(spec=spec, popen=popen)

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its process group."""
        return self.popen.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs, then the exit status (negative: the signal that ended it)."""
        return self.popen.poll()

    def ask_to_stop(self) -> None:
        """Send the stop signal to the process itself, so that it can end its own children in order."""
        if self.returncode is None:
            self.popen.send_signal(self.spec.stop_signal)

    def stop(self) -> None:
        """Ask, wait for the grace period, then kill whatever is left of the group."""
        self.ask_to_stop()
        try:
            self.popen.wait(timeout=self.spec.stop_grace_seconds)
        except subprocess.TimeoutExpired:
            pass  # the kill below is the answer
        finally:
            self.kill_group()

    def kill_group(self) -> None:
        """Kill every process of the group, the leader too, and wait until none is left."""
        deadline = time.monotonic() + KILL_WAIT_SECONDS
        while group_lives(group_id=self.pid) and time.monotonic() < deadline:
            os.killpg(self.pid, signal.SIGKILL)
            time.sleep(POLL_SECONDS)
        # A leader that is a zombie is not gone before the last of its threads is.
        with suppress(subprocess.TimeoutExpired):
            self.popen.wait(timeout=KILL_WAIT_SECONDS)


def rotate_log(*, path: Path) -> None:
    """Move the log's content to `NAME.log.1` once it is larger than 10 MiB.

    Copied and truncated in place rather than renamed: the running process keeps its open file, and appends.
    """
    if not path.exists() or path.stat().st_size <= LOG_BYTES_MAX:
        return
    path.with_name(f"{path.name}.1").write_bytes(path.read_bytes())
    os.truncate(path, 0)


def last_lines(*, path: Path, count: int = 20) -> list[str]:
    """Return the last lines of a log, as they are; an absent log has none."""
    if not path.exists():
        return []
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
