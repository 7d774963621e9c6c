import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.access.key_text import hint_of_key, mode_of_key, new_key_text

QUICK = settings(deadline=None, max_examples=100)


@pytest.mark.parametrize("mode", ["test", "live"])
def test_a_key_tells_its_mode_and_no_two_are_alike(mode: str) -> None:
    made = {new_key_text(mode=mode) for _ in range(200)}

    assert len(made) == 200
    assert {mode_of_key(text) for text in made} == {mode}
    assert all(re.fullmatch(rf"bk_{mode}_[0-9A-Za-z]{{36}}", text) for text in made)


@QUICK
@given(st.integers(0, 43), st.sampled_from(string.ascii_letters + string.digits))
def test_one_changed_character_is_noticed(place: int, other: str) -> None:
    text = new_key_text(mode="test")
    changed = text[:place] + other + text[place + 1 :]

    assert mode_of_key(changed) == ("test" if changed == text else None)


@QUICK
@given(st.integers(0, 43))
def test_a_truncated_key_is_no_key(length: int) -> None:
    assert mode_of_key(new_key_text(mode="live")[:length]) is None


@QUICK
@given(st.text(max_size=60))
def test_other_texts_are_no_keys(text: str) -> None:
    assert mode_of_key(text) is None


def test_the_hint_shows_too_little_to_be_used() -> None:
    text = new_key_text(mode="test")
    hint = hint_of_key(text)

    assert text.startswith(hint.partition("…")[0])
    assert text.endswith(hint.partition("…")[2])
    assert len(hint) < len(text) / 2
