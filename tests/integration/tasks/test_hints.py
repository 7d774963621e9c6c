"""Hints: coalesced, never lost for long, and never in the way of a request."""

import time

import pytest
import redis
from celery import Celery

from billing.hints import Hint
from tasks.celery_config import MESSAGE_PREFIX, client_config
from tasks.hints import HintSender, redis_client
from tasks.queues import HINT_TASKS, TASK_QUEUES
from tests.service.servers import ServiceServers
from tests.service.world import World


def sender_for(world: World, **changed: object) -> HintSender:
    settings = world.servers.settings(**changed)
    celery = Celery("hint-test", set_as_current=False)
    celery.config_from_object(client_config(settings, name="hint-test", socket_timeout_seconds=1))
    return HintSender(celery=celery, redis_client=redis_client(settings))


def messages(servers: ServiceServers, hint: Hint) -> int:
    with redis.Redis.from_url(servers.valkey.url(db=0)) as broker:
        return int(broker.llen(MESSAGE_PREFIX + TASK_QUEUES[HINT_TASKS[hint]]))


def test_at_most_one_hint_is_outstanding(world: World) -> None:
    send = sender_for(world)
    for _ in range(50):
        send(Hint.INBOX)
    assert messages(world.servers, Hint.INBOX) == 1

    send.clear(Hint.INBOX)  # a worker is about to look: a row that commits now needs a hint of its own
    send(Hint.INBOX)
    assert messages(world.servers, Hint.INBOX) == 2


def test_a_lost_hint_is_missed_for_a_second_at_most(world: World) -> None:
    send = sender_for(world)
    send(Hint.INBOX)
    with redis.Redis.from_url(world.servers.valkey.url(db=0)) as broker:
        broker.flushdb()
    with redis.Redis.from_url(world.servers.valkey.url(db=1)) as flags:
        assert 0 < flags.pttl("billing:hint:inbox") <= 1_000


@pytest.mark.parametrize("hint", list(Hint))
def test_every_hint_has_a_task_that_exists(hint: Hint) -> None:
    registered = Celery(
        "every-task",
        include=[
            "tasks.work",
            "tasks.credits",
            "tasks.usage",
            "tasks.subscriptions",
            "tasks.maintenance",
            "tasks.outgoing",
        ],
    )
    registered.loader.import_default_modules()
    registered.finalize()
    assert HINT_TASKS[hint] in registered.tasks
    assert {name for name in registered.tasks if not name.startswith("celery.")} == set(TASK_QUEUES)


def test_a_broker_that_is_away_costs_one_short_wait_and_no_exception(world: World) -> None:
    away = "redis://127.0.0.1:1/0"
    send = sender_for(world, REDIS_URL=away, CELERY_BROKER_URL=away)
    started = time.monotonic()
    for _ in range(100):
        send(Hint.OPERATIONS)
    assert time.monotonic() - started < 3.0


def test_wake_ups_are_coalesced_and_a_minute_away_at_most(world: World) -> None:
    send = sender_for(world)
    for seconds in (5.0, 4_000.0, 0.0):
        send.wake_later(Hint.OUTBOX, seconds=seconds)
    with redis.Redis.from_url(world.servers.valkey.url(db=1)) as flags:
        assert 0 < flags.ttl("billing:wake:outbox") <= 6
