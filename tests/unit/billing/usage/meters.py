"""Meters that no table has."""

from models.usage import CreditRounding, Meter, MeterAggregation


def meter(*, sums: str | None = "tokens", per_unit: tuple[int, int] | None = None) -> Meter:
    """Return a meter that sums a property of `data`, or counts."""
    numerator, denominator = per_unit or (None, None)
    return Meter(
        code="ai_tokens",
        aggregation=MeterAggregation.SUM if sums is not None else MeterAggregation.COUNT,
        value_property=sums,
        credits_numerator=numerator,
        credits_denominator=denominator,
        rounding=CreditRounding.DOWN if per_unit is not None else None,
    )
