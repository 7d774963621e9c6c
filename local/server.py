"""What every part of the stack has in common: it is launched, asked whether it is ready, and stopped."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from local.errors import LocalStackError
from local.process import ChildProcess, ProcessSpec

READY_SECONDS_MAX = 60.0
PROBE_PAUSE_SECONDS = 0.05


class ServerNotReady(LocalStackError):
    """A part of the stack ended, or did not answer in time."""


class Server(ABC):
    """One supervised process.

    `launch` returns at once; `start` also waits until the server answers, which is more than being started.
    Not thread-safe: call it from the thread that owns the stack (see `local.process`).
    """

    name: str

    def __init__(self) -> None:
        self._child: ChildProcess | None = None

    @abstractmethod
    def spec(self) -> ProcessSpec:
        """Return how the process is started."""

    @abstractmethod
    def answers(self) -> bool:
        """Ask the server once, for at most about a second, whether it serves."""

    @abstractmethod
    def prepare(self) -> None:
        """Create what the process needs on disk before each start."""

    @property
    def pid(self) -> int | None:
        """The pid of the running process, or None."""
        return None if self._child is None or self._child.returncode is not None else self._child.pid

    @property
    def returncode(self) -> int | None:
        """How the last process ended; None while it runs or when none was started."""
        return None if self._child is None else self._child.returncode

    def launch(self) -> None:
        """Start the process and return without waiting for it."""
        self.prepare()
        self._child = ChildProcess.start(spec=self.spec())

    def start(self) -> None:
        """Start the process and wait until it answers. What `wait_until_ready` raises is raised after stopping it."""
        self.launch()
        try:
            self.wait_until_ready()
        except LocalStackError:
            self.stop()
            raise

    def wait_until_ready(
        self, *, timeout_seconds: float = READY_SECONDS_MAX, keep_waiting: Callable[[], None] = lambda: None
    ) -> None:
        """Wait until the launched server answers; `keep_waiting` is called meanwhile, and may raise to give up.

        Raises ServerNotReady when the process ends before, or the time is up.
        """
        deadline = time.monotonic() + timeout_seconds
        while not self.answers():
            keep_waiting()
            self._raise_if_ended()
            if time.monotonic() > deadline:
                raise ServerNotReady(
                    f"{self.name} did not become ready within {timeout_seconds:.0f} s",
                    mend=f"read the log, mend what it says, then start again: {self.spec().log_path}",
                    log_path=self.spec().log_path,
                )
            time.sleep(PROBE_PAUSE_SECONDS)

    def ask_to_stop(self) -> None:
        """Send the stop signal and return: several servers can then end side by side."""
        if self._child is not None:
            self._child.ask_to_stop()

    def kill(self) -> None:
        """End every process of the group at once."""
        if self._child is not None:
            self._child.kill_group()
            self._child = None

    def stop(self) -> None:
        """Stop the process and everything in its group; a stopped server is left as it is."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def _raise_if_ended(self) -> None:
        if self.pid is None:
            raise ServerNotReady(
                f"{self.name} ended while it was starting (exit status {self.returncode})",
                mend=f"read the log, mend what it says, then start again: {self.spec().log_path}",
                log_path=self.spec().log_path,
            )
