"""The pages that the code writes are the ones that are committed; those that people write leave nothing out."""

import re
import subprocess
import sys

import pytest

from billing.event_types import EVENT_TYPES
from billing.outbox import CONSUMERS
from billing.settings import Settings
from billing.webhooks.handlers import HANDLERS
from cli.exit_codes import ExitCode
from cli.reference.command import PATHS, Page
from tests.architecture.source_tree import ROOT

RENDER = "import sys; from cli.reference.command import Page, render; sys.stdout.write(render(Page(sys.argv[1])))"


@pytest.mark.parametrize("page", list(Page))
def test_a_page_says_what_the_code_says(page: Page) -> None:
    # In a process of its own: the tests of a session load errors that are not the service's.
    rendered = subprocess.run(
        [sys.executable, "-c", RENDER, page], capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )
    assert rendered.returncode == 0, rendered.stderr

    committed = (ROOT / PATHS[page]).read_text(encoding="utf-8")

    assert committed == rendered.stdout, f"{PATHS[page]} is out of date: write it anew with `billing reference --write`"


def test_the_example_of_settings_shows_the_defaults(settings: Settings) -> None:
    """What it shows behind each `#` may be uncommented, and changes nothing."""
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^# ([A-Z_]+)=(.+)$", example, re.MULTILINE))
    required = {name for name, field in Settings.model_fields.items() if field.is_required()}
    given = {name: value for name, value in settings.model_dump().items() if name in required}

    # One of the defaults is BILLING_ENV=production, where the two roles of Redis need a server each.
    loaded = Settings.model_validate({**given, **shown, "REDIS_CREDITS_URL": "redis://127.0.0.1:8/0"})

    for name in shown:
        assert getattr(loaded, name) == Settings.model_fields[name].get_default(), name


def committed_page(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def test_each_metric_is_described() -> None:
    sources = [ROOT / "billing" / "metrics.py", ROOT / "app" / "metrics.py"]
    named = {name for path in sources for name in re.findall(r'"(billing_[a-z_]+)"', path.read_text(encoding="utf-8"))}
    described = set(re.findall(r"^\| `(billing_[a-z_]+)` \|", committed_page("metrics.md"), re.MULTILINE))

    assert described == named


def test_each_event_of_the_gateway_that_is_handled_is_described() -> None:
    page = committed_page("events.md")

    assert [type_ for type_ in HANDLERS if f"`{type_}`" not in page] == []


def test_each_event_that_somebody_is_told_of_is_described() -> None:
    page = committed_page("events.md")

    assert [type_ for type_ in CONSUMERS if f"`{type_}`" not in page] == []


def test_the_types_that_endpoints_ask_for_are_those_that_are_described() -> None:
    ours = committed_page("events.md").partition("## Of Stripe")[0]
    rows = re.findall(r"^\| (`.+?`) \|", ours, re.MULTILINE)
    described = [type_ for row in rows for type_ in re.findall(r"`([a-z_.]+)`", row)]

    assert sorted(described) == list(EVENT_TYPES)


def test_each_exit_code_is_described() -> None:
    described = re.findall(r"^\| (\d+) \|", committed_page("exit-codes.md"), re.MULTILINE)

    assert {int(code) for code in described} >= {code.value for code in ExitCode}
