"""Rules for parameters: what a route takes, checked and turned from form text into values.

Each rule's `read` takes the encoded value and its full name (`card[exp_month]`) and returns the value, or raises the
error that Stripe answers with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from sandbox.json_types import Json
from sandbox.wire.errors import invalid_request, missing_parameter
from sandbox.wire.forms import as_list

_METADATA_KEYS_LIMIT = 50
_METADATA_KEY_LENGTH_LIMIT = 40
_METADATA_VALUE_LENGTH_LIMIT = 500
_ITEMS_LIMIT = 1000
_INTEGER_DIGITS_LIMIT = 18


class Rule(Protocol):
    """What a parameter's value must be."""

    def read(self, value: Any, *, name: str) -> Any:
        """Return the value, or raise ApiError."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """A string. An empty one unsets the field where that is allowed and is an error elsewhere."""

    max_length: int = 5000
    unsettable: bool = False

    def read(self, value: Any, *, name: str) -> str | None:
        """Return the text, or None for an empty one that unsets."""
        if not isinstance(value, str):
            raise invalid_request(message=f"Invalid string: {value}", param=name)
        if value == "":
            if self.unsettable:
                return None
            raise invalid_request(
                message=f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
                f"parameter; however '{name}' cannot be unset. You should remove '{name}' from your request or supply "
                "a non-empty value.",
                param=name,
                code="parameter_invalid_empty",
            )
        if len(value) > self.max_length:
            raise invalid_request(
                message=f"Invalid string: {value[:20]}...{value[-5:]}; must be at most {self.max_length} characters",
                param=name,
            )
        return value


@dataclass(frozen=True, slots=True)
class Url:
    """An address; `schemes` of None takes those of apps, too, but none that a browser would run."""

    schemes: tuple[str, ...] | None = None

    def read(self, value: Any, *, name: str) -> str:
        """Return the address."""
        if isinstance(value, str) and value.isprintable() and " " not in value and self._is_address(value):
            return value
        raise invalid_request(
            message="Invalid URL: An explicit scheme (such as https) must be provided.", param=name, code="url_invalid"
        )

    def _is_address(self, value: str) -> bool:
        try:
            parts = urlsplit(value)
            has_host = bool(parts.hostname) and parts.port != 0
        except ValueError:
            return False
        if self.schemes is not None:
            return parts.scheme in self.schemes and has_host
        return parts.scheme not in ("", "data", "javascript", "vbscript")


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number between two bounds, both included."""

    minimum: int | None = None
    maximum: int | None = None
    unsettable: bool = False

    def read(self, value: Any, *, name: str) -> int | None:
        """Return the number, or None for an empty text that unsets."""
        if value == "" and self.unsettable:
            return None
        text = value if isinstance(value, str) else ""
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= _INTEGER_DIGITS_LIMIT):
            raise invalid_request(message=f"Invalid integer: {value}", param=name, code="parameter_invalid_integer")
        number = int(text)
        if self.minimum is not None and number < self.minimum:
            bound = f"greater than or equal to {self.minimum}"
        elif self.maximum is not None and number > self.maximum:
            bound = f"less than or equal to {self.maximum}"
        else:
            return number
        raise invalid_request(message=f"This value must be {bound}.", param=name, code="parameter_invalid_integer")


