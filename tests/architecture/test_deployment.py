"""Procfile, docker-compose.yml, Dockerfile and settings agree: commands exist, variables are known, queues are served."""

import re
from importlib.util import find_spec
from typing import Any

import pytest

from billing.settings import Settings
from cli.main import BillingGroup
from tasks.outgoing import SENDERS_MAX
from tasks.queues import OUTGOING, QUEUES
from tests.architecture.deployment_files import (
    VARIABLE,
    Command,
    command_of,
    compose,
    compose_text,
    own_services,
    procfile,
)
from tests.architecture.source_tree import PACKAGES, ROOT

# Commands of compose that the Procfile does not have: the gate, and the holder of the shared process ids.
ONLY_IN_COMPOSE = {"migrate", "pids"}
REQUIRED_SETTINGS = {name for name, field in Settings.model_fields.items() if field.is_required()}
APPENDFSYNC = {"broker": "everysec", "credits": "always"}


def exists(command: Command) -> bool:
    """Say whether what the command starts is there."""
    match command.words:
        case ("python", "-m", module, *_):
            return find_spec(module) is not None
        case ("python", "-c", _):
            return True
        case ("celery", "-A", module, "worker" | "beat" | "flower", *options):
            files = [option.partition("=")[2] for option in options if option.startswith("--conf=")]
            return find_spec(module) is not None and all((ROOT / file).is_file() for file in files)
        case ("billing", name, *_):
            return name in BillingGroup.sources
    return False


def test_each_command_exists() -> None:
    commands = {**procfile(), **{name: command_of(service) for name, service in own_services().items()}}

    assert [name for name, command in commands.items() if not exists(command)] == []


@pytest.mark.parametrize("line", ["python -m app.nowhere", "celery -A workers.nowhere worker", "billing nothing", "sh"])
def test_a_command_that_is_not_there_is_noticed(line: str) -> None:
    assert not exists(Command(tuple(line.split())))


def test_compose_runs_what_the_procfile_runs() -> None:
    in_compose = {name: command_of(service) for name, service in own_services().items() if name not in ONLY_IN_COMPOSE}

    assert in_compose == procfile()


def test_each_queue_is_consumed() -> None:
    in_procfile = [queue for command in procfile().values() for queue in command.queues]
    in_compose = [queue for service in own_services().values() for queue in command_of(service).queues]

    assert sorted(in_procfile) == sorted(QUEUES)
    assert sorted(in_compose) == sorted(QUEUES)


def test_the_worker_that_sends_webhooks_keeps_threads_for_its_other_work() -> None:
    (words,) = (command.words for command in procfile().values() if OUTGOING in command.queues)

    assert words[words.index("--pool") + 1] == "threads"
    assert int(words[words.index("--concurrency") + 1]) >= SENDERS_MAX + 4


def test_each_variable_is_one_that_its_reader_knows() -> None:
    unknown = {
        f"{name}: {variable}"
        for name, service in own_services().items()
        for variable in service.get("environment", {})
        if variable not in Settings.model_fields
    }

    assert unknown == set()


def test_other_services_get_their_own_variables_only() -> None:
    others = {name: service for name, service in compose()["services"].items() if name not in own_services()}
    given = {variable for service in others.values() for variable in service.get("environment", {})}

    assert {name for name in given if not name.startswith("POSTGRES_")} == {"VALKEY_PASSWORD"}


def test_each_required_setting_is_given_to_each_process() -> None:
    for name, service in own_services().items():
        if name != "pids":
            assert set(service["environment"]) >= REQUIRED_SETTINGS, name


def test_no_secret_is_written_down() -> None:
    """What is secret is asked for, with a sentence about what it is; nothing else hides in an address."""
    asked_for = {name for name, kind, _ in VARIABLE.findall(compose_text()) if kind == "?"}
    without_explanation = [name for name, kind, text in VARIABLE.findall(compose_text()) if kind != "-" and not text]
    passwords = re.findall(r"://\w*:([^\s@]*)@", VARIABLE.sub("asked-for", compose_text()))

    assert without_explanation == []
    assert set(passwords) == {"asked-for"}
    assert asked_for >= {
        "POSTGRES_PASSWORD",
        "STRIPE_SECRET_KEY",
        "ENCRYPTION_KEY",
        "API_KEY_PEPPER",
        "FLOWER_BASIC_AUTH",
    }


