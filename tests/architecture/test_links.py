"""Each link between the project's pages leads somewhere, and each command that they show exists."""

import re
from pathlib import Path

import pytest

from cli.main import BillingGroup
from tests.architecture.source_tree import ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"^(?:\.venv/bin/)?billing ([a-z]+)", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_exist(page: Path) -> None:
    named = COMMAND.findall(page.read_text(encoding="utf-8"))

    assert [name for name in named if name not in BillingGroup.sources] == []


def test_each_page_is_reached_from_the_overview() -> None:
    overview = ROOT / "docs" / "README.md"
    linked = {(overview.parent / target).resolve() for target in LINK.findall(overview.read_text(encoding="utf-8"))}
    pages = {page for page in (ROOT / "docs").rglob("*.md") if page != overview and page.parent.name != "adr"}

    assert pages - linked == set()


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "adr").glob("*.md"))

    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("decision", sorted((ROOT / "docs" / "adr").glob("*.md")), ids=lambda path: str(path.stem))
def test_a_decision_says_what_else_could_have_been(decision: Path) -> None:
    text = decision.read_text(encoding="utf-8")

    assert text.startswith(f"# {decision.name[:4]} ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Problem", "Decision", "Alternatives", "Consequences"]
