"""What callers, events and the audit log see of an invoice."""

from collections.abc import Sequence

from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.invoicing.prefixes import CREDIT_NOTE_PREFIX, INVOICE_PREFIX, line_id
from billing.payments.representation import PREFIX as PAYMENT_PREFIX
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from billing.tax.rule import TaxPart
from billing.timestamps import iso
from models.credit_note import CreditNote
from models.ids import public_id
from models.invoice import Invoice, InvoiceLine, InvoiceTax
from models.payment import Payment


def invoice_representation(
    invoice: Invoice,
    *,
    lines: Sequence[InvoiceLine],
    taxes: Sequence[InvoiceTax],
    payments: Sequence[Payment] = (),
    credit_notes: Sequence[CreditNote] = (),
) -> dict[str, object]:
    """Return the invoice as JSON-like data, its lines, taxes, payments and credit notes in their order."""
    return {
        "id": public_id(INVOICE_PREFIX, invoice.id),
        "number": invoice.number,
        "status": str(invoice.status),
        "customer_id": public_id(CUSTOMER_PREFIX, invoice.customer_id),
        "subscription_id": public_id(SUBSCRIPTION_PREFIX, invoice.subscription_id) if invoice.subscription_id else None,
        "billing_reason": str(invoice.billing_reason),
        "collection": str(invoice.collection),
        "currency": invoice.currency,
        "period_start": iso(invoice.period_start),
        "period_end": iso(invoice.period_end),
        "lines": [line_representation(line) for line in lines],
        "subtotal_amount": invoice.subtotal_minor,
        "discount_amount": invoice.discount_minor,
        "tax_amount": invoice.tax_minor,
        "taxes": [tax_representation(tax) for tax in taxes],
        "total_amount": invoice.total_minor,
        "balance_amount": invoice.balance_minor,
        "amount_due": invoice.amount_due_minor,
        "amount_paid": invoice.amount_paid_minor,
        "amount_remaining": invoice.remaining_minor,
        "amount_credited": invoice.amount_credited_minor,
        "credit_notes": [
            {
                "id": public_id(CREDIT_NOTE_PREFIX, note.id),
                "number": note.number,
                "amount": note.total_minor,
                "created_at": iso(note.created_at),
            }
            for note in credit_notes
        ],
        "payments": [
            {
                "id": public_id(PAYMENT_PREFIX, payment.id),
                "status": str(payment.status),
                "amount": payment.amount_minor,
                "decline_code": payment.decline_code,
            }
            for payment in payments
        ],
        "metadata": invoice.metadata_,
        "due_at": iso(invoice.due_at),
        "finalized_at": iso(invoice.finalized_at),
        "paid_at": iso(invoice.paid_at),
        "voided_at": iso(invoice.voided_at),
        "created_at": iso(invoice.created_at),
        "updated_at": iso(invoice.updated_at),
    }


def tax_representation(tax: InvoiceTax | TaxPart) -> dict[str, object]:
    """Return one tax as JSON-like data."""
    return {
        "name": tax.name,
        "rate": f"{tax.rate.normalize():f}",
        "taxable_amount": tax.taxable_minor,
        "amount": tax.amount_minor,
        "reason": tax.reason,
    }


def line_representation(line: InvoiceLine) -> dict[str, object]:
    """Return one line as JSON-like data, with the id by which a credit note names it."""
    return {"id": line_id(line.invoice_id, line.position), **line_content(line)}


def line_content(line: InvoiceLine) -> dict[str, object]:
    """Return what a line says as JSON-like data, also before it is of an invoice."""
    return {
        "kind": str(line.kind),
        "description": line.description,
        "quantity": line.quantity,
        "amount": line.amount_minor,
        "discount_amount": line.discount_minor,
        "currency": line.currency,
        "period_start": iso(line.period_start),
        "period_end": iso(line.period_end),
        "formula": line.formula,
    }