def test_the_example_lists_what_compose_asks_for() -> None:
    example = (ROOT / "deploy" / "compose.env.example").read_text(encoding="utf-8")
    required = set(re.findall(r"^([A-Z_]+)=$", example, re.MULTILINE))
    optional = set(re.findall(r"^# ([A-Z_]+)=", example, re.MULTILINE))
    used = VARIABLE.findall(compose_text())

    assert required == {name for name, kind, _ in used if kind == "?"}
    assert optional == {name for name, kind, _ in used if kind == "-"}


def test_nothing_of_ours_starts_before_the_migrations_have_succeeded() -> None:
    for name in procfile():
        assert own_services()[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}, name
    assert own_services()["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def test_each_lasting_service_has_a_health_check() -> None:
    without = {name for name, service in compose()["services"].items() if "healthcheck" not in service}

    assert without == {"migrate"}


def test_health_checks_ask_about_the_queues_that_the_worker_serves() -> None:
    for name, service in own_services().items():
        queues = command_of(service).queues
        if queues:
            assert service["healthcheck"]["test"][2:] == ["deploy/healthcheck.py", "queues", *queues], name


def published() -> dict[str, list[Any]]:
    return {name: service["ports"] for name, service in compose()["services"].items() if "ports" in service}


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert set(published()) == {"proxy", "flower"}
    assert published()["flower"] == ["127.0.0.1:5555:5555"]


def test_the_servers_of_data_are_on_a_network_of_their_own() -> None:
    for name in ("postgres", "broker", "credits"):
        assert compose()["services"][name]["networks"] == ["data"], name
    assert compose()["networks"]["data"] == {"internal": True}


@pytest.mark.parametrize(("role", "appendfsync"), list(APPENDFSYNC.items()))
def test_each_valkey_keeps_what_its_role_needs(role: str, appendfsync: str) -> None:
    lines = (ROOT / "deploy" / f"valkey-{role}.conf").read_text(encoding="utf-8").splitlines()
    settings = dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    service = compose()["services"][role]

    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == appendfsync
    assert settings["maxmemory-policy"] == "noeviction"
    assert "requirepass $$VALKEY_PASSWORD" in service["command"][2]
    assert f"./deploy/valkey-{role}.conf:/etc/valkey/valkey.conf:ro" in service["volumes"]
    assert f"{role}:/data" in service["volumes"]


def test_the_processes_share_the_folder_of_their_metrics_and_the_ids_in_its_file_names() -> None:
    for name in procfile():
        service = own_services()[name]
        folder = service["environment"]["PROMETHEUS_MULTIPROC_DIR"]
        assert f"metrics:{folder}" in service["volumes"], name
        assert service["pid"] == "service:pids", name


def test_our_containers_may_do_nothing_that_they_need_not() -> None:
    for name, service in own_services().items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_the_proxy_takes_whole_bodies_and_hides_the_figures() -> None:
    nginx = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")

    assert "proxy_request_buffering on;" in nginx
    assert "client_max_body_size 1m;" in nginx
    assert re.search(r"location ~ \^/metrics/\*\$ \{\s+return 404 ", nginx)
    assert "flower" not in nginx


def test_the_image_installs_hashed_packages_and_runs_as_nobody() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    stages = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    last_stage = dockerfile[dockerfile.rindex("FROM ") :]

    assert stages == ["python:3.11-slim", "python:3.11-slim"]
    assert "--require-hashes" in dockerfile
    assert re.search(r"^USER 10001$", last_stage, re.MULTILINE)
    assert "pip install" not in last_stage
    assert not re.search(r"^(?:ARG|ENV)\b.*(?:PASSWORD|SECRET|KEY|TOKEN)", dockerfile, re.MULTILINE)


def test_the_image_holds_each_package_and_no_more_than_is_named() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}

    assert rules[0] == "*"
    assert let_in >= {*PACKAGES, "alembic", "alembic.ini", "deploy/healthcheck.py"}
    assert [name for name in sorted(let_in) if not (ROOT / name).exists()] == []
