"""Rule: how much an event counts, exactly. No float is ever made of it."""

import re
from decimal import Decimal

from billing.credits.rows import PROJECT
from billing.errors import FieldFault, Invalid
from billing.usage.rate import EVENT_CREDITS_MAX, rate_of
from models.usage import QUANTITY_DECIMALS, QUANTITY_MAX, Meter, MeterAggregation

_PROJECT_LENGTH_MAX = 500
_STEP = Decimal(1).scaleb(-QUANTITY_DECIMALS)
_NUMBER = re.compile(r"[0-9]{1,16}(\.[0-9]{1,9})?")


class UsageValueInvalid(Invalid):
    """What the event's meter counts is not in its `data`, or is no number that it can count. Nothing was counted."""

    code = "usage_value_invalid"


def quantity_of(meter: Meter, data: object) -> Decimal:
    """Return how much an event with this `data` counts: 1, or the number that its meter sums. Raises UsageValueInvalid.

    The number may be written as a number or as a text (`"0.125"`): from 0 to 10^15 with at most 9 decimals. One with more is
    refused, not rounded.
    """
    quantity = Decimal(1) if meter.aggregation is MeterAggregation.COUNT else _summed(meter, data)
    rate = rate_of(meter)
    if rate is not None and rate.credits_max(quantity) > EVENT_CREDITS_MAX:
        raise _refused(meter, f"would cost more than {EVENT_CREDITS_MAX} credits; report it as several events")
    return quantity


def project_of(data: object) -> str:
    """Return the project that `data` names as its `projectId`, '' for none. Raises UsageValueInvalid."""
    project = data.get(PROJECT) if isinstance(data, dict) else None
    if project is None:
        return ""
    if not isinstance(project, str) or len(project) > _PROJECT_LENGTH_MAX:
        detail = f"{PROJECT} takes a text of at most {_PROJECT_LENGTH_MAX} characters"
        raise UsageValueInvalid(detail, errors=[FieldFault(f"/data/{PROJECT}", "project_invalid", detail)])
    return project


def _summed(meter: Meter, data: object) -> Decimal:
    value = data.get(meter.value_property) if isinstance(data, dict) else None
    if value is None:
        raise _refused(meter, f"is missing: the meter {meter.code} sums it")
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _refused(meter, "takes a number, or the text of one such as 0.125")
    # Compared before anything is computed: 1e999999999 is a number, too.
    if not 0 <= value <= QUANTITY_MAX:
        raise _refused(meter, f"takes 0 to {QUANTITY_MAX}")
    # In one form, whatever it was written as: 0e99 and a million zeros behind the point are no numbers of the database.
    exact = Decimal(value).quantize(_STEP)
    if exact != value:
        raise _refused(meter, f"takes at most {QUANTITY_DECIMALS} decimals")
    return exact


def _refused(meter: Meter, why: str) -> UsageValueInvalid:
    detail = f"{meter.value_property or 'the event'} {why}"
    pointer = f"/data/{meter.value_property}" if meter.value_property else "/data"
    return UsageValueInvalid(detail, errors=[FieldFault(pointer, "value_invalid", detail)])
