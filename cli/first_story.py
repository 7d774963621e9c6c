"""The demo story on the first start of an installation, told by a process of its own beside the running stack."""

import subprocess
import sys

from cli.exit_codes import ExitCode
from cli.output import messages
from local.options import StackOptions
from local.project import PROJECT_ROOT


class FirstStory:
    """A story that is being told, or one that need not be: then it is over at once."""

    def __init__(self, *, options: StackOptions, process: "subprocess.Popen[bytes] | None") -> None:
        self._options = options
        self._process = process

    def is_over(self) -> bool:
        """Say whether the story has ended, and remember a success: it is told once."""
        if self._process is None:
            return True
        if self._process.poll() is None:
            return False
        if self._process.returncode == ExitCode.DONE:
            self._options.data_dir.demo_path.touch()
        else:
            messages().print(
                "The demo story did not go through. The stack runs; tell it again with `billing demo`.", style="yellow"
            )
        self._process = None
        return True

    def end(self) -> None:
        """Break the story off, where it is still being told: the stack under it is about to stop."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def wait(self) -> None:
        """Wait until it is over."""
        if self._process is not None:
            self._process.wait()
        self.is_over()


def first_story(*, options: StackOptions, wanted: bool) -> FirstStory:
    """Begin the story when it is wanted and was never told here."""
    if not wanted or options.data_dir.demo_path.exists():
        return FirstStory(options=options, process=None)
    command = [sys.executable, "-m", "cli.main", "demo", "--data-dir", str(options.data_dir.path)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=PROJECT_ROOT)
    return FirstStory(options=options, process=process)
