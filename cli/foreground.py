"""The stack in the foreground: this process is its supervisor until Ctrl-C."""

import os
import time
from pathlib import Path

from cli.first_story import first_story
from cli.output import messages
from cli.panel import print_panel
from cli.start_report import StartReport
from local.options import ANY_ADDRESS, StackOptions
from local.stack import LocalStack, open_stack
from local.supervisor import StopRequested


def run_in_foreground(*, options: StackOptions, shown_data_dir: Path | None, demo: bool) -> None:
    """Bring the stack up, tell the first story, print the panel, and supervise until a stop signal comes.

    The panel's commands name the data directory as the user wrote it; None leaves the panel out (in the background).

    Raises LockIsHeld when a stack runs on the data directory already, LocalStackError when a part does not start.
    """
    began = time.monotonic()
    report = StartReport()
    try:
        with open_stack(options=options, environment=os.environ, reporter=report) as stack:
            try:
                _serve(stack, options=options, shown_data_dir=shown_data_dir, demo=demo, report=report, began=began)
            except StopRequested:
                report.note("Stopping …")
                raise
    except StopRequested:
        report.note("Stopped. Data and logs are kept; `billing up` starts it again.")


def _serve(
    stack: LocalStack,
    *,
    options: StackOptions,
    shown_data_dir: Path | None,
    demo: bool,
    report: StartReport,
    began: float,
) -> None:
    stack_file = stack.bring_up()
    report.note(f"Ready in {time.monotonic() - began:.1f} s.")
    story = first_story(options=options, wanted=demo)
    try:
        stack.supervise(until=story.is_over)
    finally:
        story.end()
    if shown_data_dir is not None:
        print_panel(stack=stack_file, data_dir=shown_data_dir)
    if options.host in ANY_ADDRESS:
        messages().print(f"The API listens on {options.host}: whoever reaches this machine reaches it.", style="yellow")
    stack.supervise()
