"""Use case: a customer's balance, the money that invoices below zero left with us, grows or shrinks."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from models.invoice import CustomerBalance


def move_balance(session: Session, *, customer_id: UUID, currency: str, amount: int, at: datetime) -> None:
    """Add `amount` minor units to the balance, or take them where it is negative. The caller holds the customer's lock.

    The books are moved by the entry of whatever this is a part of.
    """
    if not amount:
        return
    session.flush()  # of an earlier move in this transaction
    balance = session.get(CustomerBalance, (customer_id, currency), populate_existing=True)
    if balance is None:
        balance = CustomerBalance(customer_id=customer_id, currency=currency, amount_minor=0)
        session.add(balance)
    balance.amount_minor += amount
    balance.updated_at = at
