"""A copy of the project's sources, in which a mutant may live. What runs there imports from there, and that is checked."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("alembic", "app", "billing", "cli", "local", "models", "sandbox", "tasks", "workers")
FILES = ("Procfile", "alembic.ini", "pyproject.toml")
# No page is asked for here.
_LEFT_OUT = ("flower",)
# A second worker for the same queues, with the other kind of pool: its children die one by one.
_SECOND_WORKER = (
    "worker-second: celery -A workers.main worker --queues webhooks,payments --pool prefork --concurrency 2 "
    "--hostname second@%h --without-mingle --without-gossip"
)


class MutantDoesNotFit(Exception):
    """The text that the mutant changes does not stand exactly once in its file."""


@dataclass(frozen=True)
class Edit:
    """A change of one file: `old` stands in it exactly once."""

    file: str
    old: str
    new: str


def copy_sources(directory: Path, *, edits: tuple[Edit, ...] = ()) -> Path:
    """Copy what runs into `directory`, change it, and return the copy's root. Raises MutantDoesNotFit."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copyfile(ROOT / file, directory / file)
    procfile = [
        line
        for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
        if line.partition(":")[0] not in _LEFT_OUT
    ]
    (directory / "Procfile").write_text("\n".join([*procfile, _SECOND_WORKER, ""]), encoding="utf-8")
    for edit in edits:
        path = directory / edit.file
        text = path.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise MutantDoesNotFit(f"{edit.file} holds {text.count(edit.old)} times what is to be changed: {edit.old}")
        path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
    return directory


def environment_of(root: Path) -> dict[str, str]:
    """Return the machine's environment without settings of a service, with `root` first on the way of imports."""
    foreign = ("DATABASE_", "REDIS_", "CELERY_", "STRIPE_", "BILLING_", "FLOWER_", "PROMETHEUS_", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {
        **kept,
        "PYTHONPATH": str(root),
        "PATH": f"{Path(sys.executable).parent}:{kept.get('PATH', '/usr/bin:/bin')}",
        "PYTHONUNBUFFERED": "1",
    }


def require_imports_from(root: Path, *, env: Mapping[str, str]) -> None:
    """Raise RuntimeError unless a process that starts there imports our packages from there."""
    names = [package for package in PACKAGES if package != "alembic"]
    program = f"import json\n{'; '.join(f'import {name}' for name in names)}\n"
    program += f"print(json.dumps([module.__file__ for module in ({', '.join(names)})]))"
    told = subprocess.run(
        [sys.executable, "-c", program], env=dict(env), cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    strangers = [file for file in json.loads(told.stdout) if not Path(file).is_relative_to(root)]
    if strangers:
        raise RuntimeError(f"these are imported from elsewhere than {root}: {strangers}")
