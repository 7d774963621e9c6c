from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.access.customer_tokens import TokenScopesUnknown, issue_token, read_token, token_prefix
from billing.access.keys import KeyRefused
from billing.access.scopes import CUSTOMER_SCOPES

NOW = datetime(2026, 11, 22, 8, 15, 30, 500_000, tzinfo=UTC)
CUSTOMER, KEY = UUID(int=1), UUID(int=2)
PEPPER = "p" * 40


def issue(*, scopes: list[str] | None = None, issuer_scopes: frozenset[str] = CUSTOMER_SCOPES) -> str:
    token, _ = issue_token(
        customer_id=CUSTOMER,
        scopes=scopes,
        issued_by=KEY,
        issuer_scopes=issuer_scopes,
        expires_in=timedelta(hours=1),
        mode="test",
        pepper=PEPPER,
        now=NOW,
    )
    return token


def test_a_token_says_for_whom_it_is_what_it_may_and_until_when() -> None:
    token = read_token(issue(scopes=["payments:read"]), mode="test", pepper=PEPPER, now=NOW)

    assert (token.customer_id, token.issued_by, token.scopes) == (CUSTOMER, KEY, frozenset({"payments:read"}))
    assert token.expires_at == datetime(2026, 11, 22, 9, 15, 30, tzinfo=UTC)


def test_without_scopes_it_has_what_its_issuer_and_a_customer_both_may() -> None:
    issuer_scopes = frozenset({"payments:read", "audit:read"})

    token = read_token(issue(issuer_scopes=issuer_scopes), mode="test", pepper=PEPPER, now=NOW)

    assert token.scopes == {"payments:read"}


@pytest.mark.parametrize("scope", ["audit:read", "keys:write", "payments:write", "everything"])
def test_it_cannot_have_what_its_issuer_or_a_customer_has_not(scope: str) -> None:
    with pytest.raises(TokenScopesUnknown) as refused:
        issue(scopes=[scope], issuer_scopes=frozenset({"payments:read", "audit:read", "keys:write"}))

    assert refused.value.errors[0].pointer == "/scopes"


@pytest.mark.parametrize(("late", "in_force"), [(timedelta(minutes=59), True), (timedelta(hours=1), False)])
def test_it_ends(late: timedelta, in_force: bool) -> None:
    text = issue()
    if in_force:
        read_token(text, mode="test", pepper=PEPPER, now=NOW + late)
    else:
        with pytest.raises(KeyRefused, match="expired"):
            read_token(text, mode="test", pepper=PEPPER, now=NOW + late)


def test_another_pepper_and_another_mode_do_not_take_it() -> None:
    text = issue()

    with pytest.raises(KeyRefused):
        read_token(text, mode="test", pepper="q" * 40, now=NOW)
    with pytest.raises(KeyRefused):
        read_token(text.replace("_test_", "_live_"), mode="live", pepper=PEPPER, now=NOW)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_a_changed_token_is_refused(data: st.DataObject) -> None:
    text = issue()
    place = data.draw(st.integers(len(token_prefix("test")), len(text) - 2))
    other = data.draw(st.sampled_from("abcXYZ019-_.!").filter(lambda character: character != text[place]))

    with pytest.raises(KeyRefused):
        read_token(text[:place] + other + text[place + 1 :], mode="test", pepper=PEPPER, now=NOW)
