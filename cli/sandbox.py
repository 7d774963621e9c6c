"""`billing sandbox`: the Stripe sandbox alone, for work on an integration without the rest of the stack."""

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.options import DEFAULT_DATA_DIR
from cli.output import messages
from local.ports import LOOPBACK

DEFAULT_PORT = 12111
DEFAULT_FOLDER = DEFAULT_DATA_DIR / "sandbox-alone"

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: billing sandbox --port 12111")
def sandbox(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = DEFAULT_PORT,
    data_dir: Annotated[Path, typer.Option(file_okay=False, help="Where its objects are kept.")] = DEFAULT_FOLDER,
    secret_key: Annotated[
        str | None, typer.Option(envvar="SANDBOX_SECRET_KEY", help="sk_test_…; a new one when left out.")
    ] = None,
    cards: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="TOML file that changes the test cards.")
    ] = None,
) -> None:
    """Run the Stripe sandbox in the foreground until Ctrl-C. Its page is at /, its control routes under /_sandbox/."""
    key = secret_key or f"sk_test_{secrets.token_hex(24)}"
    messages().print(f"STRIPE_API_BASE=http://{LOOPBACK}:{port}\nSTRIPE_SECRET_KEY={key}", markup=False)
    sys.stderr.flush()
    arguments = ["serve", "--host", LOOPBACK, "--port", str(port), "--data-dir", str(data_dir)]
    if cards is not None:
        arguments += ["--cards", str(cards)]
    # This process becomes the sandbox: Ctrl-C and the exit code are its own.
    os.execvpe(  # noqa: S606 - our own module, no shell
        sys.executable,
        [sys.executable, "-m", "sandbox", *arguments],
        {**os.environ, "SANDBOX_SECRET_KEY": key},
    )
