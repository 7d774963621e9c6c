"""Where the project's checkout is: our own programs are started from there."""

from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
