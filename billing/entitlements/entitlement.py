"""Rule: what a customer may use of a feature, and how much of it is left."""

from dataclasses import dataclass

from billing.catalog.allowance import Allowance
from billing.catalog.features import Feature, FeatureKind


@dataclass(frozen=True, kw_only=True)
class Entitlement:
    """One feature of a customer's plan with its use in the period that counts. `use` is 0 for a text."""

    feature: Feature
    allowance: Allowance
    use: int

    @property
    def used(self) -> int | None:
        """How much is used; None for a text, which is not used up."""
        return None if self.feature.kind is FeatureKind.TEXT else self.use

    @property
    def remaining(self) -> int | None:
        """How much is left: 0 also where a smaller plan left more in use than it allows; None without a limit and for a text."""
        if self.used is None or self.allowance.unlimited:
            return None
        return max(self.allowance.use_max - self.used, 0)

    def representation(self) -> dict[str, object]:
        """Return the entitlement as JSON-like data."""
        limit, unlimited, value = self.allowance
        return {
            "feature": self.feature.name,
            "kind": str(self.feature.kind),
            "limit": limit,
            "unlimited": unlimited,
            "used": self.used,
            "remaining": self.remaining,
            "value": value,
        }
