"""Routes of payment methods."""

import re

from sandbox.api.customers import get_customer
from sandbox.api.lists import PAGE, list_objects
from sandbox.api.routing import Call, Route
from sandbox.cards import passes_luhn
from sandbox.json_types import Json
from sandbox.objects.addresses import billing_details
from sandbox.objects.payment_methods import new_card_method, new_sepa_method
from sandbox.payments.declines import decline_fields
from sandbox.payments.methods import attach_method, detach_method, resolve_method, token_expiry
from sandbox.wire.errors import CardError, invalid_request, missing_parameter, no_such
from sandbox.wire.parameters import ADDRESS, Choice, Fields, Integer, Metadata, Rule, Text, merge_metadata
from sandbox.work import Work

TYPES = ("card", "sepa_debit")

_BILLING_DETAILS = Fields(
    {
        "address": ADDRESS,
        "email": Text(unsettable=True),
        "name": Text(unsettable=True),
        "phone": Text(unsettable=True),
        "tax_id": Text(unsettable=True),
    }
)
_EXPIRY: dict[str, Rule] = {"exp_month": Integer(minimum=1, maximum=12), "exp_year": Integer(minimum=0)}
_CARD = Fields({"number": Text(), "cvc": Text(max_length=4), "token": Text(), **_EXPIRY, "networks": Fields({})})
_SHOWN_AGAIN = Choice(("always", "limited", "unspecified"))

_CREATE: dict[str, Rule] = {
    "allow_redisplay": _SHOWN_AGAIN,
    "billing_details": _BILLING_DETAILS,
    "card": _CARD,
    "metadata": Metadata(),
    "sepa_debit": Fields({"iban": Text()}, required=("iban",)),
    "type": Choice(TYPES),
}

METHOD_DATA = Fields(_CREATE, required=("type",))


def create_method(*, work: Work, data: Json) -> Json:
    """Store and return a payment method from raw details; cards only as far as they are test cards.

    Raises CardError for a wrong or an unknown number. No number that is not a test card's is ever stored.
    """
    details = data.get("billing_details")
    if data["type"] == "card":
        method = _card_method(work, data=data, details=details)
    else:
        method = _sepa_method(work, data=data, details=details)
    method["allow_redisplay"] = data.get("allow_redisplay", "unspecified")
    method["metadata"] = merge_metadata(current={}, changes=data.get("metadata", {}))
    return work.add(method)


def _create(call: Call) -> Json:
    return create_method(work=call.work, data=call.params)


def _retrieve(call: Call) -> Json:
    return call.work.get("payment_method", call.ids["payment_method"], param="payment_method")


def _update(call: Call) -> Json:
    method = call.work.get("payment_method", call.ids["payment_method"], param="payment_method")
    if method["customer"] is None:
        raise invalid_request(
            message="You must save this PaymentMethod to a customer before you can update it.", param="payment_method"
        )
    method |= call.changes("allow_redisplay")
    if "billing_details" in call.params:
        given = call.params["billing_details"]
        known = method["billing_details"]
        address = {**known["address"], **(given.get("address") or {})}
        method["billing_details"] = billing_details({**known, **given, "address": address})
    method.get("card", {}).update(call.params.get("card", {}))
    if "metadata" in call.params:
        method["metadata"] = merge_metadata(current=method["metadata"], changes=call.params["metadata"])
    return call.work.save(method, event="payment_method.updated", tells_difference=True)


def _list(call: Call) -> Json:
    customer = call.params.get("customer")
    if customer is not None:
        get_customer(work=call.work, customer_id=customer)
    facets = {"customer": customer, "type": call.params.get("type")}
    return list_objects(call=call, kind="payment_method", url="/v1/payment_methods", facets=facets)


def _attach(call: Call) -> Json:
    method = resolve_method(work=call.work, reference=call.ids["payment_method"])
    customer = get_customer(work=call.work, customer_id=call.params["customer"])
    return attach_method(work=call.work, method=method, customer=customer)


def _detach(call: Call) -> Json:
    method = call.work.get("payment_method", call.ids["payment_method"], param="payment_method")
    return detach_method(work=call.work, method=method)


def _card_method(work: Work, *, data: Json, details: Json | None) -> Json:
    given = data.get("card") or {}
    if "token" in given:
        # `tok_visa` names the same card as `pm_card_visa`.
        name = given["token"].replace("tok_", "pm_card_", 1)
        card = work.cards.by_token.get(name)
        if card is None:
            raise no_such(noun="token", object_id=given["token"], param="card[token]")
        month, year = token_expiry(work=work)
        return new_card_method(card=card, created=work.created, exp_month=month, exp_year=year, details=details)
    for name in ("number", "exp_month", "exp_year"):
        if name not in given:
            raise missing_parameter(param=f"card[{name}]")
    number = re.sub(r"[ -]", "", given["number"])
    if not passes_luhn(number):
        raise CardError(message="Your card number is incorrect.", code="incorrect_number", param="number")
    card = work.cards.by_number.get(number)
    if card is None:
        decline = work.cards.declines["test_mode_live_card"]
        raise CardError(message=decline.message, code=decline.code, details=decline_fields(decline))
    year = given["exp_year"] + (2000 if given["exp_year"] < 100 else 0)
    _check_expiry(work, year=year, month=given["exp_month"])
    return new_card_method(
        card=card, created=work.created, exp_month=given["exp_month"], exp_year=year, details=details
    )


def _check_expiry(work: Work, *, year: int, month: int) -> None:
    this_year, this_month = work.year_and_month
    if year < this_year or year > this_year + 50:
        raise CardError(message="Your card's expiration year is invalid.", code="invalid_expiry_year", param="exp_year")
    if (year, month) < (this_year, this_month):
        raise CardError(
            message="Your card's expiration month is invalid.", code="invalid_expiry_month", param="exp_month"
        )


def _sepa_method(work: Work, *, data: Json, details: Json | None) -> Json:
    known = details or {}
    for name in ("name", "email"):
        if known.get(name) is None:
            raise missing_parameter(param=f"billing_details[{name}]")
    if "sepa_debit" not in data:
        raise missing_parameter(param="sepa_debit")
    iban = data["sepa_debit"]["iban"].replace(" ", "").upper()
    account = work.cards.by_iban.get(iban)
    if account is None:
        raise invalid_request(
            message="The IBAN you provided is invalid: in test mode only the test bank accounts are known.",
            param="sepa_debit[iban]",
            code="invalid_bank_account_iban",
        )
    return new_sepa_method(account=account, created=work.created, details=known)


ROUTES = (
    Route("POST", "/v1/payment_methods", _create, _CREATE, required=("type",), publishable=True),
    Route("GET", "/v1/payment_methods", _list, {**PAGE, "customer": Text(), "type": Text()}),
    Route("GET", "/v1/payment_methods/{payment_method}", _retrieve),
    Route(
        "POST",
        "/v1/payment_methods/{payment_method}",
        _update,
        {
            "allow_redisplay": _SHOWN_AGAIN,
            "billing_details": _BILLING_DETAILS,
            "card": Fields(_EXPIRY),
            "metadata": Metadata(),
        },
    ),
    Route("POST", "/v1/payment_methods/{payment_method}/attach", _attach, {"customer": Text()}, required=("customer",)),
    Route("POST", "/v1/payment_methods/{payment_method}/detach", _detach),
)
