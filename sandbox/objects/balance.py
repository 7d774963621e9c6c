"""The balance transaction object, and Stripe's fee."""

from sandbox.identifiers import new_id
from sandbox.json_types import Json

# 2.9 % and 30 of the smallest unit.
_FEE_PER_MILLE = 29
_FEE_FIXED = 30

_SETTLING_SECONDS = 2 * 86_400


def processing_fee(*, amount: int) -> int:
    """Return the fee for a payment in the smallest unit: 2.9 % rounded half up, and 30.

    For 10.50: 1050 x 29 / 1000 = 30.45, so 30, and 30 make 60.
    """
    return (amount * _FEE_PER_MILLE + 500) // 1000 + _FEE_FIXED


def new_balance_transaction(
    *, source: Json, amount: int, fee: int, entry_type: str, category: str, created: int, is_available: bool = False
) -> Json:
    """Return a movement of the balance; amounts are signed, in the smallest unit of the source's currency."""
    return {
        "id": new_id(prefix="txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": created if is_available else created + _SETTLING_SECONDS,
        "balance_type": "payments",
        "created": created,
        "currency": source["currency"],
        "description": source.get("description"),
        "exchange_rate": None,
        "fee": fee,
        "fee_details": _fee_details(fee=fee, currency=source["currency"]),
        "net": amount - fee,
        "reporting_category": category,
        "source": source["id"],
        "status": "available" if is_available else "pending",
        "type": entry_type,
    }


def settled_status(entry: Json, /, *, now: float) -> str:
    """Return whether the money of a movement has become available by now."""
    return "available" if now >= entry["available_on"] else "pending"


def _fee_details(*, fee: int, currency: str) -> list[Json]:
    if fee == 0:
        return []
    return [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
