"""What callers and events see of a purchase of credits."""

from collections.abc import Sequence

from billing.credits.prefixes import GRANT_PREFIX, PURCHASE_PREFIX
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.payments.representation import PREFIX as PAYMENT_PREFIX
from billing.payments.representation import payment_representation
from billing.timestamps import iso
from models.credits import CreditPurchase
from models.dispute import Dispute
from models.ids import public_id
from models.payment import Payment, PaymentStatus
from models.refund import Refund


def purchase_representation(purchase: CreditPurchase, *, payment_status: PaymentStatus) -> dict[str, object]:
    """Return the purchase as JSON-like data; `amount` is credits, `price` minor units of `currency`.

    `status` is that of the payment, `crediting` while the money is there and the credits are not, `completed` from then on.
    """
    return {
        "id": public_id(PURCHASE_PREFIX, purchase.id),
        "customer_id": public_id(CUSTOMER_PREFIX, purchase.customer_id),
        "status": _status(purchase, payment_status),
        "amount": purchase.credits,
        "price": purchase.price_minor,
        "currency": purchase.currency,
        "credited": purchase.granted - purchase.refunded - purchase.disputed,
        "taken_back": {"refunded": purchase.refunded, "disputed": purchase.disputed},
        "payment_id": public_id(PAYMENT_PREFIX, purchase.id),
        "grant_id": public_id(GRANT_PREFIX, purchase.id) if purchase.granted else None,
        "created_at": iso(purchase.created_at),
        "completed_at": iso(purchase.completed_at),
    }


def purchase_with_payment(
    purchase: CreditPurchase, payment: Payment, *, refunds: Sequence[Refund], disputes: Sequence[Dispute]
) -> dict[str, object]:
    """Return the purchase with its payment, for who has to authenticate it, or wants to know why it was declined."""
    return purchase_representation(purchase, payment_status=payment.status) | {
        "payment": payment_representation(payment, refunds=refunds, disputes=disputes)
    }


def _status(purchase: CreditPurchase, payment_status: PaymentStatus) -> str:
    if purchase.granted:
        return "completed"
    return "crediting" if payment_status is PaymentStatus.SUCCEEDED else str(payment_status)
