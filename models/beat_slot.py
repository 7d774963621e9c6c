"""What makes a second beat harmless, and how anyone sees that the workers live."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class BeatSlot(Base):
    """A scheduled job's slot of time; whoever inserts the row runs the job for that slot."""

    __tablename__ = "beat_slots"

    job: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[datetime] = mapped_column(primary_key=True)


class Heartbeat(Base):
    """When a part of the service last proved that it works (`queue:webhooks`, `beat`)."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(primary_key=True)
    last_seen_at: Mapped[datetime]
