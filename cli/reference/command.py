"""`billing reference`: the pages of the documentation that are written by the code."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from cli.main import BillingGroup
from cli.output import messages, tick
from cli.reference.commands_page import commands_page
from cli.reference.errors_page import errors_page
from cli.reference.settings_pages import env_example, settings_page
from local.project import PROJECT_ROOT

app = typer.Typer(add_completion=False)


class Page(StrEnum):
    """What can be written."""

    ENV_EXAMPLE = "env-example"
    SETTINGS = "settings"
    ERRORS = "errors"
    CLI = "cli"


PATHS = {
    Page.ENV_EXAMPLE: ".env.example",
    Page.SETTINGS: "docs/reference/settings.md",
    Page.ERRORS: "docs/reference/errors.md",
    Page.CLI: "docs/reference/cli.md",
}


@app.command(epilog="Example: billing reference settings")
def reference(
    page: Annotated[Page | None, typer.Argument(help="One page; all of them when left out.")] = None,
    *,
    write: Annotated[bool, typer.Option("--write", help="Write the files of the project instead of printing.")] = False,
) -> None:
    """Print the reference of settings, errors and commands, as the code has them now."""
    for wanted in Page if page is None else [page]:
        text = render(wanted)
        if write:
            (PROJECT_ROOT / PATHS[wanted]).write_text(text, encoding="utf-8")
            messages().print(f"{tick()} {PATHS[wanted]}", markup=False)
        else:
            sys.stdout.write(text)


def render(page: Page) -> str:
    """Return a page's text."""
    match page:
        case Page.ENV_EXAMPLE:
            return env_example()
        case Page.SETTINGS:
            return settings_page()
        case Page.ERRORS:
            return errors_page()
        case Page.CLI:
            return commands_page(BillingGroup.sources)
