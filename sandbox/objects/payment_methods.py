"""The payment method object, for cards and for SEPA debit."""

from sandbox.cards import Authentication, BankAccount, Card
from sandbox.hidden import hidden
from sandbox.identifiers import new_id, random_text
from sandbox.json_types import Json
from sandbox.objects.addresses import billing_details

# What identifies the customer's bank in an IBAN, after the country and the check digits.
_BANK_CODE = slice(4, 12)


def new_card_method(*, card: Card, created: int, exp_month: int, exp_year: int, details: Json | None = None) -> Json:
    """Return a payment method of a test card, not attached to anybody."""
    body = _new_method(method_type="card", created=created, details=details)
    body["card"] = {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "unchecked"},
        "country": card.country,
        "display_brand": display_brand(card),
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card.authentication is not Authentication.UNSUPPORTED},
        "wallet": None,
    }
    hidden(body)["number"] = card.number
    return body


def new_sepa_method(*, account: BankAccount, created: int, details: Json) -> Json:
    """Return a payment method of a test bank account, not attached to anybody."""
    body = _new_method(method_type="sepa_debit", created=created, details=details)
    body["sepa_debit"] = {
        "bank_code": account.iban[_BANK_CODE],
        "branch_code": "",
        "country": account.iban[:2],
        "fingerprint": random_text(length=16),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": account.iban[-4:],
    }
    hidden(body)["iban"] = account.iban
    return body


def display_brand(card: Card, /) -> str:
    """Return the brand in the words of the field of that name."""
    return {"amex": "american_express", "diners": "diners_club", "unionpay": "union_pay"}.get(card.brand, card.brand)


def _new_method(*, method_type: str, created: int, details: Json | None) -> Json:
    return {
        "id": new_id(prefix="pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(details),
        "created": created,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": method_type,
    }
