"""Whatever a subscription is changed to, and when: what was shown is billed, and each part of the period costs its part."""

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from billing.invariants import check_invariants
from tests.integration.subscriptions.stories import Story
from tests.service.catalog import catalog_kept, change_catalog
from tests.service.servers import ServiceServers
from tests.service.world import World

START = datetime(2026, 1, 1)  # noqa: DTZ001 - clocks are told the time as text in UTC
DAYS = 31
PRICES = {"pro": 2900, "team": 9900}
SHOWN = ("subtotal_amount", "discount_amount", "tax_amount", "total_amount", "balance_amount", "amount_due")

# On a clock in another year what is late in real time says nothing.
ABOUT_THE_PRESENT: set[str] = set()

steps = st.lists(
    st.fixed_dictionaries(
        {
            "days": st.integers(1, 9),
            "seconds": st.integers(0, 86_399),
            "plan": st.sampled_from(sorted(PRICES)),
            "quantity": st.integers(1, 5),
            "proration": st.sampled_from(["invoice_now", "create"]),
        }
    ),
    min_size=1,
    max_size=3,
)
policies = st.sampled_from(
    [
        {"granularity": "second"},
        {"granularity": "day", "event_day": "new_plan"},
        {"granularity": "day", "event_day": "old_plan"},
        {"granularity": "fixed_30"},
    ]
)


# A story takes seconds: what was found is told, and not made smaller.
@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=steps, policy=policies)
def test_preview_equals_actual_and_the_parts_make_the_whole(
    servers: ServiceServers, steps: list[dict[str, Any]], policy: dict[str, str]
) -> None:
    servers.reset()
    with World.open(servers) as world, catalog_kept(world):
        change_catalog(world, "UPDATE prices SET scheme = 'per_unit'")
        world.open_credits()
        story = Story(world, begins=START.isoformat())
        subscription = story.subscribe("team", quantity=2, trial_days=0, proration_policy=policy)
        at, parts = START, [(START, PRICES["team"] * 2)]
        for step in steps:
            at += timedelta(days=step["days"], seconds=step["seconds"])
            story.advance(at.isoformat())
            change_as_shown(story, subscription, step)
            parts.append((at, PRICES[step["plan"]] * step["quantity"]))
        story.advance("2026-02-01T00:00:01")
        lines = [line for invoice in story.invoices() for line in invoice["lines"]]
        of_period = [line for line in lines if line["period_end"].startswith("2026-02-01")]
        if policy == {"granularity": "second"}:
            assert abs(sum(line["amount"] for line in of_period) - cost_by_the_second(parts)) <= len(of_period)
        with world.session() as session:
            broken = {found.invariant.name for found in check_invariants(session) if found.violations}
        assert broken - ABOUT_THE_PRESENT == set()


def change_as_shown(story: Story, subscription: dict[str, Any], step: dict[str, Any]) -> None:
    """Preview a change, ask for it with the token, and see that the invoice is what was shown."""
    wanted = {name: step[name] for name in ("plan", "quantity", "proration")} | {"effective": "now"}
    before = len(story.invoices())
    preview = story.preview(subscription, **wanted)
    changed = story.change(subscription, **wanted, preview_token=preview["preview_token"])
    new = story.invoices()[before:]
    assert [(item["plan"], item["quantity"]) for item in changed["items"]] == [(step["plan"], step["quantity"])]
    if step["proration"] == "invoice_now" and preview["lines"]:
        (invoice,) = new
        assert {name: invoice[name] for name in SHOWN} == {name: preview[name] for name in SHOWN}
        assert story.lines() == preview["lines"]
    else:
        assert new == []
        assert preview["amount_due"] == 0


def cost_by_the_second(parts: list[tuple[datetime, int]]) -> Fraction:
    """Return what the period costs where each second costs its part of the plan that held it, in exact minor units."""
    ends = [start for start, _ in parts[1:]] + [START + timedelta(days=DAYS)]
    whole = timedelta(days=DAYS).total_seconds()
    return sum(
        (
            Fraction(price) * Fraction(int((end - start).total_seconds()), int(whole))
            for (start, price), end in zip(parts, ends, strict=True)
        ),
        Fraction(0),
    )
