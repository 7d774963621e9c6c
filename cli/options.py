"""Options that many commands take."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_DATA_DIR = Path(".billing")

DataDirOption = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="BILLING_HOME",
        file_okay=False,
        help="Folder of the local stack: its data, logs and keys.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
LiveOption = Annotated[bool, typer.Option("--live", help="Needed in live mode, where real money moves.")]
