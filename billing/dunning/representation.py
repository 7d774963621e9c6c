"""What callers and events see of a dunning case."""

from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.dunning.prefixes import CASE_PREFIX
from billing.invoicing.prefixes import INVOICE_PREFIX
from billing.subscriptions.prefixes import SUBSCRIPTION_PREFIX
from billing.timestamps import iso
from models.dunning import DunningCase
from models.ids import public_id


def case_representation(case: DunningCase) -> dict[str, object]:
    """Return the case as JSON-like data: how it stands, what comes next, and why."""
    return {
        "id": public_id(CASE_PREFIX, case.id),
        "invoice_id": public_id(INVOICE_PREFIX, case.invoice_id),
        "customer_id": public_id(CUSTOMER_PREFIX, case.customer_id),
        "subscription_id": public_id(SUBSCRIPTION_PREFIX, case.subscription_id) if case.subscription_id else None,
        "status": str(case.status),
        "failures": case.failures,
        "decline_code": case.decline_code,
        "category": case.category,
        "due_at": iso(case.due_at),
        "next_step": str(case.next_step) if case.next_step else None,
        "next_step_at": iso(case.next_step_at),
        "reason": case.reason,
        "opened_at": iso(case.opened_at),
        "ended_at": iso(case.ended_at),
    }
