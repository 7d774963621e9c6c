"""The Procfile: which processes the service has. The same lines run here and in production."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from local.errors import Misconfigured

LINE = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_-]*):\s*(?P<command>\S.*)")


@dataclass(frozen=True, kw_only=True)
class ProcfileEntry:
    """One line: a name and a shell command."""

    name: str
    command: str

    @property
    def kind(self) -> str:
        """The first part of the name: `worker-network` is a `worker`."""
        return self.name.split("-", maxsplit=1)[0]

    @property
    def argv(self) -> list[str]:
        """How it is started: through the shell, as every Procfile runner does, which is then replaced by the program."""
        return ["/bin/sh", "-c", f"exec {self.command}"]

    @property
    def queues(self) -> list[str]:
        """The Celery queues that the command consumes: its `--queues a,b` or `-Q a,b`."""
        words = shlex.split(self.command)
        for word, following in zip(words, [*words[1:], ""], strict=True):
            if word in {"--queues", "-Q"}:
                return following.split(",")
            if word.startswith("--queues="):
                return word.removeprefix("--queues=").split(",")
        return []


def read_procfile(*, path: Path) -> list[ProcfileEntry]:
    """Return the entries in order; blank lines and comments are left out. Raises Misconfigured with the line's number."""
    if not path.exists():
        raise Misconfigured(f"there is no Procfile at {path}", mend="run this from a checkout of the project")
    entries: list[ProcfileEntry] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = LINE.fullmatch(line.strip())
        if match is None:
            raise Misconfigured(
                f"{path}, line {number} is no Procfile entry: {line!r}", mend="write it as `name: command`"
            )
        if match["name"] in {entry.name for entry in entries}:
            raise Misconfigured(
                f"{path}, line {number} repeats the name {match['name']!r}", mend="give each a name of its own"
            )
        entries.append(ProcfileEntry(name=match["name"], command=match["command"]))
    return entries
