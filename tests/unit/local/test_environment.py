from pathlib import Path

from local.data_dir import DataDir
from local.embedded import Addresses
from local.environment import process_environment
from local.installation import Secrets
from local.options import StackOptions
from local.sandbox import WebhookEndpoint

ADDRESSES = Addresses(
    database_url="postgresql://embedded/billing",
    broker_url="redis://embedded/0",
    redis_url="redis://embedded/1",
    credits_url="redis://credits/0",
)
OPTIONS = StackOptions(
    data_dir=DataDir(Path("/data")),
    host="127.0.0.1",
    port=3006,
    log_level="DEBUG",
    procfile=Path("/project/Procfile"),
    project_root=Path("/project"),
)
ENDPOINT = WebhookEndpoint(id="we_1", secret="whsec_generated", url="http://127.0.0.1:3006/webhooks/stripe")


def environment(base: dict[str, str], *, sandbox_url: str | None = "http://127.0.0.1:20001") -> dict[str, str]:
    return process_environment(
        base=base,
        options=OPTIONS,
        secrets=Secrets(webhook_endpoint=ENDPOINT),
        addresses=ADDRESSES,
        sandbox_url=sandbox_url,
        flower_port=20002,
    )


def test_what_the_stack_decides_wins_over_the_shell() -> None:
    env = environment({"BILLING_SERVICE_PORT": "1", "DATABASE_URL": "", "STRIPE_API_BASE": "https://elsewhere"})

    assert env["BILLING_SERVICE_PORT"] == "3006"
    assert env["DATABASE_URL"] == "postgresql://embedded/billing"
    assert env["STRIPE_API_BASE"] == "http://127.0.0.1:20001"
    assert env["STRIPE_WEBHOOK_SECRET"] == "whsec_generated"


def test_settings_of_the_shell_reach_the_processes() -> None:
    env = environment({"TAX_RATE": "0.07", "BILLING_ENV": "test", "API_KEY_PEPPER": "mine", "ENCRYPTION_KEY": ""})

    assert env["TAX_RATE"] == "0.07"
    assert env["BILLING_ENV"] == "test"
    assert env["API_KEY_PEPPER"] == "mine"
    assert env["ENCRYPTION_KEY"]  # an empty one counts as not set


def test_webhooks_may_go_to_this_machine_where_the_sandbox_runs_unless_the_user_says_otherwise() -> None:
    assert environment({})["OUTGOING_WEBHOOKS_ALLOW_PRIVATE"] == "true"
    assert environment({"OUTGOING_WEBHOOKS_ALLOW_PRIVATE": "false"})["OUTGOING_WEBHOOKS_ALLOW_PRIVATE"] == "false"
    assert "OUTGOING_WEBHOOKS_ALLOW_PRIVATE" not in environment({}, sandbox_url=None)


def test_without_a_sandbox_the_stripe_settings_are_the_shells() -> None:
    env = environment({"STRIPE_SECRET_KEY": "sk_test_mine"}, sandbox_url=None)

    assert env["STRIPE_SECRET_KEY"] == "sk_test_mine"
    assert "STRIPE_API_BASE" not in env


def test_a_proxy_is_not_used_for_this_machine() -> None:
    assert environment({"no_proxy": "intranet"})["NO_PROXY"].split(",") == ["intranet", "127.0.0.1", "localhost"]


def test_no_two_installations_share_a_secret() -> None:
    one, other = environment({}), environment({})

    for name in ("ENCRYPTION_KEY", "API_KEY_PEPPER", "FLOWER_BASIC_AUTH", "STRIPE_SECRET_KEY"):
        assert one[name] != other[name]
