"""The catalog of test cards, and files laid over it."""

from pathlib import Path

import pytest

from sandbox.cards import Authentication, CardFileError, load_cards, passes_luhn


def test_every_card_of_the_package_is_sound() -> None:
    catalog = load_cards()

    assert all(passes_luhn(number) for number in catalog.by_number)
    assert sum(len(card.tokens) for card in catalog.by_number.values()) == len(catalog.by_token)
    assert {card.refund for card in catalog.by_number.values()} == {None, "fails_later", "pending"}
    assert catalog.by_token["pm_card_amex"].last4 == "8431"
    assert catalog.by_number["4000000000009979"].decline == "stolen_card"


def test_a_file_overrides_card_by_card(tmp_path: Path) -> None:
    file = tmp_path / "cards.toml"
    file.write_text('[[cards]]\nnumber = "4000000000000002"\nauthentication = "always"\n')

    catalog = load_cards(overrides=file)

    changed = catalog.by_number["4000000000000002"]
    assert (changed.authentication, changed.decline, changed.brand) == (Authentication.ALWAYS, None, "visa")
    assert catalog.by_number["4000000000009995"].decline == "insufficient_funds"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[cards", "cannot be read as a file of cards"),
        ('[[cards]]\nnumber = "4242424242424241"', "is not a card number"),
        ('[[cards]]\nnumber = "4242424242424242"\ncolour = "red"', "unknown fields: colour"),
        ('[[cards]]\nnumber = "4242424242424242"\ndecline = "mood"', "no decline is named 'mood'"),
        ('[[cards]]\nnumber = "4242424242424242"\nauthentication = "often"', "allowed are never, on_request"),
        ('[declines.mood]\ncode = "card_declined"', "needs a code and a message"),
        ('[[bank_accounts]]\niban = "AT1"\noutcome = "vanish"\nseconds = 1', "'settle' or 'fail'"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "cards.toml"
    file.write_text(text)

    with pytest.raises(CardFileError, match=message):
        load_cards(overrides=file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CardFileError, match=r"nowhere\.toml cannot be read"):
        load_cards(overrides=tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("number", "passes"),
    [("4242424242424242", True), ("4242424242424241", False), ("", False), ("42", False), ("4242 4242", False)],
)
def test_check_digits(number: str, passes: bool) -> None:
    assert passes_luhn(number) is passes
