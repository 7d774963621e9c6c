"""Which customers are known to be on a test clock, in the memory of one process.

A customer's clock never changes, so what is known stays right. Nothing is known of a customer on no clock, and nothing has to
be: whoever takes one that is on a clock for one that is not finds no account, looks, and knows from then on (places.py).
"""

import threading
from collections.abc import Iterable
from uuid import UUID

KNOWN_MAX = 10_000


class CustomersOnClocks:
    """At most KNOWN_MAX customers; whoever has been known for longest is forgotten, and found out about again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clock_of: dict[UUID, UUID] = {}

    def note(self, customer_id: UUID, clock_id: UUID) -> None:
        """Remember that a customer is on a clock."""
        with self._lock:
            while len(self._clock_of) >= KNOWN_MAX:
                del self._clock_of[next(iter(self._clock_of))]
            self._clock_of[customer_id] = clock_id

    def among(self, customers: Iterable[UUID]) -> dict[UUID, UUID]:
        """Return the clocks of those of the customers that are known to be on one."""
        if not self._clock_of:
            return {}
        found = ((customer, self._clock_of.get(customer)) for customer in customers)
        return {customer: clock for customer, clock in found if clock is not None}
