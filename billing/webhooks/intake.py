"""How a process takes events in: stored and committed in groups, with one hint for each group."""

from collections.abc import Sequence

from billing.fail_points import fail_point
from billing.group_commit import GroupCommit
from billing.hints import Hint
from billing.runtime import Runtime
from billing.webhooks.receive import Received, store_events

# More than a process has threads; a group is at most what its threads have in their hands.
_GROUP_MAX = 64


def intake(runtime: Runtime) -> GroupCommit[Received, bool]:
    """Return where threads submit events; each learns, after the commit, whether its event is new."""

    def store(received: Sequence[Received]) -> Sequence[bool]:
        with runtime.driver_statements(Hint.INBOX) as connection:
            fail_point("webhook.before_commit")
            new = store_events(connection, received, livemode=runtime.settings.livemode)
        fail_point("webhook.after_commit")
        return new

    return GroupCommit(store, limit=_GROUP_MAX)
