"""What is checked on a request's body before anything looks at it: size, media type, JSON, depth, characters, card numbers."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import Request

from app.json_pointer import json_pointer
from billing.card_numbers import contains_card_number
from billing.errors import BadRequest, BillingError, FieldFault, Invalid

BODY_BYTES_MAX = 1024 * 1024
DEPTH_MAX = 32
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
# A card number has no more digits than this; a number with more is not written out to be looked at.
_DIGITS_MAX = 20


class BodyTooLarge(BillingError):
    """The body is larger than 1 MiB."""

    status = 413
    code = "body_too_large"
    title = "Body too large"

    def __init__(self) -> None:
        super().__init__(f"a body has at most {BODY_BYTES_MAX} bytes")


class BodyMalformed(BadRequest):
    """The body is not JSON in UTF-8, or not the object or the array that the route takes."""

    code = "body_malformed"


class BodyTooDeep(BadRequest):
    """The body nests deeper than anything that we take."""

    code = "body_too_deep"


class BodyOfOtherType(BillingError):
    """The body is not said to be JSON, or not of a kind that the route takes."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"


class CharacterRefused(Invalid):
    """A text holds a character that cannot be stored."""

    code = "character_refused"


class CardDataRejected(BadRequest):
    """The body holds a card number. It was neither stored nor logged."""

    code = "card_data_rejected"


@dataclass(frozen=True, kw_only=True)
class BodyForm:
    """What a route takes as its body: media types, each with the JSON that it may hold (`dict`, `list`).

    With `exact_numbers` a number with a fraction or an exponent is a Decimal, as it was written. `documented` is the schema of
    each media type, where the generator of the OpenAPI document cannot see it in the view.
    """

    media_types: Mapping[str, tuple[type, ...]]
    exact_numbers: bool = False
    documented: Mapping[str, Mapping[str, Any]] | None = None


JSON_OBJECT = BodyForm(media_types={"application/json": (dict,)})


class BillingRequest(Request):
    """Flask's request with our limits; `get_json` gives the body that was checked, `{}` for none."""

    # One byte more than is taken: a body of undeclared length is cut there without a word, and must show that it was.
    max_content_length = BODY_BYTES_MAX + 1
    checked_body: dict[str, Any] | list[Any] | None = None

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:  # noqa: ARG002, FBT001, FBT002 - Flask's signature
        """Return the checked body."""
        return self.checked_body


def read_body(request: Request) -> bytes:
    """Return the body's bytes. Raises BodyTooLarge, whether its length was declared or not."""
    raw = request.get_data(cache=True)
    if len(raw) > BODY_BYTES_MAX:
        raise BodyTooLarge
    return raw


def check_body(request: BillingRequest, *, form: BodyForm = JSON_OBJECT) -> None:
    """Read and check the body of a request that may have one.

    Raises BodyTooLarge, BodyOfOtherType, BodyMalformed, BodyTooDeep, CharacterRefused, CardDataRejected.
    """
    raw = read_body(request)
    if not raw:
        request.checked_body = {}
        return
    text = raw.decode("utf-8", "replace")
    if contains_card_number(text):
        raise CardDataRejected(_CARD_DETAIL)
    if request.mimetype not in form.media_types:
        raise BodyOfOtherType(f"the body must be JSON, sent with Content-Type: {' or '.join(form.media_types)}")
    try:
        body = json.loads(
            raw.decode("utf-8"),
            parse_float=Decimal if form.exact_numbers else None,
            parse_constant=_refuse_constant,
            object_pairs_hook=_without_repeats,
        )
    except RecursionError:
        raise BodyTooDeep(f"the body nests deeper than {DEPTH_MAX} levels") from None
    except ValueError as error:
        position = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise BodyMalformed(f"the body is not JSON in UTF-8{position}") from None
    kinds = form.media_types[request.mimetype]
    if type(body) not in kinds:
        raise BodyMalformed(f"the body must be a JSON {' or '.join(_KINDS[kind] for kind in kinds)}")
    faults: list[FieldFault] = []
    _walk(body, pointer="", depth=1, faults=faults)
    if faults:
        raise CharacterRefused("a text holds a NUL character or a half of a surrogate pair", errors=faults)
    request.checked_body = body


_KINDS: Mapping[type, str] = {dict: "object", list: "array"}
_CARD_DETAIL = "the body holds a card number; send a payment method's id (pm_…) instead. Nothing was stored or logged"


def _walk(value: Any, *, pointer: str, depth: int, faults: list[FieldFault]) -> None:
    if isinstance(value, str):
        _check_text(value, pointer=pointer, faults=faults)
        return
    if isinstance(value, int | float | Decimal):
        _check_number(value)
        return
    if not isinstance(value, dict | list):
        return
    if depth > DEPTH_MAX:
        raise BodyTooDeep(f"the body nests deeper than {DEPTH_MAX} levels")
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        here = pointer + json_pointer([key])
        if isinstance(key, str):
            _check_text(key, pointer=pointer, faults=faults)
        _walk(item, pointer=here, depth=depth + 1, faults=faults)


def _check_number(number: float | Decimal) -> None:
    if isinstance(number, Decimal) and number.adjusted() >= _DIGITS_MAX:
        return
    # 4242424242424242.0 and 4.242424242424242e15 are the number, too.
    if contains_card_number(str(number) if isinstance(number, int) else f"{number:.0f}"):
        raise CardDataRejected(_CARD_DETAIL)


def _check_text(text: str, *, pointer: str, faults: list[FieldFault]) -> None:
    if contains_card_number(text):
        raise CardDataRejected(_CARD_DETAIL)
    if _NOT_STORABLE.search(text):
        faults.append(FieldFault(pointer, "character_refused", "holds a NUL character or a half of a surrogate pair"))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that stands twice in one object: readers disagree about which of its values counts (RFC 8259, 4)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found
