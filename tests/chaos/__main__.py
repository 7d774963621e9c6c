"""`make chaos`: seeded schedules one after the other, then (or instead) the mutants."""

import argparse
import secrets
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.client import Wish
from tests.chaos.mutants import MUTANTS, catch
from tests.chaos.run import Result, keep_evidence, run_schedule
from tests.chaos.schedule import DRILL_SECONDS, DRILLS, Schedule, draw, drill
from tests.chaos.stack import ChaosStack
from tests.chaos.stories import STORIES, tell
from tests.chaos.summary import Summary

EVIDENCE = Path(".chaos")
SEEDS = 1_000_000
# Every object of a stack is looked at after each schedule: after so many of them a new stack is quicker.
SCHEDULES_PER_STACK = 8
SHOWN_VIOLATIONS = 12


def main() -> int:
    """Run what was asked for. Return 1 when anything was violated, or a mutant lived."""
    asked = _arguments()
    # SIGTERM ends a run as Ctrl-C does: with its stack stopped and its folder removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    summary = Summary()
    fine = True
    if asked.stories:
        fine = _tell_stories()
    if asked.schedules:
        fine = _run_schedules(seed=asked.seed, count=asked.schedules, summary=summary) and fine
    if asked.drills:
        fine = _run_drills(summary=summary) and fine
    if asked.mutants is not None:
        fine = _catch_mutants(named=asked.mutants, summary=summary) and fine
    _say("")
    _say(summary.table())
    return 0 if fine else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(SEEDS), help="of the first schedule")
    parser.add_argument("--schedules", type=int, default=0, help="how many, with one seed after the other")
    parser.add_argument(
        "--drills", action="store_true", help="one long outage after the other: how long is the backlog?"
    )
    parser.add_argument(
        "--mutants", nargs="?", const="", metavar="TEXT", help="let mutants (of that name) live, and see each caught"
    )
    parser.add_argument("--stories", action="store_true", help="tell the mutants' stories on the real service")
    return parser.parse_args()


def _run_schedules(*, seed: int, count: int, summary: Summary) -> bool:
    fine = True
    with ExitStack() as running:
        stack, earlier, used = _fresh_stack(running), list[Wish](), 0
        for number in range(seed, seed + count):
            if used == SCHEDULES_PER_STACK:
                running.close()
                stack, earlier, used = _fresh_stack(running), [], 0
            schedule = draw(number)
            result = run_schedule(stack, schedule, earlier=earlier)
            used += 1
            summary.add(result)
            _say(_line(schedule, result))
            if result.violations:
                fine = False
                _tell_failure(stack, schedule, result)
                used = SCHEDULES_PER_STACK  # what is broken stays broken: the next seed starts anew
    return fine


def _fresh_stack(running: ExitStack) -> ChaosStack:
    stack = ChaosStack()
    running.callback(stack.close)
    stack.start()
    return stack


def _line(schedule: Schedule, result: Result) -> str:
    quiet = "never" if result.quiet_after is None else f"{result.quiet_after:.0f} s"
    return (
        f"seed {schedule.seed:<7} {schedule.seconds:.0f} s  {len(result.faults)} faults, {sum(result.kills.values())} kills, "
        f"{result.payments} payments, {result.refunds} refunds, {result.credits} of credits; quiet after {quiet}, "
        f"answers after {max(result.answered_after_death, default=0.0):.1f} s  "
        f"{'ok' if not result.violations else 'VIOLATED'}"
    )


def _tell_failure(stack: ChaosStack, schedule: Schedule, result: Result) -> None:
    place = keep_evidence(stack, schedule, result, directory=EVIDENCE)
    _say(str(schedule))
    for violation in result.violations[:SHOWN_VIOLATIONS]:
        _say(f"  violated: {violation.rule}: {violation.what}")
    if len(result.violations) > SHOWN_VIOLATIONS:
        _say(f"  … and {len(result.violations) - SHOWN_VIOLATIONS} more")
    _say(f"  evidence: {place}; again: make chaos SEED={schedule.seed} SCHEDULES=1")


def _run_drills(*, summary: Summary) -> bool:
    fine = True
    with ExitStack() as running:
        stack, earlier = _fresh_stack(running), list[Wish]()
        for fault in DRILLS:
            schedule = drill(fault)
            result = run_schedule(stack, schedule, earlier=earlier)
            summary.add_drill(fault, outage=DRILL_SECONDS, result=result)
            _say(f"{fault}: {_line(schedule, result)}")
            if result.violations:
                fine = False
                _tell_failure(stack, schedule, result)
    return fine


def _tell_stories() -> bool:
    fine = True
    with ExitStack() as running:
        stack, earlier = _fresh_stack(running), list[Wish]()
        for story in STORIES:
            violations = tell(stack, story, earlier=earlier)
            _say(f"{'ok      ' if not violations else 'VIOLATED'} {story}")
            for violation in violations[:SHOWN_VIOLATIONS]:
                _say(f"  violated: {violation.rule}: {violation.what}")
            fine = fine and not violations
    return fine


def _catch_mutants(*, named: str, summary: Summary) -> bool:
    fine = True
    for mutant in [mutant for mutant in MUTANTS if named in mutant.name]:
        violations = catch(mutant)
        summary.add_mutant(mutant.name, caught_by=[violation.rule for violation in violations])
        _say(f"{'caught' if violations else 'LIVES '} {mutant.name}: {', '.join(sorted({v.rule for v in violations}))}")
        fine = fine and bool(violations)
    return fine


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
