"""What callers see of credits."""

from uuid import UUID

from billing.credits.answers import CreditAnswer
from billing.credits.balance import SOON, Balance
from billing.credits.prefixes import GRANT_PREFIX, HOLD_PREFIX, TRANSACTION_PREFIX, TRANSFER_PREFIX
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.timestamps import iso
from models.credits import CreditTransaction, TransactionType
from models.ids import public_id

_OF_A_GRANT = frozenset({TransactionType.REVOKE, TransactionType.GRANT_EXPIRED})
_OF_A_HOLD = frozenset(
    {TransactionType.HOLD, TransactionType.CAPTURE, TransactionType.RELEASE, TransactionType.HOLD_EXPIRED}
)
_OF_A_TRANSFER = frozenset(
    {
        TransactionType.TRANSFER_HOLD,
        TransactionType.TRANSFER_OUT,
        TransactionType.TRANSFER_IN,
        TransactionType.TRANSFER_REFUSED,
    }
)


def answer_representation(answer: CreditAnswer) -> dict[str, object]:
    """Return what an operation answers."""
    return {
        "id": public_id(TRANSACTION_PREFIX, answer.id),
        "customer_id": public_id(CUSTOMER_PREFIX, answer.customer_id),
        "operation": answer.operation,
        "amount": answer.amount,
        "balance": answer.balance,
        "created_at": iso(answer.at),
    }


def balance_representation(balance: Balance, *, granted: int) -> dict[str, object]:
    """Return an account; `granted` is all that was ever granted."""
    return {
        "customer_id": public_id(CUSTOMER_PREFIX, balance.customer_id),
        "balance": balance.balance,
        "held": balance.held,
        "debt": balance.debt,
        "granted": granted,
        "expiring": balance.expiring(within=SOON),
        "unlimited": balance.unlimited,
        "grants": [
            {
                "id": public_id(GRANT_PREFIX, grant.id),
                "kind": str(grant.kind),
                "remaining": grant.remaining,
                "expires_at": iso(grant.expires_at),
                "priority": grant.priority,
            }
            for grant in balance.grants
        ],
        "as_of": iso(balance.as_of),
    }


def transaction_representation(transaction: CreditTransaction) -> dict[str, object]:
    """Return one entry of the journal."""
    return {
        "id": public_id(TRANSACTION_PREFIX, transaction.id),
        "customer_id": public_id(CUSTOMER_PREFIX, transaction.customer_id),
        "type": str(transaction.type),
        "amount": transaction.amount,
        "balance": transaction.balance,
        "held": transaction.held,
        "operation": transaction.operation,
        "metadata": transaction.metadata_,
        "reference": _reference(transaction),
        "grants": _by_public_id(transaction.changes),
        "paid_by": _by_public_id(transaction.paid),
        "created_at": iso(transaction.created_at),
    }


def _reference(transaction: CreditTransaction) -> str | None:
    """Return the grant, hold or transfer that it is about under its public id, else what it says it is for (`pay_…`)."""
    if transaction.reference is None:
        return None
    for prefix, types in ((GRANT_PREFIX, _OF_A_GRANT), (HOLD_PREFIX, _OF_A_HOLD), (TRANSFER_PREFIX, _OF_A_TRANSFER)):
        if transaction.type in types:
            return public_id(prefix, UUID(transaction.reference))
    return transaction.reference


def _by_public_id(amounts: dict[str, int]) -> dict[str, int]:
    return {public_id(GRANT_PREFIX, UUID(grant)): amount for grant, amount in amounts.items()}
