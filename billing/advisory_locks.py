"""The advisory locks of this service that have a fixed key, in one place, so that no two of them are the same."""

from enum import IntEnum, unique


@unique
class AdvisoryLock(IntEnum):
    """Keys of one 64-bit number; locks on a row's or a caller's behalf use the space of two 32-bit numbers."""

    MIGRATION = 7_214_000
    AUDIT_SEAL = 7_214_001
    OUTGOING_CLAIM = 7_214_002
    CATALOG = 7_214_003
