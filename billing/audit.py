"""Use case: write down who changed what. The entry commits with the change; a worker seals it into the chain later."""

from datetime import datetime

from sqlalchemy.orm import Session

from billing.actor import Actor
from billing.hints import Hint
from billing.redaction import redact
from billing.timestamps import iso
from billing.unit_of_work import hint_after_commit
from models.audit import AuditEntry, AuditPending
from models.ids import new_id

ENABLED = "audit_log_enabled"


def record(
    session: Session,
    *,
    actor: Actor,
    action: str,
    object_type: str,
    object_id: str,
    before: dict[str, object] | None,
    after: dict[str, object] | None,
    now: datetime,
) -> None:
    """Add one entry, unless ENABLE_AUDIT_LOG is off. Personal data and secrets in `before` and `after` are redacted here."""
    if not session.info.get(ENABLED, True):
        return
    entry = AuditEntry(
        id=new_id(),
        at=now,
        actor=actor.name,
        action=action,
        object_type=object_type,
        object_id=object_id,
        before=_redacted(before),
        after=_redacted(after),
        request_id=actor.request_id,
    )
    session.add(AuditPending(entry=entry))
    hint_after_commit(session, Hint.AUDIT)


def entry_content(entry: AuditEntry) -> dict[str, object]:
    """Return all that an entry says: what is listed, and what the chain's hash covers."""
    return {
        "id": str(entry.id),
        "at": iso(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "object_type": entry.object_type,
        "object_id": entry.object_id,
        "before": entry.before,
        "after": entry.after,
        "request_id": entry.request_id,
    }


def changed_fields(before: dict[str, object], after: dict[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Return the two representations reduced to the fields in which they differ."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


def _redacted(value: dict[str, object] | None) -> dict[str, object] | None:
    redacted = redact(value)
    return redacted if isinstance(redacted, dict) else None
