"""The queues, by kind of work, and which task goes where."""

from billing.hints import Hint

WEBHOOKS = "webhooks"
PAYMENTS = "payments"
BILLING = "billing"
DOCUMENTS = "documents"
MAINTENANCE = "maintenance"
OUTGOING = "outgoing"
QUEUES = (WEBHOOKS, PAYMENTS, BILLING, DOCUMENTS, MAINTENANCE, OUTGOING)

# Every task, and the queue that it goes to.
TASK_QUEUES = {
    "audit.seal": MAINTENANCE,
    "credits.drain": BILLING,
    "credits.rebuild": MAINTENANCE,
    "credits.sweep": MAINTENANCE,
    "dunning.run": BILLING,
    "events.purge": MAINTENANCE,
    "gateway.ping": PAYMENTS,
    "ledger.roll_up": MAINTENANCE,
    "maintenance.canary": MAINTENANCE,
    "maintenance.invariants": MAINTENANCE,
    "maintenance.purge": MAINTENANCE,
    "maintenance.sweep": MAINTENANCE,
    "operations.run": PAYMENTS,
    "outbox.relay": PAYMENTS,
    "reconciliation.begin": MAINTENANCE,
    "reconciliation.run": MAINTENANCE,
    "outgoing.deliver": OUTGOING,
    "subscriptions.run": BILLING,
    "usage.charge": BILLING,
    "webhooks.process": WEBHOOKS,
    "webhooks.resync": MAINTENANCE,
}
# The task that each hint wakes.
HINT_TASKS = {
    Hint.OPERATIONS: "operations.run",
    Hint.INBOX: "webhooks.process",
    Hint.OUTBOX: "outbox.relay",
    Hint.AUDIT: "audit.seal",
    Hint.RECONCILIATION: "reconciliation.run",
    Hint.OUTGOING: "outgoing.deliver",
    Hint.CREDITS: "credits.drain",
    Hint.CREDITS_REBUILD: "credits.rebuild",
    Hint.USAGE: "usage.charge",
}
