"""Rule: what a plan allows of a feature."""

from typing import NamedTuple

from models.plan import LIMIT_VALUE_MAX, PlanFeature


class Allowance(NamedTuple):
    """What a plan says of one feature: `limit` (bytes for a size), or `unlimited`, or the `value` of a text."""

    limit: int | None
    unlimited: bool
    value: str | None

    @property
    def use_max(self) -> int:
        """The most that may be used. Without a limit that is what a counter can hold."""
        if self.unlimited:
            return LIMIT_VALUE_MAX
        return self.limit or 0


def allowance(held: PlanFeature | None) -> Allowance:
    """Return what a plan's row of a feature says. A feature of which a plan says nothing is not in it: none may be used."""
    if held is None:
        return Allowance(limit=0, unlimited=False, value=None)
    return Allowance(limit=held.limit_value, unlimited=held.unlimited, value=held.text_value)
