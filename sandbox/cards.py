"""The test cards and bank accounts: data from `cards.toml`, laid over by a file of the user's where given."""

import hashlib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from importlib import resources
from pathlib import Path

from sandbox.json_types import Json


class CardFileError(Exception):
    """A file of cards that cannot be used; the message says what is wrong where."""


class Authentication(StrEnum):
    """When a card asks for 3D Secure."""

    NEVER = "never"
    ON_REQUEST = "on_request"
    ALWAYS = "always"
    ON_SESSION = "on_session"
    UNLESS_SET_UP = "unless_set_up"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One test card and how it behaves; `cards.toml` says what each word means."""

    number: str
    brand: str
    note: str = ""
    tokens: tuple[str, ...] = ()
    funding: str = "credit"
    country: str = "US"
    authentication: Authentication = Authentication.NEVER
    decline: str | None = None
    can_be_saved: bool = False
    refund: str | None = None
    dispute: str | None = None
    risk: str = "normal"
    available: str | None = None

    @property
    def last4(self) -> str:
        """Return the last four digits."""
        return self.number[-4:]

    @property
    def fingerprint(self) -> str:
        """Return what is the same for every use of the same number."""
        return hashlib.sha256(self.number.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """How a decline reads to the caller."""

    name: str
    code: str
    message: str
    advice_code: str | None = None
    network_decline_code: str | None = None
    param: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """A bank account for SEPA debit, and what becomes of a debit."""

    iban: str
    outcome: str
    seconds: float
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardCatalog:
    """Every card, decline and bank account, by the names under which requests mention them."""

    by_number: dict[str, Card]
    by_token: dict[str, Card]
    declines: dict[str, Decline]
    by_iban: dict[str, BankAccount]


def load_cards(*, overrides: Path | None = None) -> CardCatalog:
    """Return the catalog, with the user's file laid over the cards of the package.

    Raises CardFileError when the user's file cannot be read, is no TOML or has an unknown field or decline.
    """
    own = tomllib.loads(resources.files("sandbox").joinpath("cards.toml").read_text("utf-8"))
    documents = [("cards.toml", own)]
    if overrides is not None:
        try:
            documents.append((str(overrides), tomllib.loads(overrides.read_text("utf-8"))))
        except (OSError, ValueError) as error:
            raise CardFileError(f"{overrides} cannot be read as a file of cards: {error}") from error
    by_number: dict[str, Card] = {}
    declines: dict[str, Decline] = {}
    by_iban: dict[str, BankAccount] = {}
    for source, document in documents:
        for entry in document.get("cards", []):
            card = _card(entry, source=source)
            by_number[card.number] = card
        for name, entry in document.get("declines", {}).items():
            declines[name] = _decline(name, entry, source=source)
        for entry in document.get("bank_accounts", []):
            account = _bank_account(entry, source=source)
            by_iban[account.iban] = account
    for card in by_number.values():
        if card.decline is not None and card.decline not in declines:
            raise CardFileError(
                f"card {card.number}: no decline is named {card.decline!r}; there are {', '.join(sorted(declines))}"
            )
    by_token = {token: card for card in by_number.values() for token in card.tokens}
    return CardCatalog(by_number=by_number, by_token=by_token, declines=declines, by_iban=by_iban)


def passes_luhn(number: str, /) -> bool:
    """Tell whether the last digit of a card number fits the others."""
    if not re.fullmatch(r"[0-9]{12,19}", number):
        return False
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _card(entry: Json, *, source: str) -> Card:
    _check_names(entry, allowed=(field.name for field in fields(Card)), what="card", source=source)
    number = entry.get("number")
    if not isinstance(number, str) or not passes_luhn(number):
        raise CardFileError(f"{source}: {number!r} is not a card number (12 to 19 digits with a right check digit)")
    try:
        authentication = Authentication(entry.get("authentication", "never"))
    except ValueError as error:
        raise CardFileError(f"{source}: card {number}: {error}; allowed are {', '.join(Authentication)}") from None
    settings = {**entry, "tokens": tuple(entry.get("tokens", ())), "authentication": authentication}
    settings.setdefault("brand", "visa")
    return Card(**settings)


def _decline(name: str, entry: Json, *, source: str) -> Decline:
    _check_names(entry, allowed=(field.name for field in fields(Decline)), what=f"decline {name}", source=source)
    if "code" not in entry or "message" not in entry:
        raise CardFileError(f"{source}: decline {name} needs a code and a message")
    return Decline(name=name, **entry)


def _bank_account(entry: Json, *, source: str) -> BankAccount:
    _check_names(entry, allowed=(field.name for field in fields(BankAccount)), what="bank account", source=source)
    if entry.get("outcome") not in ("settle", "fail") or "iban" not in entry or "seconds" not in entry:
        raise CardFileError(f"{source}: a bank account needs iban, seconds and an outcome of 'settle' or 'fail'")
    return BankAccount(**entry)


def _check_names(entry: Json, *, allowed: Iterable[str], what: str, source: str) -> None:
    unknown = entry.keys() - set(allowed)
    if unknown:
        raise CardFileError(f"{source}: {what} has unknown fields: {', '.join(sorted(unknown))}")
