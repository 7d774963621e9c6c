"""Rule: the features that a plan can hold, and what can be done with each kind."""

from enum import StrEnum
from typing import NamedTuple

from billing.errors import NotFound


class FeatureKind(StrEnum):
    """What a plan says of a feature, and how its use moves.

    `counted`: so many uses in a calendar month; a use is not given back. `level`: so many at the same time. `size`: a level
    in bytes. `text`: a word, which is not used up.
    """

    COUNTED = "counted"
    LEVEL = "level"
    SIZE = "size"
    TEXT = "text"


class Feature(NamedTuple):
    """A feature that callers ask for by name."""

    name: str
    kind: FeatureKind


class FeatureNotFound(NotFound):
    """There is no feature with this name."""

    code = "feature_not_found"


# In the order in which they are shown.
FEATURES = (
    Feature("projects", FeatureKind.LEVEL),
    Feature("users", FeatureKind.LEVEL),
    Feature("ai_requests", FeatureKind.COUNTED),
    Feature("storage", FeatureKind.SIZE),
    Feature("support", FeatureKind.TEXT),
)
_BY_NAME = {feature.name: feature for feature in FEATURES}


def feature_named(name: str) -> Feature:
    """Return the feature. Raises FeatureNotFound."""
    try:
        return _BY_NAME[name]
    except KeyError:
        known = ", ".join(_BY_NAME)
        raise FeatureNotFound(f"there is no feature {name!r}; there are {known}") from None
