import base64
from collections.abc import Callable

import pytest

from billing.settings import InvalidSettings, Settings, load_settings

GOOD = {
    "BILLING_ENV": "production",
    "DATABASE_URL": "postgresql://billing:canary-database@127.0.0.1:5432/billing",
    "REDIS_URL": "redis://:canary-redis@127.0.0.1:6379/1",
    "REDIS_CREDITS_URL": "redis://:canary-credits@127.0.0.1:6380/0",
    "STRIPE_SECRET_KEY": "sk_" + "test_canarySecretKey",
    "STRIPE_PUBLISHABLE_KEY": "pk_" + "test_canaryPublishableKey",
    "STRIPE_WEBHOOK_SECRET": "whsec_" + "canary" * 8,
    "ENCRYPTION_KEY": base64.b64encode(b"canary" * 5 + b"!!").decode(),
    "API_KEY_PEPPER": "canary-pepper-" * 4,
    "FLOWER_BASIC_AUTH": "flower:canary-flower",
}
Load = Callable[..., Settings]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load settings from a good environment with some variables changed; None takes one away."""

    def load_changed(**changed: str | None) -> Settings:
        for name in Settings.model_fields:
            monkeypatch.delenv(name, raising=False)
        for name, value in {**GOOD, **changed}.items():
            if value is not None:
                monkeypatch.setenv(name, value)
        return load_settings()

    return load_changed


def test_a_whole_environment_is_taken_and_says_its_mode(load: Load) -> None:
    assert load().mode == "test"
    live = load(STRIPE_SECRET_KEY="rk_" + "live_x", STRIPE_PUBLISHABLE_KEY="pk_" + "live_x")
    assert (live.mode, live.livemode) == ("live", True)


def test_live_mode_sends_no_webhook_to_a_private_address(load: Load) -> None:
    assert load(OUTGOING_WEBHOOKS_ALLOW_PRIVATE="true").OUTGOING_WEBHOOKS_ALLOW_PRIVATE
    with pytest.raises(InvalidSettings) as refused:
        load(
            OUTGOING_WEBHOOKS_ALLOW_PRIVATE="true",
            STRIPE_SECRET_KEY="sk_" + "live_x",
            STRIPE_PUBLISHABLE_KEY="pk_" + "live_x",
        )

    assert refused.value.faults[0].startswith("OUTGOING_WEBHOOKS_ALLOW_PRIVATE: ")


def test_the_other_redis_urls_follow_from_the_first(load: Load) -> None:
    settings = load(BILLING_ENV="development", REDIS_CREDITS_URL=None)

    assert settings.broker_url == "redis://:canary-redis@127.0.0.1:6379/0"
    assert settings.credits_url == "redis://:canary-redis@127.0.0.1:6379/2"
    assert settings.sqlalchemy_url.startswith("postgresql+psycopg://billing:")


@pytest.mark.parametrize(
    "name",
    [
        "DATABASE_URL",
        "REDIS_URL",
        "STRIPE_SECRET_KEY",
        "STRIPE_PUBLISHABLE_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "ENCRYPTION_KEY",
        "API_KEY_PEPPER",
    ],
)
@pytest.mark.parametrize("value", [None, ""])
def test_what_must_be_there_is_asked_for_by_name(load: Load, name: str, value: str | None) -> None:
    with pytest.raises(InvalidSettings) as refused:
        load(**{name: value})

    (fault,) = refused.value.faults
    assert fault.startswith(f"{name}: is missing (")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BILLING_ENV", "canary"),
        ("BILLING_SERVICE_PORT", "canary"),
        ("BILLING_SERVICE_PORT", "0"),
        ("BILLING_SERVICE_PORT", "65536"),
        ("BILLING_WEB_THREADS", "1"),
        ("BILLING_LOG_LEVEL", "canary"),
        ("DATABASE_URL", "mysql://root:canary@127.0.0.1/db"),
        ("DATABASE_URL", "canary"),
        ("DATABASE_POOL_TIMEOUT_SECONDS", "0"),
        ("REDIS_URL", "http://:canary@127.0.0.1"),
        ("REDIS_URL", "redis://:pass/canary@127.0.0.1:6379/1"),
        ("REDIS_CREDITS_URL", "redis://:pa#canary@127.0.0.1:6379/1"),
        ("CELERY_BROKER_URL", "redis://127.0.0.1:canary/0"),
        ("STRIPE_SECRET_KEY", "canary"),
        ("STRIPE_SECRET_KEY", "pk_" + "test_canary"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_" + "live_canary"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_canary"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_" + "canary" * 8 + ",canary"),
        ("STRIPE_WEBHOOK_SECRET", " , "),
        ("STRIPE_API_BASE", "ftp://canary"),
        ("ENCRYPTION_KEY", "canary"),
        ("ENCRYPTION_KEY", "z" * 64),
        ("ENCRYPTION_KEY", base64.b64encode(b"canary").decode()),
        ("API_KEY_PEPPER", "canary"),
        ("CURRENCY", "canary"),
        ("CURRENCY", "ZZZ"),
        ("TAX_RATE", "canary"),
        ("TAX_RATE", "20"),
        ("PAYMENT_RATE_LIMIT", "0"),
        ("ENABLE_AUDIT_LOG", "canary"),
        ("ENABLE_AUDIT_LOG", "false"),
        ("REDIS_CREDITS_URL", "redis://:canary@127.0.0.1:6379/2"),
        ("REDIS_CREDITS_URL", None),
    ],
)
def test_a_fault_is_one_line_that_names_the_variable_and_never_its_value(
    load: Load, name: str, value: str | None
) -> None:
    with pytest.raises(InvalidSettings) as refused:
        load(**{name: value})

    (fault,) = refused.value.faults
    assert fault.startswith(f"{name}: ")
    assert "\n" not in fault
    assert "canary" not in fault


def test_several_faults_are_told_at_once(load: Load) -> None:
    with pytest.raises(InvalidSettings) as refused:
        load(DATABASE_URL=None, BILLING_SERVICE_PORT="none", CURRENCY="ZZZ")

    assert [fault.partition(":")[0] for fault in refused.value.faults] == [
        "BILLING_SERVICE_PORT",
        "DATABASE_URL",
        "CURRENCY",
    ]


def test_several_rules_that_are_broken_are_told_at_once(load: Load) -> None:
    with pytest.raises(InvalidSettings) as refused:
        load(ENABLE_AUDIT_LOG="false", REDIS_CREDITS_URL=None)

    assert [fault.partition(":")[0] for fault in refused.value.faults] == ["ENABLE_AUDIT_LOG", "REDIS_CREDITS_URL"]


def test_nothing_dies_on_purpose_where_money_is_real(load: Load) -> None:
    assert load(BILLING_FAIL_POINTS="/tmp/points").BILLING_FAIL_POINTS

    with pytest.raises(InvalidSettings) as refused:
        load(
            BILLING_FAIL_POINTS="/tmp/points",
            STRIPE_SECRET_KEY="sk_" + "live_x",
            STRIPE_PUBLISHABLE_KEY="pk_" + "live_x",
        )

    assert [fault.partition(":")[0] for fault in refused.value.faults] == ["BILLING_FAIL_POINTS"]


def test_the_audit_log_can_be_off_where_pci_does_not_rule(load: Load) -> None:
    assert load(ENABLE_AUDIT_LOG="false", PCI_COMPLIANCE_MODE="false").ENABLE_AUDIT_LOG is False


@pytest.mark.parametrize("environment", ["development", "test"])
def test_one_redis_server_is_enough_outside_production(load: Load, environment: str) -> None:
    load(BILLING_ENV=environment, REDIS_CREDITS_URL=None)


@pytest.mark.parametrize("url", ["redis://:canary@10.0.0.1:6379", "redis://:canary@10.0.0.1:6379/0"])
def test_a_cluster_has_one_database(load: Load, url: str) -> None:
    assert load(REDIS_CREDITS_CLUSTER="true", REDIS_CREDITS_URL=url).REDIS_CREDITS_CLUSTER

    with pytest.raises(InvalidSettings) as refused:
        load(REDIS_CREDITS_CLUSTER="true", REDIS_CREDITS_URL="redis://:canary@10.0.0.1:6379/2")
    (fault,) = refused.value.faults
    assert fault.startswith("REDIS_CREDITS_URL: ")
    assert "canary" not in fault
    with pytest.raises(InvalidSettings):  # by default it would be database 2 of another server
        load(BILLING_ENV="test", REDIS_CREDITS_CLUSTER="true", REDIS_CREDITS_URL=None)


def test_several_secrets_are_taken_while_rotating(load: Load) -> None:
    first, second = "whsec_" + "1" * 40, "whsec_" + "2" * 40
    settings = load(STRIPE_WEBHOOK_SECRET=f" {first} , {second} ", ENCRYPTION_KEY=f"{'ab' * 32},{'cd' * 32}")

    assert [secret.get_secret_value() for secret in settings.STRIPE_WEBHOOK_SECRET] == [first, second]
    assert len(settings.ENCRYPTION_KEY) == 2


def test_showing_the_settings_shows_no_secret(load: Load) -> None:
    settings = load()

    assert "canary" not in repr(settings) + str(settings) + str(settings.model_dump()) + settings.model_dump_json()


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
