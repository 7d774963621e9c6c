"""The Procfile and docker-compose.yml as the tests read them."""

import re
import shlex
from dataclasses import dataclass
from typing import Any

import yaml  # type: ignore[import-untyped]  # the package comes without types

from tests.architecture.source_tree import ROOT

OUR_IMAGE = "billing-service"
# A variable of the file that is filled in at the start: ${NAME}, ${NAME:-default} or ${NAME:?what it is}.
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")


@dataclass(frozen=True)
class Command:
    """A process's command line."""

    words: tuple[str, ...]

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues that a worker takes from; none for other processes."""
        if "--queues" not in self.words:
            return ()
        return tuple(self.words[self.words.index("--queues") + 1].split(","))


def procfile() -> dict[str, Command]:
    """Return the Procfile's processes by name."""
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    named = (line.split(":", maxsplit=1) for line in lines if line.strip() and not line.startswith("#"))
    return {name: Command(tuple(shlex.split(command))) for name, command in named}


def compose_text() -> str:
    """Return docker-compose.yml as it is written."""
    return (ROOT / "docker-compose.yml").read_text(encoding="utf-8")


def compose() -> dict[str, Any]:
    """Return docker-compose.yml with its anchors resolved."""
    document: dict[str, Any] = yaml.safe_load(compose_text())
    return document


def own_services() -> dict[str, dict[str, Any]]:
    """Return the compose services that run the service's image."""
    return {name: service for name, service in compose()["services"].items() if service["image"] == OUR_IMAGE}


def command_of(service: dict[str, Any]) -> Command:
    """Return a compose service's command."""
    return Command(tuple(shlex.split(service["command"])))
