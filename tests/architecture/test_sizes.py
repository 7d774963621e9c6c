"""A function of 70 lines or a module of 400 is two things that share a room."""

import ast
from pathlib import Path

from tests.architecture.source_tree import READ_BY_PEOPLE, ROOT, functions_in, python_files

FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 400
# A migration is one list of tables, read once.
MIGRATIONS = ROOT / "alembic" / "versions"


def too_long(text: str, *, where: str) -> list[str]:
    """Return what is too long in a module of this text."""
    found = [
        f"{where}:{function.lineno} {function.name} has {lines} lines"
        for function in functions_in(ast.parse(text))
        if (lines := (function.end_lineno or function.lineno) - function.lineno + 1) >= FUNCTION_LINES_MAX
    ]
    lines = text.count("\n")
    return found + ([f"{where} has {lines} lines"] if lines >= MODULE_LINES_MAX else [])


def test_functions_and_modules_are_short() -> None:
    files: list[Path] = [path for path in python_files(*READ_BY_PEOPLE) if MIGRATIONS not in path.parents]

    offences = [
        offence
        for path in files
        for offence in too_long(path.read_text(encoding="utf-8"), where=str(path.relative_to(ROOT)))
    ]

    assert offences == []


def test_a_long_function_is_noticed() -> None:
    body = "    x = 1\n" * (FUNCTION_LINES_MAX - 1)

    assert too_long(f"def f():\n{body}", where="m.py") == ["m.py:1 f has 70 lines"]


def test_a_long_module_is_noticed() -> None:
    assert too_long("x = 1\n" * MODULE_LINES_MAX, where="m.py") == ["m.py has 400 lines"]
