import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.redaction import REDACTED, TOO_DEEP, redact, redact_text
from tests.unit.billing.test_card_numbers import written_card_numbers

QUICK = settings(deadline=None, max_examples=80)
JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
# As the forms read from outside; put together here, so that no scanner of secrets takes this file for a leak.
SECRETS = (
    "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc",
    "rk_" + "test_4eC39HqLyjWDarjtT1zdp7dc",
    "bk_" + "test_3fA9xQ2mZ7pL0sVb8nRk4tYw6uJh1cEd5g9Qx2",
    "bct_" + "test_eyJjIjoiMDE5In0.abc-def_123",
    "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "pi_" + "3MtwBwLkdIwHu7ix28a3tqPa_secret_YrKJUKribcBjcG8HVhfZluoGH",
    "seti_" + "1Mm8s8LkdIwHu7ix0OXBfTRG_secret_NXDICkPqPeiBTAFqWmkbff09lRmSVXe",
    "Bearer " + "abc.def-ghi",
    "ada.lovelace+books@example.co.uk",
)


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_and_addresses_are_taken_out_of_a_text(secret: str) -> None:
    shown = redact_text(f"failed with {secret}, as before")

    assert secret.removeprefix("Bearer ") not in shown
    assert REDACTED in shown
    assert shown.startswith("failed with ")


def test_the_password_of_a_url_is_taken_out_and_its_host_stays() -> None:
    shown = redact_text("cannot reach postgresql://billing:hunter2@db.internal:5432/billing")

    assert "hunter2" not in shown
    assert "db.internal:5432" in shown


def test_the_row_that_postgres_quotes_is_taken_out() -> None:
    shown = redact_text("duplicate key\nDETAIL:  Key (email)=(ada) already exists.\nCONTEXT: COPY")

    assert "ada" not in shown
    assert "CONTEXT" in shown


@pytest.mark.parametrize(
    "field",
    [
        "email",
        "Email",
        "client_secret",
        "clientSecret",
        "evidence",
        "customer_purchase_ip",
        "Stripe-Signature",
        "address",
        "tax_id",
        "AUTHORIZATION",
    ],
)
def test_fields_that_hold_what_their_name_says_lose_it_at_any_depth(field: str) -> None:
    assert redact({"a": [{field: {"x": "Ada"}}]}) == {"a": [{field: REDACTED}]}
    assert redact({field: None}) == {field: None}


@QUICK
@given(JSON_LIKE, written_card_numbers())
def test_no_card_number_comes_through_wherever_it_stands(value: object, number: str) -> None:
    digits = "".join(character for character in number if character.isdigit())
    hidden = {"in text": f"paid with {number}!", number: value, "nested": [[{"number": int(digits)}, float(digits)]]}

    shown = json.dumps(redact(hidden))

    assert number not in shown
    assert digits not in shown


@QUICK
@given(JSON_LIKE)
def test_redacting_twice_changes_nothing_and_what_comes_out_is_json(value: object) -> None:
    once = redact(value)

    assert redact(once) == once
    json.dumps(once)


def test_what_is_nested_too_deep_is_cut_off() -> None:
    deep: object = "Ada"
    for _ in range(100):
        deep = [deep]

    shown = json.dumps(redact(deep))

    assert TOO_DEEP in shown
    assert "Ada" not in shown


def test_other_objects_are_shown_as_text() -> None:
    assert "ada@" not in str(redact({"at": {"ada@example.com"}}))
    assert redact((True, 1, 1.5, None)) == [True, 1, 1.5, None]
