"""How a use is counted: one statement decides and writes, so that of many at once none passes the limit.

The row that it writes is locked until the transaction ends; the next one decides by what this one left.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.entitlement_use import EntitlementUse


def count_use(
    session: Session, *, customer_id: UUID, feature: str, period_start: date, amount: int, use_max: int, now: datetime
) -> int | None:
    """Add a positive `amount` and return the use after it; None, and nothing written, where that passed `use_max`."""
    if amount > use_max:  # a first use is inserted, and no statement looks at what was there before
        return None
    first = insert(EntitlementUse).values(
        customer_id=customer_id, feature=feature, period_start=period_start, used=amount, updated_at=now
    )
    return session.scalar(
        first.on_conflict_do_update(
            index_elements=[EntitlementUse.customer_id, EntitlementUse.feature, EntitlementUse.period_start],
            set_={"used": EntitlementUse.used + first.excluded.used, "updated_at": now},
            where=EntitlementUse.used + first.excluded.used <= use_max,
        ).returning(EntitlementUse.used)
    )


def give_back(
    session: Session, *, customer_id: UUID, feature: str, period_start: date, amount: int, now: datetime
) -> int | None:
    """Take a positive `amount` off and return the use after it; None, and nothing written, where less was in use.

    Not the statement above with a negative amount: the row that it proposes would break the check before it met the other.
    """
    return session.scalar(
        update(EntitlementUse)
        .where(
            EntitlementUse.customer_id == customer_id,
            EntitlementUse.feature == feature,
            EntitlementUse.period_start == period_start,
            EntitlementUse.used >= amount,
        )
        .values(used=EntitlementUse.used - amount, updated_at=now)
        .returning(EntitlementUse.used),
        execution_options={"synchronize_session": False},
    )
