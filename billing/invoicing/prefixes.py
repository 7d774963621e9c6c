"""Rule: how the public ids of invoices begin."""

INVOICE_PREFIX = "inv"
