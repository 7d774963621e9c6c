"""The refund object."""

from sandbox.identifiers import new_id
from sandbox.json_types import Json


def new_refund(*, charge: Json, amount: int, created: int) -> Json:
    """Return a refund that has succeeded, of a part or the whole of a charge."""
    return {
        "id": new_id(prefix="re" if charge["id"].startswith("ch_") else "pyr"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": _destination(charge),
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def _destination(charge: Json) -> Json:
    method_type = charge["payment_method_details"]["type"]
    if method_type != "card":
        return {method_type: {"reference": None, "reference_status": None}, "type": method_type}
    return {
        "card": {
            "reference": None,
            "reference_status": "pending",
            "reference_type": "acquirer_reference_number",
            "type": "refund" if charge["captured"] else "reversal",
        },
        "type": "card",
    }
