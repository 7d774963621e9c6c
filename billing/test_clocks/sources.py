"""The sources of due work: what a test clock stops for on its way. To add one is to write a module and to name it here."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from billing.dunning import run_due as dunning
from billing.runtime import Runtime
from billing.subscriptions import run_due as subscriptions
from billing.test_clocks import credit_ends


class SourceOfDueWork(Protocol):
    """A module with these two functions.

    Both are about the customers of one clock, and leave out those that are hidden. Beat's own scan for the same work leaves out
    all customers on clocks (`billing/business_time.py`, `in_real_time`).
    """

    def next_due(self, session: Session, *, clock_id: UUID) -> datetime | None:
        """Return when something is due next, also when that is past; None when nothing ever is.

        What `run_due` cannot do, and leaves for a person, is not due.
        """

    def run_due(self, runtime: Runtime, *, clock_id: UUID, at: datetime, now: datetime) -> int:
        """Do some of what is due by `at`, which the clock shows already, and return how much that was; 0 when nothing was.

        `now` is real time, for what is recorded.

        It is called again until nothing is due, by another process too where this one dies: what was done once must not be due
        any more. It takes a few seconds at most. What needs the gateway becomes an operation of its own on the customer's
        object: the clock does not move on before that is finished.
        """


# In the order in which they run, where several are due at one moment: what ends makes room for what begins.
SOURCES: tuple[SourceOfDueWork, ...] = (credit_ends, subscriptions, dunning)
