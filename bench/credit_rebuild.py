"""How long a rebuild of the credits server takes, beside the bare limits of what it reads and writes.

It reads accounts, grants, holds and the answers of the last day; ten million transactions stand beside them, of which that day
has a tenth. They are of the last thirty days, in the order in which a drain would have brought them, as their ids are.
"""

from collections.abc import Iterator

from bench.credit_growth import filled, seconds_to_rebuild
from bench.figures import Figure, measured
from bench.floor_rebuild import seconds_to_copy, seconds_to_write
from bench.rig import Rig

NAME = "credit_rebuild"
_REBUILT_ACCOUNTS, _REBUILT_ENTRIES = 100_000, 10_000_000
_REBUILD_SECONDS_MAX = 60.0


def measure(rig: Rig) -> Iterator[Figure]:
    """Yield the seconds of a rebuild, and those of its bare parts."""
    entries = _REBUILT_ENTRIES // _REBUILT_ACCOUNTS
    with filled(rig, "old", accounts=_REBUILT_ACCOUNTS, entries=entries) as old:
        note = f"{_REBUILT_ACCOUNTS:,} accounts, {_REBUILT_ENTRIES:,} transactions, a tenth of them of the last day"
        yield measured(
            "credit_rebuild",
            unit="s",
            ours=[seconds_to_rebuild(old)],
            note=note,
            goal=_REBUILD_SECONDS_MAX,
            at_most=True,
        )
        note = "the same rows, copied out of Postgres and thrown away"
        yield measured("credit_rebuild_bare_copy", unit="s", ours=[seconds_to_copy(old)], note=note)
        note = "the same scripts on the server, with their arguments at hand"
        yield measured("credit_rebuild_bare_write", unit="s", ours=[seconds_to_write(old)], note=note)
