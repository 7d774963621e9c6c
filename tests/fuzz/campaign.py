"""One campaign of schemathesis against the API in this process, and what it found."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.engine import events, from_schema

from tests.fuzz.gate import Gate
from tests.service.one_of_each import objects_of
from tests.service.world import World

SEED = 20_261_123
_SHOWN_MAX = 3

# What no schema can say of a request: the rule of each of these codes is about values, or about what is there already.
# A refusal of a request that fits its schema under any other code is a fault of the document, or of the code.
BEYOND_A_SCHEMA = {
    "card_data_rejected": "digits that a card's number has",
    "character_refused": "NUL, which JSON has and Postgres has not",
    "amount_not_chargeable": "the range and the steps depend on the currency",
    "capture_too_large": "depends on what is reserved",
    "refund_too_large": "depends on what is left",
    "terms_contradict": "one field asks for another",
    "evidence_missing": "null is no evidence",
    "scopes_unknown": "depends on the key that asks",
    "event_type_unknown": "the list grows with the service",
    "webhook_url_refused": "depends on where the address leads",
    "feature_not_consumable": "depends on the kind of the feature that the path names",
    "use_not_given_back": "as the one before",
    "entitlement_exceeded": "depends on the plan, and on what is used",
    "credit_purchase_too_small": "depends on MIN_CREDIT_PURCHASE",
    "currency_not_priced": "depends on CREDIT_PRICES",
    "auto_top_up_needs_payment_method": "one field asks for another",
    "event_of_other_mode": "depends on the installation",
    "usage_type_not_metered": "depends on the meters that there are",
    "usage_value_invalid": "depends on what the meter counts",
    "usage_too_late": "depends on the time",
    "usage_too_early": "as the one before",
    "payment_method_missing": "depends on whether the payment has one",
    "price_not_found": "depends on the catalog",
    "coupon_not_redeemable": "as the one before",
    "credit_note_too_large": "depends on what is left of the invoice",
    "preview_token_refused": "depends on what was previewed",
    "proration_date_outside": "depends on the period, and on the time",
    "plan_not_offered": "as the one before",
    "test_clock_time_out_of_range": "a schema bounds no instant",
    "test_clock_not_forward": "depends on what time it is there",
    "test_clock_too_far": "as the one before",
}
# The same for single fields, by pointer and code.
FIELDS_BEYOND_A_SCHEMA = {("/currency", "value_error"): "ISO 4217, in any case"}
# JSON Schema counts 1.0 among the integers; money does not, nor does anything else that is counted here.
BEYOND_ANY_SCHEMA = "int_type"
# GET /payments/{payment_id} takes these words as ids: it is a 404, and still a method that the path knows.
WORDS_FOR_IDS = {"/payments/intent", "/payments/confirm", "/payments/refund"}


@dataclass
class Found:
    """What a campaign came to."""

    requests: int
    statuses: dict[int, int]
    failures: dict[str, list[str]] = field(default_factory=dict)


def run_campaign(world: World, *, paths: str, examples: int) -> Found:
    """Send examples, what covers each constraint, and random requests, right and wrong, to the routes of `paths`, a regex."""
    objects_of(world)
    gate = Gate(world)
    config = schemathesis.Config.from_dict(
        {
            "seed": SEED,
            "headers": {"Authorization": f"Bearer {world.key()}"},
            "continue-on-failure": True,
            "generation": {"deterministic": True, "max-examples": examples, "database": "none", "no-shrink": True},
            "phases": {"stateful": {"enabled": False}},
            # Asked by the gate: the library's own probe does not run in-process (it hands settings of sockets to werkzeug).
            "checks": {"ignored_auth": {"enabled": False}},
        }
    )
    schema = schemathesis.openapi.from_wsgi("/openapi.json", gate, config=config)
    schema.hook(filter_failure)
    failures: dict[str, list[str]] = defaultdict(list)
    for event in from_schema(schema.include(path_regex=paths)).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            failures["error"].append(str(getattr(event, "value", None) or getattr(event, "exception", event)))
        elif isinstance(event, events.ScenarioFinished):
            for name, told in _failures_of(event):
                failures[name].append(told)
    failures["gate"] += gate.faults
    return Found(
        gate.requests, dict(gate.statuses), {name: told[:_SHOWN_MAX] for name, told in failures.items() if told}
    )


def filter_failure(context: Any, failure: Failure, case: Any, response: Any) -> bool:
    """Keep a failure unless it is one of those that no document could avoid."""
    match type(failure).__name__:
        case "AllowHeaderMismatch":
            return case.path not in WORDS_FOR_IDS
        case "RejectedPositiveData" if response.status_code in {400, 402, 422}:
            problem = response.json()
            at_fault = {(fault["pointer"], fault["code"]) for fault in problem.get("errors", ())}
            fields_are = bool(at_fault) and all(_is_beyond_a_schema(*each) for each in at_fault)
            return not (problem["code"] in BEYOND_A_SCHEMA or fields_are)
    return True


def _is_beyond_a_schema(pointer: str, code: str) -> bool:
    # The generator does not look at how long the names of a map may be.
    is_name = pointer.startswith("/addons/") and code in {"string_too_short", "string_too_long"}
    return (pointer, code) in FIELDS_BEYOND_A_SCHEMA or code == BEYOND_ANY_SCHEMA or is_name


def _failures_of(event: events.ScenarioFinished) -> list[tuple[str, str]]:
    found = []
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            sent = event.recorder.interactions[case_id]
            answered = sent.response.content[:500] if sent.response is not None else None
            told = (
                f"{check.failure_info.failure.message}\n"
                f"{sent.request.method} {sent.request.uri} {sent.request.body!r:.400}\n{answered!r}"
            )
            found.append((f"{event.recorder.label}: {check.name}", told))
    return found
