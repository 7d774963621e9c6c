"""Faults of our own processes: killed at a named point or anywhere, frozen, stopped in order, started twice."""

import signal

from billing.fail_points import FAIL_POINTS
from tests.chaos.fault import Fault, Shot, Undo
from tests.chaos.stack import LEASE_SECONDS, ChaosStack

WORKERS = ("worker-network", "worker-second")
_IN_WORKERS = ("operation", "customer", "payment", "refund", "inbox", "outbox", "drain", "hint", "credits")
# Longer than the lease and the visibility time-out: the row and the message are given to somebody else meanwhile.
_TOO_LONG_SECONDS = LEASE_SECONDS + 3
_MAY_BE_LATE = ("operation.before_settlement", "payment.answered", "inbox.claimed", "inbox.observed", "outbox.claimed")
_MAY_RAISE = ("operation.before_settlement", "payment.applied", "inbox.observed", "inbox.before_commit", "outbox.told")


def _at_point(point: str, action: str) -> Fault:
    verb = action.split(" ", maxsplit=1)[0]

    def inject(stack: ChaosStack, _shot: Shot) -> Undo:
        stack.arm(point, action)
        return lambda: stack.disarm(point)

    return Fault(
        name=f"{verb}_at.{point}",
        rows=(7,) if verb == "sleep" else (1, 4, 5),
        resource=f"point:{point}",
        inject=inject,
        seconds=(6.0, 12.0),
        wear=1 if point.partition(".")[0] in _IN_WORKERS else 0,
    )


def _killed(name: str) -> Fault:
    def inject(stack: ChaosStack, _shot: Shot) -> None:
        stack.kill(name)

    return Fault(name=f"killed.{name}", rows=(1, 28), resource=name, inject=inject, wear=1 if name in WORKERS else 0)


def _child_killed(name: str) -> Fault:
    def inject(stack: ChaosStack, shot: Shot) -> None:
        stack.kill_child(name, number=shot.number)

    return Fault(name=f"child_killed.{name}", rows=(2,), resource=name, inject=inject, wear=1 if name in WORKERS else 0)


def _frozen(name: str, *, seconds: tuple[float, float], wear: int = 0) -> Fault:
    def inject(stack: ChaosStack, _shot: Shot) -> Undo:
        stack.signal_all(name, signal.SIGSTOP)
        return lambda: stack.signal_all(name, signal.SIGCONT)

    return Fault(name=f"frozen.{name}", rows=(7, 28), resource=name, inject=inject, seconds=seconds, wear=wear)


def _terminated(name: str) -> Fault:
    def inject(stack: ChaosStack, _shot: Shot) -> None:
        pid = stack.pid(name)
        if pid is not None:
            stack.kept[name].server.ask_to_stop()

    return Fault(name=f"terminated.{name}", rows=(30,), resource=name, inject=inject)


def _second_beat(stack: ChaosStack, _shot: Shot) -> Undo:
    known_as = stack.start_second("beat")
    return lambda: stack.end(known_as)


# The load of a schedule reports no usage and moves no clock; the points there have tests of their own (tests/integration).
KILLS_AT_POINTS = tuple(_at_point(point, "kill") for point in FAIL_POINTS if not point.startswith(("usage.", "clock.")))
PROCESS_FAULTS = (
    *(_at_point(point, f"sleep {_TOO_LONG_SECONDS}") for point in _MAY_BE_LATE),
    *(_at_point(point, "raise") for point in _MAY_RAISE),
    *(_killed(name) for name in ("web", *WORKERS, "worker-compute", "worker-maintenance", "beat")),
    *(_child_killed(name) for name in ("web", "worker-second")),
    *(_frozen(name, seconds=(LEASE_SECONDS + 1, LEASE_SECONDS + 3), wear=1) for name in WORKERS),
    _frozen("worker-maintenance", seconds=(4.0, 8.0)),
    _frozen("web", seconds=(2.0, 4.0)),
    _frozen("beat", seconds=(5.0, 10.0)),
    *(_terminated(name) for name in ("web", "worker-network", "worker-maintenance")),
    Fault(name="second.beat", rows=(28,), resource="beat", inject=_second_beat, seconds=(6.0, 12.0)),
)
