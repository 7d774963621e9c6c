"""The look that spares most texts the whole redaction never spares one that needs it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing import redaction
from billing.card_numbers import contains_card_number
from tests.unit.billing.test_card_numbers import written_card_numbers
from tests.unit.billing.test_redaction import SECRETS

PIECES = st.sampled_from(
    (*SECRETS, "DETAIL: Key (email)=(ada)", "redis://user:pw@host", "bearer x", "BEARER y", "@", "k_")
)


@settings(deadline=None, max_examples=300)
@given(parts=st.lists(PIECES | st.text(max_size=20) | written_card_numbers(), max_size=4))
def test_a_text_that_is_spared_would_not_have_changed(parts: list[str]) -> None:
    text = " ".join(parts)
    if not redaction._is_suspicious(text):
        assert not contains_card_number(text)
        assert all(pattern.search(text) is None for pattern in redaction._TEXTS)


@pytest.mark.parametrize("secret", SECRETS)
def test_every_kind_of_secret_is_looked_at(secret: str) -> None:
    assert redaction._is_suspicious(secret)
