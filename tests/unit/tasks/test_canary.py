"""The canary's time is seen from the parent of the process in which it ran."""

import os

from tasks.canary import canary_has_run, canary_last_ran


def test_a_child_s_canary_is_seen_by_its_parent() -> None:
    before = canary_last_ran()
    child = os.fork()
    if child == 0:
        canary_has_run()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0

    after = canary_last_ran()
    assert after is not None
    assert before is None or after > before
