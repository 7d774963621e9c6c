import pytest

from app.waiting import preferred_wait


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=10", 10),
        ("wait=0", 0),
        ("wait=30", 30),
        ("wait=31", 30),
        ("wait=999999999", 30),
        ('wait="10"', 10),
        ("WAIT = 5", 5),
        ("respond-async, wait=5", 5),
        ("wait=5, respond-async", 5),
        ("wait=5; strength=1", 5),
        ('handling="a, wait=9", wait=7', 7),
        ("wait=7, wait=9", 7),
    ],
)
def test_a_wish_to_wait_is_understood(header: str, seconds: int) -> None:
    assert preferred_wait(header) == seconds


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "wait",
        "wait=",
        "wait=abc",
        "wait=-1",
        "wait=1.5",
        "wait=1e1",
        "wait=\u0661",
        "wait=" + "9" * 5000,
        "respond-async",
        "await=5",
        "return=minimal; wait=5",
        'foo="wait=5"',
        '"',
        "=,;",
    ],
)
def test_anything_else_is_no_wish(header: str | None) -> None:
    assert preferred_wait(header) is None
