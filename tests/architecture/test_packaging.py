"""An installation has every package and every file that the code reads: discovery would drop some of them silently."""

from pathlib import Path

from tests.architecture.source_tree import PACKAGES, ROOT, pyproject


def setuptools_settings() -> dict[str, object]:
    found: dict[str, object] = pyproject()["tool"]["setuptools"]
    return found


def dotted(folder: Path) -> str:
    return ".".join(folder.relative_to(ROOT).parts)


def test_the_list_of_packages_is_the_tree() -> None:
    in_the_tree = {dotted(path.parent) for package in PACKAGES for path in (ROOT / package).rglob("__init__.py")}

    assert setuptools_settings()["packages"] == sorted(in_the_tree)


def test_no_module_lies_outside_a_package() -> None:
    without_init = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if not (path.parent / "__init__.py").exists()
    }

    assert without_init == set()


def test_each_data_file_is_shipped() -> None:
    """Templates, styles, scripts, tables of cards, SQL and Lua: whatever lies in a package and is no Python."""
    package_data = setuptools_settings()["package-data"]
    assert isinstance(package_data, dict)
    shipped = {
        path
        for package, patterns in package_data.items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    present = {
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc", ".md"}
    }

    assert present - shipped == set()


def test_each_pattern_of_data_files_finds_some() -> None:
    package_data = setuptools_settings()["package-data"]
    assert isinstance(package_data, dict)
    empty = [
        f"{package}: {pattern}"
        for package, patterns in package_data.items()
        for pattern in patterns
        if not list((ROOT / package.replace(".", "/")).glob(pattern))
    ]

    assert empty == []


def test_the_migrations_do_not_hide_the_library() -> None:
    """With `alembic/__init__.py` the import of alembic would find our folder."""
    assert not (ROOT / "alembic" / "__init__.py").exists()
