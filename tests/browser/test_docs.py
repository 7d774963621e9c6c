"""The pages under /docs in a real browser: whole, readable, and asking nobody but this server."""

from pathlib import Path

import httpx
import pytest

from tests.browser.chromium import Tab

WIDE, NARROW = 1280, 390
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (WIDE, NARROW)]
CONTRAST_MIN = 4.5
# Luminance and contrast as WCAG 2.2 defines them.
CONTRAST_OF = """(element => {
  const light = colour => { const [r, g, b] = colour.match(/[0-9.]+/g).map(Number).map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const text = light(getComputedStyle(element).color), ground = light(getComputedStyle(document.body).backgroundColor);
  return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
})"""


def require_readable(tab: Tab, *, width: int) -> None:
    assert tab.evaluate("innerWidth") == width
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def require_only_this_server(tab: Tab, address: str) -> None:
    assert tab.requested()
    assert [url for url in tab.requested() if not url.startswith((f"{address}/", "data:"))] == []
    assert tab.complaints() == []


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_reference_shows_every_operation(
    tab: Tab, address: str, screenshots: Path, scheme: str, width: int
) -> None:
    operations = sum(len(path) for path in httpx.get(f"{address}/openapi.json").json()["paths"].values())

    tab.show(f"{address}/docs", width=width, scheme=scheme)
    tab.wait_for(f"document.querySelectorAll('.opblock').length === {operations}")
    tab.screenshot(screenshots / f"docs-{scheme}-{width}.png")

    require_readable(tab, width=width)
    require_only_this_server(tab, address)


def test_an_operation_opens_with_its_schemas_and_examples(tab: Tab, address: str, screenshots: Path) -> None:
    tab.show(f"{address}/docs", width=WIDE)
    tab.wait_for("document.querySelector('.opblock-post .opblock-summary-control')")
    tab.evaluate("document.querySelector('.opblock-post .opblock-summary-control').click()")
    tab.wait_for("document.querySelector('.opblock.is-open .responses-table')")
    tab.screenshot(screenshots / "docs-open.png")

    require_only_this_server(tab, address)


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_error_codes_are_readable(tab: Tab, address: str, screenshots: Path, scheme: str, width: int) -> None:
    tab.show(f"{address}/docs/errors#rate_limited", width=width, scheme=scheme)
    tab.screenshot(screenshots / f"errors-{scheme}-{width}.png")

    require_readable(tab, width=width)
    assert tab.evaluate("document.querySelector(':target').id") == "rate_limited"
    assert tab.evaluate("document.querySelectorAll('dl > div').length") > 40
    for element in ("body", "dt span", "dd", "a"):
        assert tab.evaluate(f"{CONTRAST_OF}(document.querySelector('{element}'))") >= CONTRAST_MIN, element
    require_only_this_server(tab, address)


def test_without_javascript_the_page_says_where_the_document_is(address: str) -> None:
    page = httpx.get(f"{address}/docs").text

    assert "<noscript>" in page
    assert 'href="/openapi.json"' in page
