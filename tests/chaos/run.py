"""One schedule from start to verdict: load, faults, healing, quiet, evidence."""

import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.checker import Violation, check
from tests.chaos.client import Journal, Wish
from tests.chaos.evidence import collect
from tests.chaos.fault import Undo
from tests.chaos.load import Load
from tests.chaos.observer import Observer
from tests.chaos.quiet import wait_for_quiet
from tests.chaos.schedule import FAULTS, Schedule
from tests.chaos.stack import SERVERS, ChaosStack

QUIET_SECONDS_MAX = 75.0
ANSWERS_SECONDS_MAX = 60.0
LIVE_SECONDS_MAX = 45.0
STUCK_SECONDS_MAX = 60.0


@dataclass
class Result:
    """What came of a schedule. Times in seconds; `kills` by fail point; the machine's load tells what times are worth."""

    seed: int
    faults: list[str]
    kills: dict[str, int]
    statuses: dict[int, int]
    payments: int
    refunds: int
    credits: int
    events: int
    quiet_after: float | None = None
    oldest_due: float = 0.0
    load_average: float = 0.0
    answered_after_death: list[float] = field(default_factory=list)
    answered_after_return: list[float] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)


def run_schedule(stack: ChaosStack, schedule: Schedule, *, earlier: list[Wish]) -> Result:
    """Run it on a stack that is quiet, and leave a stack that is quiet. `earlier` wishes are added to."""
    journal = Journal(stack.directory / "answers.jsonl")
    observer = Observer(stack)
    began = time.monotonic()
    stack.findings.clear()
    observer.start()
    violations, healed = _live_through(stack, schedule, journal=journal)
    _hurry_webhooks(stack)
    unrest = wait_for_quiet(stack, seconds=QUIET_SECONDS_MAX)
    quiet_after = time.monotonic() - healed
    observer.stop()
    if unrest is not None:
        violations.append(Violation("live", f"not quiet {QUIET_SECONDS_MAX:.0f} s after the healing: {unrest}"))
    evidence = collect(stack, journal=journal, earlier=earlier)
    violations += check(evidence)
    violations += [Violation("hostile", finding) for finding in stack.findings]
    violations += [Violation("expected answers", surprise) for surprise in journal.surprises]
    if observer.oldest_due_seconds() > STUCK_SECONDS_MAX:
        violations.append(Violation("live", f"due work waited {observer.oldest_due_seconds():.0f} s"))
    earlier += journal.wishes
    journal.close()
    kills = [(at, point) for at, point, action in stack.fired() if action == "kill" and at >= began]
    # A server that is down cannot be answered for: what counts there is its return.
    deaths = [at for at, name in stack.incidents.deaths if at >= began and name not in SERVERS]
    return Result(
        seed=schedule.seed,
        faults=[shot.fault for shot in schedule.shots],
        kills=dict(Counter(point for _, point in kills)),
        statuses=journal.statuses,
        payments=sum(wish.path == "/payments/intent" for wish in journal.wishes),
        refunds=sum(wish.path == "/payments/refund" for wish in journal.wishes),
        credits=sum(wish.path.startswith("/credits/") for wish in journal.wishes),
        events=len(evidence.ours["inbox"]),
        quiet_after=None if unrest is not None else quiet_after,
        oldest_due=observer.oldest_due_seconds(),
        load_average=os.getloadavg()[0],
        answered_after_death=_answered(observer, [*deaths, *(at for at, _ in kills)]),
        answered_after_return=_answered(observer, [at for at, _ in stack.incidents.servers_back if at >= began]),
        violations=violations,
    )


def _live_through(stack: ChaosStack, schedule: Schedule, *, journal: Journal) -> tuple[list[Violation], float]:
    """Let clients and faults at the stack, and heal it. Return what did not come back to life, and when it was healed."""
    load = Load(stack=stack, seed=str(schedule.seed), journal=journal)
    violations = []
    load.start()
    try:
        _shoot(stack, schedule)
        load.end()
        healed = time.monotonic()
        if not stack.run_until(lambda: _all_ready(stack), seconds=LIVE_SECONDS_MAX):
            violations.append(Violation("live", f"not every process was ready after {LIVE_SECONDS_MAX:.0f} s"))
        if not stack.run_until(lambda: load.is_over, seconds=ANSWERS_SECONDS_MAX):
            violations.append(Violation("live", f"clients had no answer after {ANSWERS_SECONDS_MAX:.0f} s"))
    finally:
        stumbled = load.abandon()
    violations += [Violation("live", failure) for failure in stumbled]
    return violations, healed


def _hurry_webhooks(stack: ChaosStack) -> None:
    """Let webhooks whose product erred be due now: in production they wait for a minute, an hour, a night."""
    stack.rows("UPDATE webhook_endpoints SET paused_until = NULL WHERE paused_until IS NOT NULL RETURNING id")
    stack.rows(
        "UPDATE webhook_deliveries SET next_attempt_at = now() "
        "WHERE next_attempt_at > now() AND lease_token IS NULL RETURNING id"
    )


def _answered(observer: Observer, moments: list[float]) -> list[float]:
    return [seconds for at in moments if (seconds := observer.answered_after(at)) is not None]


def _shoot(stack: ChaosStack, schedule: Schedule) -> None:
    """Bring every fault about in its time, and take each back."""
    began = time.monotonic()
    undos: list[tuple[float, Undo]] = []

    def until(at: float) -> None:
        while undos and undos[0][0] <= at:
            due, undo = undos.pop(0)
            _wait(stack, began + due)
            undo()
        _wait(stack, began + at)

    for shot in schedule.shots:
        until(shot.at)
        undo = FAULTS[shot.fault].inject(stack, shot)
        if undo is not None:
            undos.append((shot.at + shot.seconds, undo))
            undos.sort(key=lambda pair: pair[0])
    until(schedule.seconds)
    for _, undo in undos:
        undo()


def _wait(stack: ChaosStack, moment: float) -> None:
    stack.run_for(max(0.0, moment - time.monotonic()))


def _all_ready(stack: ChaosStack) -> bool:
    for kept in stack.kept.values():
        if kept.server.pid is None:
            return False
        if not kept.ready and kept.server.answers():
            kept.ready = True
    return all(kept.ready for kept in stack.kept.values())


def keep_evidence(stack: ChaosStack, schedule: Schedule, result: Result, *, directory: Path) -> Path:
    """Write down what a failure leaves: the schedule, the violations, the answers and every log."""
    place = directory / f"seed-{schedule.seed}"
    (place / "log").mkdir(parents=True, exist_ok=True)
    told = [f"{violation.rule}: {violation.what}" for violation in result.violations]
    (place / "schedule.txt").write_text(f"{schedule}\n\n" + "\n".join(told) + "\n", encoding="utf-8")
    copied: list[tuple[Path, Path]] = [(path, place / "log" / path.name) for path in stack.data.log_dir.glob("*.log")]
    copied += [
        (stack.directory / "answers.jsonl", place / "answers.jsonl"),
        (stack.fail_points / "fired", place / "fired"),
    ]
    copied.append((stack.sandbox.log_path, place / "log" / "sandbox.log"))
    for source, target in copied:
        if source.exists():
            target.write_bytes(source.read_bytes())
    tables = {
        name: stack.rows(f"SELECT * FROM {name}") for name in ("payments", "operations", "inbox_events", "refunds")
    }
    tables |= {f"gateway's {name}": stack.gateway(name) for name in ("payment_intents", "charges", "refunds", "events")}
    (place / "rows.json").write_text(json.dumps(tables, default=str, indent=1), encoding="utf-8")
    return place
