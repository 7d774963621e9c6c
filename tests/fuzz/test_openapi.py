"""3,000 requests and more, made from the OpenAPI document: right ones, wrong ones, and answers that must be as promised."""

import os

import pytest

from tests.fuzz.campaign import run_campaign
from tests.service.world import World

# More of it: FUZZ_EXAMPLES=200 pytest tests/fuzz
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "20"))
# Paths, and how many requests they come to at least: 3,000 together.
PARTS = {
    r"^/customers": 700,
    r"^/(payments|customers$)": 700,
    r"^/(disputes|operations|webhooks|events|audit-log|plans|reconciliation)": 1000,
    r"^/(webhook-endpoints|health|metrics)": 600,
    r"^/(usage/|meters)": 400,
    r"^/test-clocks": 200,
    r"^/(subscriptions|invoices|dunning)": 500,
}


@pytest.mark.parametrize("paths", PARTS)
def test_every_answer_is_documented_and_wrong_requests_are_refused(world: World, paths: str) -> None:
    found = run_campaign(world, paths=paths, examples=EXAMPLES)

    assert found.failures == {}, "\n\n".join(
        f"{name}\n{told}" for name, all_ in found.failures.items() for told in all_
    )
    assert found.requests >= PARTS[paths]
    assert max(found.statuses) < 500
