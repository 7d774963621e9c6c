"""The settings of Celery that correctness rests on."""

from datetime import timedelta

import pytest

from billing.leases import POSTPONE_PAUSE_SECONDS_MAX
from billing.settings import Settings
from billing.webhooks.process import LEASE_SECONDS as INBOX_LEASE_SECONDS
from tasks.celery_config import client_config
from tasks.hints import WAKE_SECONDS_MAX
from tasks.maintenance import SCHEDULE
from workers.config import worker_config

VALUES = {
    "DATABASE_URL": "postgresql://u:p@127.0.0.1:1/d",
    "REDIS_URL": "redis://127.0.0.1:1/1",
    "STRIPE_SECRET_KEY": "sk_test_x",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_" + "x" * 40,
    "ENCRYPTION_KEY": "00" * 32,
    "API_KEY_PEPPER": "p" * 40,
    "BILLING_ENV": "test",
}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in Settings.model_fields:
        monkeypatch.delenv(name, raising=False)
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_nothing_but_json_is_read(settings: Settings) -> None:
    config = worker_config(settings)
    assert config["accept_content"] == config["result_accept_content"] == ["json"]
    assert config["task_serializer"] == config["result_serializer"] == "json"
    assert config["result_backend"] is None


def test_a_message_is_not_delivered_again_while_its_task_may_run(settings: Settings) -> None:
    config = worker_config(settings)
    visibility = config["visibility_timeout"]
    assert config["broker_transport_options"]["visibility_timeout"] == visibility
    assert config["task_soft_time_limit"] < config["task_time_limit"] < visibility / 2
    assert max(settings.WORK_LEASE_SECONDS, INBOX_LEASE_SECONDS) < visibility / 2
    assert max(WAKE_SECONDS_MAX, POSTPONE_PAUSE_SECONDS_MAX) < visibility / 2


def test_a_message_is_acknowledged_only_when_its_task_has_ended(settings: Settings) -> None:
    config = worker_config(settings)
    assert config["task_acks_late"] is config["task_reject_on_worker_lost"] is True
    assert config["worker_prefetch_multiplier"] == 1


def test_what_a_dead_worker_left_behind_is_taken_over_within_a_minute(settings: Settings) -> None:
    assert settings.WORK_LEASE_SECONDS + SCHEDULE["maintenance.sweep"].total_seconds() <= 60


def test_one_event_is_handled_within_thirty_seconds(settings: Settings) -> None:
    assert INBOX_LEASE_SECONDS == 30
    assert settings.STRIPE_TIMEOUT_SECONDS < INBOX_LEASE_SECONDS
    assert settings.DATABASE_STATEMENT_TIMEOUT_SECONDS < INBOX_LEASE_SECONDS


def test_all_clients_of_the_broker_agree_and_none_waits_for_ever(settings: Settings) -> None:
    web = client_config(settings, name="billing-web", socket_timeout_seconds=settings.REDIS_TIMEOUT_SECONDS)
    worker = worker_config(settings)
    for name in ("visibility_timeout", "accept_content", "broker_url"):
        assert web[name] == worker[name]
    for config in (web, worker):
        options = config["broker_transport_options"]
        assert 0 < options["socket_connect_timeout"] <= 3
        assert 0 < options["socket_timeout"] <= 10
        assert options["retry_on_timeout"] is False


def test_a_daily_job_is_asked_for_often_enough_to_survive_restarts_of_beat(settings: Settings) -> None:
    entries = worker_config(settings)["beat_schedule"]
    assert set(entries) == set(SCHEDULE)
    for task, entry in entries.items():
        assert entry["schedule"] <= min(SCHEDULE[task], timedelta(minutes=10))
        assert 0 < entry["options"]["expires"] <= entry["schedule"].total_seconds()
