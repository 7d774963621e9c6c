"""Every fail point in the code stands in the list, once, and every name of the list stands in the code."""

import ast
from collections import Counter
from collections.abc import Iterator

from billing.fail_points import FAIL_POINTS
from tests.architecture.source_tree import PACKAGES, python_files


def points_in(tree: ast.AST) -> Iterator[str]:
    """Yield the names that `fail_point` is called with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "fail_point":
            (name,) = node.args
            assert isinstance(name, ast.Constant), "a fail point's name is written out where it stands"
            yield str(name.value)


def test_the_list_of_fail_points_is_that_of_the_code() -> None:
    found = Counter(
        point for path in python_files(*PACKAGES) for point in points_in(ast.parse(path.read_text(encoding="utf-8")))
    )

    assert [point for point, count in found.items() if count > 1] == []
    assert set(found) == set(FAIL_POINTS)
    assert len(FAIL_POINTS) >= 25


def test_a_fail_point_that_is_not_in_the_list_is_noticed() -> None:
    assert list(points_in(ast.parse("if x:\n    fail_point('made.up')"))) == ["made.up"]
