"""Hints: "there is work in this table". A message is only ever one of these; the work itself is a row."""

from enum import StrEnum


class Hint(StrEnum):
    """The tables that hold work."""

    OPERATIONS = "operations"
    INBOX = "inbox"
    OUTBOX = "outbox"
    AUDIT = "audit"
    RECONCILIATION = "reconciliation"
    OUTGOING = "outgoing"
    CREDITS = "credits"
    CREDITS_REBUILD = "credits_rebuild"
    USAGE = "usage"
