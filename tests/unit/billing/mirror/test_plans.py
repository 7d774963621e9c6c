"""Which plan a price at Stripe names."""

from typing import Any

import pytest

from billing.mirror.plans import named_plan
from tests.unit.billing.mirror.snapshots import subscription

_PRODUCT = {"id": "prod_1", "name": "Pro"}


@pytest.mark.parametrize(
    ("price", "plan"),
    [
        ({}, None),
        ({"lookup_key": "pro"}, "pro"),
        ({"lookup_key": "pro_monthly_2026"}, "pro"),
        ({"lookup_key": "_monthly"}, ""),
        ({"metadata": {"billing_plan": "team"}, "lookup_key": "pro"}, "team"),
        ({"product": {**_PRODUCT, "metadata": {"billing_plan": "team"}}, "lookup_key": "pro"}, "team"),
        ({"metadata": {"billing_plan": "a"}, "product": {**_PRODUCT, "metadata": {"billing_plan": "b"}}}, "a"),
        ({"product": {"id": "prod_deleted"}}, None),
    ],
)
def test_a_price_names_its_plan(price: dict[str, Any], plan: str | None) -> None:
    assert named_plan(subscription(price=price).items[0].price) == plan
