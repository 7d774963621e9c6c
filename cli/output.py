"""Where the command writes: data to standard output, messages to standard error.

Rich leaves out colour when the output is no terminal or NO_COLOR is set; live displays are ours to leave out.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from rich.console import Console

PIPE_WIDTH = 400


@lru_cache(maxsize=1)
def data() -> Console:
    """The console for what was asked for. In a pipe nothing is cut to the width of a screen."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


@lru_cache(maxsize=1)
def messages() -> Console:
    """The console for progress, remarks and errors."""
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else PIPE_WIDTH)


def may_animate() -> bool:
    """Say whether a spinner may be shown: only to a person, who did not ask for plain output."""
    return messages().is_terminal and not os.environ.get("NO_COLOR")


def tick() -> str:
    """The mark of something that went well, in what the terminal can show."""
    return "✓" if speaks_unicode() else "ok"


def cross() -> str:
    """The mark of something that failed, in what the terminal can show."""
    return "✗" if speaks_unicode() else "failed"


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print data for programs: JSON on standard output, never wrapped or coloured."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def speaks_unicode() -> bool:
    """Say whether the terminal shows more than ASCII."""
    return messages().encoding.lower().replace("-", "").startswith("utf")
