"""What callers see of meters and of the events that they count."""

from billing.credits.prefixes import TRANSACTION_PREFIX
from billing.customers.representation import PREFIX as CUSTOMER_PREFIX
from billing.decimals import plain
from billing.timestamps import iso
from billing.usage.rate import per_unit_text
from models.ids import public_id
from models.usage import ChargeStatus, Meter, UsageCharge, UsageEvent

METER_PREFIX = "mtr"
EVENT_PREFIX = "uev"


def meter_representation(meter: Meter) -> dict[str, object]:
    """Return the meter as JSON-like data."""
    return {
        "id": public_id(METER_PREFIX, meter.id),
        "code": meter.code,
        "name": meter.name,
        "event_type": meter.event_type,
        "aggregation": str(meter.aggregation),
        "value_property": meter.value_property,
        "credits_per_unit": per_unit_text(meter),
        "rounding": str(meter.rounding) if meter.rounding is not None else None,
        "created_at": iso(meter.created_at),
        "retired_at": iso(meter.retired_at),
    }


def event_representation(event: UsageEvent, *, meter: Meter, charge: UsageCharge | None) -> dict[str, object]:
    """Return an event that counts, with what it costs: nothing where there is no charge."""
    return {
        "id": public_id(EVENT_PREFIX, event.id),
        "source": event.source,
        "event_id": event.event_id,
        "customer_id": public_id(CUSTOMER_PREFIX, event.customer_id),
        "meter": meter.code,
        "time": iso(event.occurred_at),
        "quantity": plain(event.quantity),
        "project": event.project or None,
        "charge": charge_representation(charge) if charge is not None else None,
        "received_at": iso(event.received_at),
    }


def charge_representation(charge: UsageCharge) -> dict[str, object]:
    """Return the credits of an event; the transaction that took them once they are deducted."""
    charged = charge.status is ChargeStatus.CHARGED
    return {
        "credits": charge.credits,
        "status": str(charge.status),
        "transaction_id": public_id(TRANSACTION_PREFIX, charge.id) if charged else None,
    }
