import pytest

from billing.catalog.allowance import Allowance
from billing.catalog.features import Feature, FeatureKind
from billing.entitlements.entitlement import Entitlement

LIMITED = Allowance(limit=10, unlimited=False, value=None)
UNLIMITED = Allowance(limit=None, unlimited=True, value=None)


def entitlement(kind: FeatureKind, allowed: Allowance, *, use: int = 0) -> Entitlement:
    return Entitlement(feature=Feature("x", kind), allowance=allowed, use=use)


@pytest.mark.parametrize("kind", [FeatureKind.COUNTED, FeatureKind.LEVEL, FeatureKind.SIZE])
@pytest.mark.parametrize(("use", "remaining"), [(0, 10), (3, 7), (10, 0), (11, 0), (500, 0)])
def test_what_is_left_is_never_less_than_nothing(kind: FeatureKind, use: int, remaining: int) -> None:
    found = entitlement(kind, LIMITED, use=use)

    assert (found.used, found.remaining) == (use, remaining)


def test_without_a_limit_nobody_says_what_is_left() -> None:
    found = entitlement(FeatureKind.COUNTED, UNLIMITED, use=3)

    assert (found.used, found.remaining) == (3, None)


def test_a_text_is_not_used() -> None:
    found = entitlement(FeatureKind.TEXT, Allowance(limit=None, unlimited=False, value="email"))

    assert found.representation() == {
        "feature": "x",
        "kind": "text",
        "limit": None,
        "unlimited": False,
        "used": None,
        "remaining": None,
        "value": "email",
    }
