"""What the command's exit status means; scripts rely on it."""

from enum import IntEnum


class ExitCode(IntEnum):
    """0 done, 1 failed, 2 wrong usage (given by the parser), 3 not running, 4 configuration, 5 a service outside."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3
    CONFIGURATION = 4
    OUTSIDE_SERVICE = 5
