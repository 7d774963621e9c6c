"""The page of commands, from the commands themselves."""

from collections.abc import Iterator, Mapping
from enum import Enum
from importlib import import_module
from pathlib import Path

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from cli.exit_codes import ExitCode
from cli.lazy import CommandSource
from cli.reference.page import GENERATED, cell
from local.project import PROJECT_ROOT

EXAMPLE = "Example: "


def commands_page(sources: Mapping[str, CommandSource]) -> str:
    """Return the reference page of all commands in this table."""
    codes = ", ".join(f"{code.value} {code.name.lower().replace('_', ' ')}" for code in ExitCode)
    introduction = (
        "Data goes to standard output, messages to standard error. `--json` prints data for programs. Colour and moving lines "
        "are left out where the output is no terminal, or `NO_COLOR` is set. Exit codes: "
        f"{codes} ([what each means](exit-codes.md))."
    )
    parts = [f"# Commands\n\n{GENERATED}\n\n{introduction}\n"]
    for name, source in sources.items():
        app: typer.Typer = import_module(source.module).app
        parts += [_section(path, command) for path, command in _leaves(f"billing {name}", typer.main.get_command(app))]
    return "\n".join(parts)


def _leaves(path: str, command: object) -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    if isinstance(command, TyperGroup):
        if command.invoke_without_command:  # it does something by itself, too
            yield path, command
        for name, child in command.commands.items():
            yield from _leaves(f"{path} {name}", child)
    elif isinstance(command, TyperCommand):
        yield path, command


def _section(path: str, command: TyperCommand | TyperGroup) -> str:
    arguments = [parameter for parameter in command.params if isinstance(parameter, TyperArgument)]
    options = [parameter for parameter in command.params if isinstance(parameter, TyperOption) and not parameter.hidden]
    usage = " ".join([path, *(_placeholder(argument) for argument in arguments)])
    example = (command.epilog or "").removeprefix(EXAMPLE)
    rows = "".join(
        [
            *(f"| `{_placeholder(argument)}` | {cell(argument.help or '')} | |\n" for argument in arguments),
            *(f"| {_names(option)} | {cell(option.help or '')} | {_default(option)} |\n" for option in options),
        ]
    )
    table = f"\n| option | meaning | default |\n|---|---|---|\n{rows}" if rows else ""
    return f"## {usage}\n\n{_paragraphs(command.help or '')}\n\n```sh\n{example or usage}\n```\n{table}"


def _placeholder(argument: TyperArgument) -> str:
    name = (argument.name or "").upper()
    return name if argument.required else f"[{name}]"


def _names(option: TyperOption) -> str:
    names = [*option.opts, *option.secondary_opts]
    variable = f" or the variable `{option.envvar}`" if option.envvar else ""
    return ", ".join(f"`{name}`" for name in names) + variable


def _default(option: TyperOption) -> str:
    value = option.default
    if value is None or value is False or value == "":
        return ""
    if isinstance(value, Path) and value.is_relative_to(PROJECT_ROOT):
        value = value.relative_to(PROJECT_ROOT)  # the page must not depend on where it was written
    if isinstance(value, Enum):
        value = value.value
    return f"`{'yes' if value is True else value}`"


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
