"""The dispute object."""

from sandbox.identifiers import new_id
from sandbox.json_types import Json

_EVIDENCE_DAYS = 9
_DAY_SECONDS = 86_400

EVIDENCE_FIELDS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)

# What the cardholder's bank says, in the words of its network.
REASONS = {
    "bank_cannot_process": "13.9",
    "credit_not_processed": "13.7",
    "customer_initiated": "13.9",
    "duplicate": "12.6.1",
    "fraudulent": "10.4",
    "general": "10.4",
    "incorrect_account_details": "12.4",
    "insufficient_funds": "10.4",
    "product_not_received": "13.1",
    "product_unacceptable": "13.3",
    "subscription_canceled": "13.2",
    "unrecognized": "10.4",
}


def new_dispute(*, charge: Json, reason: str, created: int) -> Json:
    """Return a dispute of the whole charge that waits for evidence."""
    brand = charge["payment_method_details"].get("card", {}).get("brand", "visa")
    return {
        "id": new_id(prefix="du"),
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transaction": None,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE_FIELDS), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": created + _EVIDENCE_DAYS * _DAY_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "network_reason_code": REASONS[reason],
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": brand,
                "case_type": "chargeback",
                "network": brand,
                "network_reason_code": REASONS[reason],
            },
            "type": "card",
        },
        "reason": reason,
        "status": "needs_response",
    }
