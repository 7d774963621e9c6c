"""How much of the features of its plan a customer uses."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class EntitlementUse(Base):
    """The use of one feature by one customer in one period; for what is not counted by periods, the one that never ends.

    The limit is not here: it is the plan's, and a change of plan may leave more in use than the new one allows.
    """

    __tablename__ = "entitlement_uses"
    __table_args__ = (CheckConstraint("used >= 0", name="used_not_negative"),)

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    feature: Mapped[str] = mapped_column(primary_key=True)
    period_start: Mapped[date] = mapped_column(Date(), primary_key=True)
    used: Mapped[int]
    updated_at: Mapped[datetime]
