"""Every task goes to a queue that exists, every hint wakes a task that exists, and no message waits long in a worker."""

import ast
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from billing import leases
from billing.hints import Hint
from billing.settings import Settings
from tasks import queues
from tasks.hints import WAKE_SECONDS_MAX
from tests.architecture.source_tree import ROOT, functions_in, python_files
from workers.config import worker_config

# A due date is a row's; a message that waits in a worker is delivered again after the visibility time-out.
COUNTDOWN_SECONDS_MAX = 60
# Where a countdown is computed rather than written down; the tests below bound what is computed.
COMPUTED_COUNTDOWNS = {"tasks/base.py", "tasks/hints.py"}


@pytest.fixture
def celery(settings: Settings) -> Celery:
    """The application that workers run, with every task module loaded."""
    app = Celery("billing-test", set_as_current=False)
    app.config_from_object(worker_config(settings))
    for path in python_files("tasks"):
        app.loader.import_task_module(module_name(path))
    app.finalize()
    return app


def own_tasks(celery: Celery) -> dict[str, Any]:
    return {name: task for name, task in celery.tasks.items() if not name.startswith("celery.")}


def test_there_are_tasks(celery: Celery) -> None:
    """Otherwise the tests below would prove nothing."""
    assert {"operations.run", "webhooks.process", "maintenance.sweep"} <= set(own_tasks(celery))


def test_each_task_has_a_queue_that_exists(celery: Celery) -> None:
    assert set(own_tasks(celery)) == set(queues.TASK_QUEUES)
    assert set(queues.TASK_QUEUES.values()) <= set(queues.QUEUES)


def test_each_task_is_sent_to_its_queue(celery: Celery) -> None:
    sent = {task: celery.amqp.router.route({}, task)["queue"].name for task in own_tasks(celery)}

    assert sent == queues.TASK_QUEUES


def test_each_queue_is_declared_to_the_workers(celery: Celery) -> None:
    assert [queue.name for queue in celery.conf.task_queues] == list(queues.QUEUES)


def test_each_hint_wakes_a_task_that_exists(celery: Celery) -> None:
    assert set(queues.HINT_TASKS) == set(Hint)
    assert set(queues.HINT_TASKS.values()) <= set(own_tasks(celery))


def test_the_schedule_names_tasks_that_exist(celery: Celery) -> None:
    entries = celery.conf.beat_schedule.values()

    assert {entry["task"] for entry in entries} <= set(own_tasks(celery))
    # A message that nobody took before the next one is sent has nothing to say any more.
    assert all(entry["options"]["expires"] > 0 for entry in entries)


def test_the_workers_load_each_module_of_tasks() -> None:
    """`workers.main` names them by hand."""
    (included,) = (
        ast.literal_eval(keyword.value)
        for call in ast.walk(parsed(ROOT / "workers" / "main.py"))
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg == "include"
    )
    with_tasks = {module_name(path) for path in python_files("tasks") if defines_tasks(parsed(path))}

    assert set(included) == with_tasks


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def defines_tasks(tree: ast.Module) -> bool:
    """Say whether a function of the module carries one of the decorators of tasks/base.py."""
    decorators = (decorator for function in functions_in(tree) for decorator in function.decorator_list)
    return any(
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Name)
        and decorator.func.id in {"billing_task", "use_case_task"}
        for decorator in decorators
    )


def long_countdowns(code: str, *, path: str) -> list[str]:
    """Return where a message is made to wait longer than a minute, or for nobody knows how long."""
    found = []
    for keyword in (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.keyword)):
        if keyword.arg == "eta":
            found.append(f"{path}:{keyword.value.lineno} eta")
        if keyword.arg == "countdown" and not _is_short(keyword.value, path=path):
            found.append(f"{path}:{keyword.value.lineno} countdown")
    return found


def _is_short(value: ast.expr, *, path: str) -> bool:
    if isinstance(value, ast.Constant):
        return value.value is None or (isinstance(value.value, int) and value.value <= COUNTDOWN_SECONDS_MAX)
    return path in COMPUTED_COUNTDOWNS


def test_no_message_waits_longer_than_a_minute() -> None:
    found = [
        offence
        for path in python_files("app", "billing", "cli", "tasks", "workers")
        for offence in long_countdowns(path.read_text(encoding="utf-8"), path=str(path.relative_to(ROOT)))
    ]

    assert found == []


def test_computed_countdowns_end_within_a_minute() -> None:
    assert WAKE_SECONDS_MAX <= COUNTDOWN_SECONDS_MAX
    for postponements in (1, 5, 20, leases.POSTPONEMENTS_MAX):
        assert leases.postpone_pause(postponements).total_seconds() <= COUNTDOWN_SECONDS_MAX


@pytest.mark.parametrize("arguments", ["countdown=61", "countdown=pause", "eta=tomorrow"])
def test_a_long_countdown_is_noticed(arguments: str) -> None:
    assert long_countdowns(f"task.apply_async({arguments})", path="billing/invoicing/renew.py") != []
