"""Telling of a start: one line per phase with its time, on standard error."""

import contextlib
import time
from collections.abc import Iterator

from cli.output import cross, may_animate, messages, tick
from local.supervisor import StopRequested

TITLE_WIDTH = 22


class StartReport:
    """Writes what happens while the stack starts and while it runs (a `local.reporting.Reporter`)."""

    @contextlib.contextmanager
    def phase(self, title: str, *, since: float | None = None) -> Iterator[None]:
        """Show a spinner for the phase where that is possible, then its line."""
        began = time.monotonic() if since is None else since
        spinner = messages().status(f"{title} …") if may_animate() else contextlib.nullcontext()
        try:
            with spinner:
                yield
        except StopRequested:
            raise
        except BaseException:
            messages().print(f"[red]{cross()}[/red] {title}")
            raise
        messages().print(f"[green]{tick()}[/green] {title:<{TITLE_WIDTH}} {time.monotonic() - began:5.1f} s")

    def note(self, text: str) -> None:
        """Write a remark."""
        messages().print(text, markup=False, soft_wrap=True)

    def process_ended(self, *, name: str, exit_status: int | None, pause_seconds: float) -> None:
        """Say that a process died: it comes back by itself."""
        messages().print(
            f"{name} ended (exit status {exit_status}); starting it again in {pause_seconds:.0f} s. Its log: billing logs {name}",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
