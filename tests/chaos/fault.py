"""What a fault is, and one use of it in a schedule."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.stack import ChaosStack

Undo = Callable[[], None]


@dataclass(frozen=True)
class Shot:
    """One fault at one moment of a schedule. `number` chooses among what the fault may hit."""

    at: float
    fault: str
    seconds: float
    number: int

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:5.1f} s  {self.fault}{lasting}  #{self.number}"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A way to do harm.

    `rows` are the lines of the table of faults in docs/explanation/chaos.md. Two faults on one `resource` never overlap.
    `wear` is how many of its three lives (billing/leases.py) a row that is being worked on may lose by it.
    """

    name: str
    rows: tuple[int, ...]
    resource: str
    inject: Callable[[ChaosStack, Shot], Undo | None]
    seconds: tuple[float, float] = (0.0, 0.0)
    wear: int = 0
