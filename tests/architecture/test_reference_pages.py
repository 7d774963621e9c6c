"""The pages that the code writes are the ones that are committed."""

import subprocess
import sys

import pytest

from cli.reference.command import PATHS, Page
from tests.architecture.source_tree import ROOT

RENDER = "import sys; from cli.reference.command import Page, render; sys.stdout.write(render(Page(sys.argv[1])))"


@pytest.mark.parametrize("page", list(Page))
def test_a_page_says_what_the_code_says(page: Page) -> None:
    # In a process of its own: the tests of a session load errors that are not the service's.
    written = subprocess.run(
        [sys.executable, "-c", RENDER, page], capture_output=True, text=True, encoding="utf-8", timeout=60, check=True
    ).stdout

    committed = (ROOT / PATHS[page]).read_text(encoding="utf-8")

    assert committed == written, f"{PATHS[page]} is out of date: write it anew with `billing reference --write`"
