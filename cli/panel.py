"""What a running stack offers, in four parts: open, use, try, stop.

No frame at the sides and no wrapping: every line can be copied as it stands.
"""

import os
import shlex
import shutil
import sys
from pathlib import Path

from cli.options import DEFAULT_DATA_DIR
from cli.output import data, messages
from local.data_dir import DataDir
from local.stack_file import StackFile, StillStarting, running_stack

LABEL_WIDTH = 10


def command_line(command: str, *, data_dir: Path) -> str:
    """Return the shell line of a sub-command for this data directory, as it can be typed here."""
    option = "" if data_dir.resolve() == DEFAULT_DATA_DIR.resolve() else f" --data-dir {shlex.quote(str(data_dir))}"
    return f"{_program()} {command}{option}"


def show_stack(*, data_dir: Path) -> None:
    """Print the panel of the stack that runs on the data directory, or say that it is still starting. Raises NotRunning."""
    try:
        stack = running_stack(data_dir=DataDir(data_dir.resolve()))
    except StillStarting as starting:
        messages().print(f"{starting.problem}; {starting.mend}", markup=False, soft_wrap=True)
    else:
        print_panel(stack=stack, data_dir=data_dir)


def print_panel(*, stack: StackFile, data_dir: Path) -> None:
    """Print the four parts to standard output. `data_dir` as the user wrote it: it is part of the commands shown."""
    console = data()
    sandbox = [("Sandbox", stack.stripe_api_base)] if stack.stripe_api_base else []
    first_request = (
        f"curl -s -X POST {stack.api_url}/customers -H 'Authorization: Bearer {stack.api_key}'"
        ' -H \'Content-Type: application/json\' -d \'{"email": "ada@example.com", "name": "Ada"}\''
    )
    parts: dict[str, list[tuple[str, str]]] = {
        "Open": [
            ("Docs", stack.docs_url),
            ("Flower", f"{stack.flower_url}  (user {stack.flower_user}, password {stack.flower_password})"),
            *sandbox,
            ("Health", f"{stack.api_url}/health"),
        ],
        "Use": [
            ("API", stack.api_url),
            ("Key", stack.api_key),
            ("Webhooks", stack.stripe_webhook_secret),
            ("Logs", stack.log_dir),
        ],
        "Try": [("", first_request), ("", command_line("demo", data_dir=data_dir))],
        "Stop": [("", f"Ctrl-C here, or {command_line('down', data_dir=data_dir)}")],
    }
    console.print()
    for title, lines in parts.items():
        console.print(title, style="bold cyan")
        for label, text in lines:
            shown = f"  {label:<{LABEL_WIDTH}}{text}" if label else f"  {text}"
            console.print(shown, markup=False, soft_wrap=True)
    console.print()


def _program() -> str:
    """Return how this shell can call `billing`: by its name where PATH has it, else by its path."""
    program = Path(sys.executable).parent / "billing"
    found = shutil.which("billing")
    if not program.exists():
        return f"{shlex.quote(sys.executable)} -m cli.main"
    if found is not None and Path(found).resolve() == program.resolve():
        return "billing"
    relative = os.path.relpath(program)
    return shlex.quote(str(program) if relative.startswith("..") else relative)
