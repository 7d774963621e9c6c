import subprocess
import sys
from importlib import import_module

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from cli.main import BillingGroup, app

HEAVY = ("celery", "stripe", "sqlalchemy", "pydantic", "flask", "alembic")


def leaves() -> list[list[str]]:
    """Every command that does something: sub-commands of a group, else the command itself."""
    found: list[list[str]] = []
    for name, source in BillingGroup.sources.items():
        loaded = typer.main.get_command(import_module(source.module).app)
        inner = list(loaded.commands) if isinstance(loaded, TyperGroup) else []
        found += [[name, sub] for sub in inner] or [[name]]
    return found


@pytest.mark.parametrize("command", leaves(), ids=" ".join)
def test_every_command_explains_itself_with_an_example(command: list[str]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"], terminal_width=200)

    assert shown.exit_code == 0
    assert "Example: " in shown.output
    assert f"billing {' '.join(command)}" in shown.output


def test_the_overview_lists_every_command() -> None:
    shown = CliRunner().invoke(app, ["--help"])

    for command, source in BillingGroup.sources.items():
        assert command in shown.output
        assert source.summary[:30] in shown.output


def test_an_unknown_command_is_wrong_usage() -> None:
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == 2


def test_the_stack_starts_without_what_only_the_service_needs() -> None:
    program = f"import sys, cli.main, cli.up; sys.exit(','.join({{*{HEAVY!r}}} & {{*sys.modules}}))"

    imported = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert imported.stderr == "\n"
