"""How events reach endpoints: as they come, or disturbed on purpose."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from sandbox.state.store import Transaction

_SETTING = "webhooks"


class Mode(StrEnum):
    """What happens to an event's deliveries."""

    DELIVER = "deliver"
    HOLD = "hold"
    DROP = "drop"
    DUPLICATE = "duplicate"
    REORDER = "reorder"


@dataclass(frozen=True, slots=True)
class DeliveryMode:
    """A mode; `times` is how often `duplicate` sends each event or how many `reorder` gathers before it sends."""

    mode: Mode = Mode.DELIVER
    times: int = 1


def read_mode(*, transaction: Transaction) -> DeliveryMode:
    """Return the mode in force."""
    row = transaction.sql.execute("SELECT value FROM settings WHERE name = ?", (_SETTING,)).fetchone()
    if row is None:
        return DeliveryMode()
    stored = json.loads(row[0])
    return DeliveryMode(mode=Mode(stored["mode"]), times=stored["times"])


def write_mode(*, transaction: Transaction, mode: DeliveryMode) -> None:
    """Put a mode in force. It survives a restart."""
    transaction.sql.execute(
        "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (_SETTING, json.dumps(asdict(mode))),
    )
