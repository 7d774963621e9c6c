"""Rule: how an answer of the gateway may be applied when several arrive in any order.

Whoever asks the gateway first reads the row's version; the answer is then at least as new as what that version shows. It may
be applied only while the version still stands; otherwise somebody applied another answer meanwhile, nobody can tell which
of the two is newer, and the gateway has to be asked again. A call that is repeated under its idempotency key is no asking: the
gateway answers as it did the first time, so what counts is fetched after it (billing/operation_runner.py). No clock and no
order of arrival is involved. See ADR 0004.
"""

OBSERVE_TRIES_MAX = 6


class StaleObservation(Exception):
    """Another observation was applied since this one was begun: ask again."""


def require_version(*, current: int, observed: int) -> None:
    """Raise StaleObservation unless the row still has the version that was read before the gateway was asked."""
    if current != observed:
        raise StaleObservation(f"version is {current} now, and was {observed} when the gateway was asked")
