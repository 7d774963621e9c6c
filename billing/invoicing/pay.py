"""Use case: pay an issued invoice, now. Its payment is made, or tried again with this or another payment method."""

from datetime import datetime

from sqlalchemy.orm import Session

from billing import operations
from billing.actor import Actor
from billing.errors import Conflict
from billing.invoicing.collect import Collected, collect, default_payment_method, payment_of
from billing.invoicing.prefixes import INVOICE_PREFIX
from billing.payments.lifecycle import CONFIRMABLE, FINAL
from billing.payments.representation import PREFIX as PAYMENT_PREFIX
from models.customer import Customer
from models.ids import public_id
from models.invoice import Invoice, InvoiceStatus
from models.payment import PaymentStatus

PAY_KIND = "invoice.pay"
PAY_AGAIN_KIND = "invoice.pay_again"


class InvoiceNotPayable(Conflict):
    """The invoice is not open, or its payment is under way."""

    code = "invoice_not_payable"


class PaymentBeingGivenUp(Conflict):
    """The invoice's payment is of more than is left to pay; it is being canceled, and another one can be made then."""

    code = "invoice_payment_being_given_up"


class PaymentMethodNeeded(Conflict):
    """Neither was a payment method named, nor does the customer have a default one."""

    code = "payment_method_needed"


def pay(
    session: Session,
    *,
    customer: Customer,
    invoice: Invoice,
    payment_method: str | None,
    off_session: bool,
    actor: Actor,
    now: datetime,
) -> Collected:
    """Leave the operation that makes the invoice's payment, or tries it again; `payment_method` None: the customer's default.

    The caller holds the locks of customer and invoice. Raises InvoiceNotPayable, PaymentBeingGivenUp, PaymentMethodNeeded,
    OperationUnderWay.
    """
    if invoice.status not in {InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE}:
        raise InvoiceNotPayable(f"an invoice that is {invoice.status} cannot be paid; it takes one that is open")
    public = public_id(INVOICE_PREFIX, invoice.id)
    method = payment_method or default_payment_method(session, customer=customer)
    if method is None:
        raise PaymentMethodNeeded("name a payment_method, or give the customer a default one")
    payment = payment_of(session, invoice=invoice)
    if payment is None or payment.status in FINAL:
        return collect(
            session,
            customer=customer,
            invoice=invoice,
            payment_method=method,
            off_session=off_session,
            kind=PAY_KIND,
            resource_type="invoice",
            resource_id=public,
            actor=actor,
            now=now,
        )
    if payment.status not in CONFIRMABLE:
        hint = "wait for it" if payment.status is PaymentStatus.PROCESSING else "wait until the gateway knows it"
        raise InvoiceNotPayable(f"the invoice's payment is {payment.status}; {hint}")
    if payment.amount_minor > invoice.remaining_minor:
        raise PaymentBeingGivenUp(
            f"the invoice's payment of {payment.amount_minor} {payment.currency} minor units is being canceled, because "
            f"{invoice.remaining_minor} are left to pay; try again in a moment"
        )
    operation = operations.enqueue(
        session,
        kind=PAY_AGAIN_KIND,
        customer_id=customer.id,
        resource_type="invoice",
        resource_id=public,
        params={
            "payment_id": public_id(PAYMENT_PREFIX, payment.id),
            "payment_method": method,
            "off_session": off_session,
            "return_url": payment.return_url,
        },
        actor=actor,
        now=now,
    )
    return Collected(payment, operation)
