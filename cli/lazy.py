"""Sub-commands that are imported when they are called: `billing up` must not wait for what `billing keys` needs."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, kw_only=True)
class CommandSource:
    """Where a command lives: a module with an `app`, and the sentence that the overview shows for it."""

    module: str
    summary: str


class LazyCommand(TyperCommand):
    """Stands in the overview for a command whose module is imported only when it is called."""

    def __init__(self, *, name: str, source: CommandSource) -> None:
        super().__init__(name=name, callback=None, help=source.summary)
        self._module = source.module

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Import the module and let its command take over: the context belongs to the real one."""
        app: typer.Typer = import_module(self._module).app
        return typer.main.get_command(app).make_context(*args, **kwargs)


class LazyGroup(TyperGroup):
    """A group whose commands come from a table; sub-classes name the table."""

    sources: ClassVar[dict[str, CommandSource]]

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: LazyCommand(name=name, source=source) for name, source in self.sources.items()}
