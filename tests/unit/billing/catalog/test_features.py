import pytest

from billing.catalog.features import FEATURES, FeatureKind, FeatureNotFound, feature_named


def test_each_feature_is_found_by_its_name() -> None:
    assert [feature_named(feature.name) for feature in FEATURES] == list(FEATURES)
    assert feature_named("ai_requests").kind is FeatureKind.COUNTED


@pytest.mark.parametrize("name", ["", "AI_REQUESTS", "ai-requests", "gpus"])
def test_another_name_is_refused_with_the_names_that_there_are(name: str) -> None:
    with pytest.raises(FeatureNotFound, match=r"projects, users, ai_requests, storage, support"):
        feature_named(name)
