"""The project's own source files, and what the tests of this folder read from them."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("app", "billing", "cli", "local", "models", "sandbox", "tasks", "workers")
# What a reader of the code reads: the packages, their migrations and their tests.
READ_BY_PEOPLE = (*PACKAGES, "alembic", "bench", "tests")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: str) -> list[Path]:
    """Return the Python files below these folders of the project."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def pyproject() -> dict[str, Any]:
    """Return the project's file."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def functions_in(tree: ast.AST) -> Iterator[Function]:
    """Yield every function and method."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))
