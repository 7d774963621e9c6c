"""What an operation came to: the HTTP answer that its caller gets, or got if it had waited."""

from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, Self

from sqlalchemy.orm import Session

from billing import operations
from billing.actor import Actor
from billing.errors import BillingError
from billing.runtime import Runtime
from models.operation import Operation


class OperationOutcome(NamedTuple):
    """Either a status and body, or the error."""

    status: int
    body: dict[str, object]
    error: BillingError | None = None

    @classmethod
    def succeeded(cls, status: int, body: dict[str, object]) -> Self:
        """Return the outcome of an operation that did what was asked."""
        return cls(status, body)

    @classmethod
    def failed(cls, error: BillingError) -> Self:
        """Return the outcome of an operation that was refused or declined; its effects are committed all the same."""
        return cls(error.status, {}, error)

    def give_to(self, operation: Operation, *, now: datetime) -> None:
        """Write the outcome into the operation's row."""
        if self.error is not None:
            operations.fail(operation, error=self.error, now=now)
        else:
            # A test token (`pm_card_visa`) becomes an object of its own when it is attached: name what came of it.
            operation.resource_id = str(self.body.get("id", operation.resource_id))
            operations.succeed(operation, status=self.status, body=self.body, now=now)


class NextStep(NamedTuple):
    """The operation has another step, but has to wait for something else first: it is performed again after the pause."""

    pause: timedelta


class Settlement(Protocol):
    """What a network call brought, to be applied in the transaction that finishes the operation."""

    def refresh(self, runtime: Runtime) -> None:
        """Ask the gateway again after StaleObservation."""

    def apply(self, session: Session, *, actor: Actor, now: datetime) -> OperationOutcome | NextStep | None:
        """Apply the effect; None when the operation has another step: then it is performed again, at once.

        NextStep is the same after a pause, which is no failure, and not counted.
        Raises StaleObservation when another observation came in between.
        """
