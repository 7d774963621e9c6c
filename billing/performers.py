"""Who performs which kind of operation. To add a kind is to write its performer, and to name it here."""

from collections.abc import Callable

from billing.credits import purchase as credit_purchase
from billing.credits.perform_purchase import perform_purchase
from billing.invoicing import credit_note as invoice_credit_note
from billing.invoicing import pay as invoice_pay
from billing.invoicing.perform_credit_refund import perform_credit_refund
from billing.invoicing.perform_payment import perform_invoice_payment
from billing.mirror import import_subscription as subscription_import
from billing.mirror.perform_import import perform_import
from billing.operation_outcome import Settlement
from billing.payment_methods import requests as payment_method_requests
from billing.payment_methods.perform import perform_attachment, perform_detachment
from billing.payments import create as payment_create
from billing.payments import dispute_evidence
from billing.payments import refund as payment_refund
from billing.payments import requests as payment_requests
from billing.payments.perform import perform_payment_operation
from billing.payments.perform_evidence import perform_evidence_operation
from billing.payments.perform_refund import perform_refund_operation
from billing.setup_intents import requests as setup_intent_requests
from billing.setup_intents.perform import perform_setup_operation
from billing.subscriptions import change as subscription_change
from billing.subscriptions import create as subscription_create
from billing.test_clocks import advance as clock_advance
from billing.test_clocks.perform_advance import perform_advance

Performer = Callable[..., Settlement]
PERFORMERS: dict[str, Performer] = {
    payment_create.OPERATION_KIND: perform_payment_operation,
    payment_requests.CONFIRM_KIND: perform_payment_operation,
    payment_requests.CAPTURE_KIND: perform_payment_operation,
    payment_requests.CANCEL_KIND: perform_payment_operation,
    payment_refund.OPERATION_KIND: perform_refund_operation,
    dispute_evidence.OPERATION_KIND: perform_evidence_operation,
    payment_method_requests.ATTACH_KIND: perform_attachment,
    payment_method_requests.DETACH_KIND: perform_detachment,
    credit_purchase.OPERATION_KIND: perform_purchase,
    subscription_create.OPERATION_KIND: perform_invoice_payment,
    subscription_change.OPERATION_KIND: perform_invoice_payment,
    subscription_import.OPERATION_KIND: perform_import,
    invoice_pay.PAY_KIND: perform_invoice_payment,
    invoice_pay.PAY_AGAIN_KIND: perform_invoice_payment,
    invoice_credit_note.REFUND_KIND: perform_credit_refund,
    setup_intent_requests.CREATE_KIND: perform_setup_operation,
    setup_intent_requests.CONFIRM_KIND: perform_setup_operation,
    clock_advance.OPERATION_KIND: perform_advance,
}
# What else is written down with the failure of an operation that did not come to a settlement of its own.
WHEN_FAILED: dict[str, Callable[..., None]] = {clock_advance.OPERATION_KIND: clock_advance.stop_advance}