@dataclass(frozen=True, slots=True)
class Boolean:
    """`true` or `false`."""

    def read(self, value: Any, *, name: str) -> bool:
        """Return the truth value."""
        if value not in ("true", "false"):
            raise invalid_request(message=f"Invalid boolean: {value}", param=name)
        return bool(value == "true")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several words."""

    words: tuple[str, ...]
    unsettable: bool = False

    def read(self, value: Any, *, name: str) -> str | None:
        """Return the word, or None for an empty text that unsets."""
        if value == "" and self.unsettable:
            return None
        if not isinstance(value, str) or value not in self.words:
            listed = ", ".join(self.words[:-1])
            allowed = f"{listed}, or {self.words[-1]}" if listed else self.words[-1]
            raise invalid_request(message=f"Invalid {name}: must be one of {allowed}", param=name)
        return value


@dataclass(frozen=True, slots=True)
class Fields:
    """A map with known names. Unknown names are refused, all of them in one error."""

    rules: Mapping[str, Rule]
    required: tuple[str, ...] = ()
    unsettable: bool = False

    def read(self, value: Any, *, name: str) -> Json | None:
        """Return the fields that were sent, or None for an empty text that unsets."""
        if value == "" and self.unsettable:
            return None
        if not isinstance(value, dict):
            raise invalid_request(message=f"Invalid {'hash' if name else 'request'}: {value}", param=name or None)
        unknown = [_full_name(name, key) for key in value if key not in self.rules]
        if unknown:
            noun = "parameter" if len(unknown) == 1 else "parameters"
            raise invalid_request(
                message=f"Received unknown {noun}: {', '.join(unknown)}", param=unknown[0], code="parameter_unknown"
            )
        for key in self.required:
            if key not in value:
                raise missing_parameter(param=_full_name(name, key))
        return {key: self.rules[key].read(item, name=_full_name(name, key)) for key, item in value.items()}


@dataclass(frozen=True, slots=True)
class Many:
    """An array of values of one kind. An empty text is an empty array where that is allowed."""

    item: Rule
    unsettable: bool = False

    def read(self, value: Any, *, name: str) -> list[Any]:
        """Return the items in the order in which they were sent."""
        if value == "" and self.unsettable:
            return []
        items = as_list(value)
        if items is None or len(items) > _ITEMS_LIMIT:
            raise invalid_request(message=f"Invalid array: {value}", param=name)
        return [self.item.read(item, name=f"{name}[{index}]") for index, item in enumerate(items)]


@dataclass(frozen=True, slots=True)
class Metadata:
    """Names and texts of the caller's own. An empty text removes one name; an empty map removes all."""

    def read(self, value: Any, *, name: str) -> dict[str, str | None] | None:
        """Return the changes (None removes that name), or None to remove all."""
        if value == "":
            return None
        if not isinstance(value, dict):
            raise invalid_request(message=f"Invalid hash: {value}", param=name)
        if len(value) > _METADATA_KEYS_LIMIT:
            raise invalid_request(
                message=f"You can only have up to {_METADATA_KEYS_LIMIT} metadata keys; got {len(value)}.", param=name
            )
        changes: dict[str, str | None] = {}
        for key, text in value.items():
            if len(key) > _METADATA_KEY_LENGTH_LIMIT:
                raise invalid_request(
                    message=f"Metadata keys can be at most {_METADATA_KEY_LENGTH_LIMIT} characters: {key}", param=name
                )
            changes[key] = Text(max_length=_METADATA_VALUE_LENGTH_LIMIT, unsettable=True).read(
                text, name=_full_name(name, key)
            )
        return changes


@dataclass(frozen=True, slots=True)
class Freeform:
    """A parameter that is accepted, in any shape, and echoed or ignored: the sandbox gives it no meaning."""

    def read(self, value: Any, *, name: str) -> Any:  # noqa: ARG002 - the protocol's signature
        """Return the value as it came."""
        return value


EXPAND = Many(Text())
TIMESTAMP = Integer(minimum=0)
ADDRESS = Fields(
    {key: Text(unsettable=True) for key in ("city", "country", "line1", "line2", "postal_code", "state")},
    unsettable=True,
)
CREATED = dict.fromkeys(("gt", "gte", "lt", "lte"), TIMESTAMP)


@dataclass(frozen=True, slots=True)
class CreatedFilter:
    """The filter of lists by age: a moment, or a map of `gt`, `gte`, `lt`, `lte`."""

    def read(self, value: Any, *, name: str) -> dict[str, int]:
        """Return the bounds; a single moment is both of them."""
        if isinstance(value, str):
            moment = TIMESTAMP.read(value, name=name)
            return {} if moment is None else {"gte": moment, "lte": moment}
        return Fields(CREATED).read(value, name=name) or {}


def _full_name(outer: str, key: str) -> str:
    return f"{outer}[{key}]" if outer else key


def merge_metadata(*, current: dict[str, str], changes: dict[str, str | None] | None) -> dict[str, str]:
    """Return the metadata after the changes that `Metadata` has read."""
    if changes is None:
        return {}
    merged: dict[str, str | None] = {**current, **changes}
    return {key: text for key, text in merged.items() if text is not None}
