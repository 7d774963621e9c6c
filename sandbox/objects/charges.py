"""The charge object, and what it tells of the payment method that paid it."""

import os

from sandbox.cards import Card, Decline
from sandbox.identifiers import new_id, random_text
from sandbox.json_types import Json

_RISK_SCORES = {"normal": 24, "elevated": 71, "highest": 92}


def new_charge(*, intent: Json, method: Json, created: int, base_url: str) -> Json:
    """Return a charge of the intent's whole amount that has neither succeeded nor failed yet."""
    charge_id = new_id(prefix="ch" if method["type"] == "card" else "py")
    return {
        "id": charge_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "authorization_code": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": intent["statement_descriptor"] or "SANDBOX",
        "captured": False,
        "created": created,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": None,
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": None,
        "presentment_details": None,
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"{base_url}/receipts/{charge_id}",
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "pending",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }


def card_payment_details(*, card: Card, method: Json, charge: Json, is_authenticated: bool) -> Json:
    """Return `payment_method_details` of a charge to a card."""
    shown = method["card"]
    unavailable = {"status": "unavailable"}
    return {
        "card": {
            "amount_authorized": charge["amount"],
            "authorization_code": None,
            "brand": card.brand,
            "checks": shown["checks"],
            "country": card.country,
            "exp_month": shown["exp_month"],
            "exp_year": shown["exp_year"],
            "extended_authorization": {"status": "disabled"},
            "fingerprint": card.fingerprint,
            "funding": card.funding,
            "incremental_authorization": unavailable,
            "installments": None,
            "last4": card.last4,
            "mandate": None,
            "multicapture": unavailable,
            "network": card.brand,
            "network_token": {"used": False},
            "network_transaction_id": str(int.from_bytes(os.urandom(6))).zfill(15),
            "overcapture": {"maximum_amount_capturable": charge["amount"], "status": "unavailable"},
            "regulated_status": "unregulated",
            "three_d_secure": _three_d_secure() if is_authenticated else None,
            "transaction_link_id": None,
            "wallet": None,
        },
        "type": "card",
    }


def debit_payment_details(*, method: Json, mandate: str | None) -> Json:
    """Return `payment_method_details` of a SEPA debit."""
    shown = method["sepa_debit"]
    return {
        "sepa_debit": {
            "bank_code": shown["bank_code"],
            "branch_code": shown["branch_code"],
            "country": shown["country"],
            "expected_debit_date": None,
            "fingerprint": shown["fingerprint"],
            "last4": shown["last4"],
            "mandate": mandate,
        },
        "type": "sepa_debit",
    }


def approved(*, risk: str) -> Json:
    """Return the outcome of a payment that the issuer has approved."""
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": "elevated_risk_level" if risk == "elevated" else None,
        "risk_level": risk,
        "risk_score": _RISK_SCORES[risk],
        "seller_message": "Payment complete.",
        "type": "authorized",
    }


def declined(*, decline: Decline, risk: str) -> Json:
    """Return the outcome of a payment that was declined: by the issuer, or blocked before it got there."""
    is_blocked = risk == "highest"
    return {
        "advice_code": decline.advice_code,
        "network_advice_code": None,
        "network_decline_code": decline.network_decline_code,
        "network_status": "not_sent_to_network" if is_blocked else "declined_by_network",
        "reason": "highest_risk_level" if is_blocked else decline.name,
        "risk_level": risk,
        "risk_score": _RISK_SCORES[risk],
        "seller_message": "Stripe blocked this payment as too risky."
        if is_blocked
        else f"The bank returned the decline code `{decline.name}`.",
        "type": "blocked" if is_blocked else "issuer_declined",
    }


def _three_d_secure() -> Json:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "exemption_indicator_applied": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": random_text(length=28),
        "version": "2.2.0",
    }
