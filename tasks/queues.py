"""The queues, by kind of work, and which hint goes where."""

from billing.hints import Hint

WEBHOOKS = "webhooks"
PAYMENTS = "payments"
BILLING = "billing"
DOCUMENTS = "documents"
MAINTENANCE = "maintenance"
QUEUES = (WEBHOOKS, PAYMENTS, BILLING, DOCUMENTS, MAINTENANCE)

# The task that each hint wakes.
HINT_TASKS: dict[Hint, tuple[str, str]] = {
    Hint.OPERATIONS: ("operations.run", PAYMENTS),
    Hint.INBOX: ("webhooks.process", WEBHOOKS),
    Hint.OUTBOX: ("outbox.relay", PAYMENTS),
    Hint.AUDIT: ("audit.seal", MAINTENANCE),
}
