"""Every process for real: what a customer sees, and what happens when parts go away. The tests leave the stack as it was."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import redis
from celery import Celery

from billing.clock import utc_now
from billing.invariants import INVARIANTS
from tasks.celery_config import MESSAGE_PREFIX
from tasks.queues import QUEUES
from tests.integration.stack.conftest import LiveStack, wait_until


def test_the_demo_ends_with_every_step_green(stack: LiveStack) -> None:
    told = stack.billing("demo")

    assert told.returncode == 0, told.stdout + told.stderr


def test_a_payment_is_settled_well_under_a_second(stack: LiveStack) -> None:
    customer = stack.customer()
    assert stack.pay(customer, wait=10).status_code == 201  # the gateway's customer is there from now on
    times = []
    for _ in range(5):
        started = time.monotonic()
        answer = stack.pay(customer, wait=10)
        times.append(time.monotonic() - started)
        assert (answer.status_code, answer.json()["status"]) == (201, "succeeded")
        assert answer.headers["Preference-Applied"] == "wait=10"
    assert sorted(times)[2] < 1.0, times


def test_a_decline_under_prefer_wait_is_a_problem_with_the_next_step(stack: LiveStack) -> None:
    answer = stack.pay(stack.customer(), wait=10, card="pm_card_chargeDeclinedInsufficientFunds")

    assert answer.status_code == 402
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["decline"]["code"] == "insufficient_funds"
    assert stack.payment(answer.json()["payment_id"])["status"] == "requires_payment_method"


def test_a_broker_flushed_between_the_request_and_the_worker_loses_nothing(stack: LiveStack) -> None:
    customer = stack.customer()
    with stack.frozen("worker-network"):
        accepted = [stack.pay(customer).json() for _ in range(3)]
        with redis.Redis.from_url(stack.facts["broker_url"]) as broker:
            broker.flushall()

    for payment in accepted:
        settled = stack.wait_for_payment(payment["id"])
        assert len(stack.charges(settled)) == 1


def test_with_the_broker_frozen_the_api_accepts_and_the_work_happens_later(stack: LiveStack) -> None:
    customer = stack.customer()
    with stack.frozen("valkey-broker"):
        started = time.monotonic()
        answers = [stack.pay(customer) for _ in range(3)]
        assert time.monotonic() - started < 12
    assert [answer.status_code for answer in answers] == [202, 202, 202]

    for answer in answers:
        assert len(stack.charges(stack.wait_for_payment(answer.json()["id"]))) == 1


def test_a_broker_that_was_killed_comes_back_and_workers_with_it(stack: LiveStack) -> None:
    customer = stack.customer()
    stack.kill("valkey-broker")
    answer = stack.pay(customer)
    assert answer.status_code == 202

    assert len(stack.charges(stack.wait_for_payment(answer.json()["id"], seconds=60))) == 1
    stack.wait_until_ready()


def test_a_killed_sandbox_delays_and_loses_nothing(stack: LiveStack) -> None:
    customer = stack.customer()
    stack.kill("sandbox")
    answer = stack.pay(customer)
    assert answer.status_code == 202

    assert len(stack.charges(stack.wait_for_payment(answer.json()["id"], seconds=60))) == 1
    stack.wait_until_ready()


def test_a_slow_gateway_is_waited_for(stack: LiveStack) -> None:
    customer = stack.customer()
    slow = {"kind": "latency", "method": "POST", "path": "/v1/payment_intents", "seconds": 3, "times": 1}
    httpx.post(f"{stack.facts['stripe_api_base']}/_sandbox/faults", json=slow, timeout=20).raise_for_status()

    answer = stack.pay(customer, wait=20)

    assert (answer.status_code, answer.json()["status"]) == (201, "succeeded")


def test_messages_that_nobody_sent_on_purpose_are_survived(stack: LiveStack) -> None:
    with redis.Redis.from_url(stack.facts["broker_url"]) as broker:
        for body in (
            b"not json",
            b'{"body": "gASVAAAAAAAAAA==", "content-type": "application/x-python-serialize"}',
            b"{}",
        ):
            broker.lpush("billing:payments", body)

    answer = stack.pay(stack.customer())

    assert len(stack.charges(stack.wait_for_payment(answer.json()["id"], seconds=60))) == 1
    stack.wait_until_ready()


def test_a_killed_worker_is_replaced_and_its_work_is_done_once(stack: LiveStack) -> None:
    customer = stack.customer()
    accepted = [stack.pay(customer).json() for _ in range(6)]
    stack.kill("worker-network")
    accepted += [stack.pay(customer).json() for _ in range(3)]

    for payment in accepted:
        assert len(stack.charges(stack.wait_for_payment(payment["id"], seconds=150))) == 1
    stack.wait_until_ready()


def test_postgres_that_was_killed_is_503_until_it_is_back(stack: LiveStack) -> None:
    customer = stack.customer()
    stack.kill("postgres")
    seen = set()

    def pays_again() -> bool:
        answer = stack.pay(customer, wait=10)
        seen.add(answer.status_code)
        if answer.status_code == 503:
            assert "Retry-After" in answer.headers
            assert answer.json()["code"] == "database_unavailable"
        return answer.status_code == 201

    wait_until(pays_again, seconds=60, what="a payment after Postgres came back")
    assert seen <= {201, 202, 503}
    stack.wait_until_ready()


def test_beat_and_flower_may_be_away(stack: LiveStack) -> None:
    with stack.frozen("beat", "flower"):
        answer = stack.pay(stack.customer(), wait=10)
    assert (answer.status_code, answer.json()["status"]) == (201, "succeeded")


def test_flower_shows_nothing_without_a_login_and_changes_nothing_with_one(stack: LiveStack) -> None:
    flower, login = stack.facts["flower_url"], (stack.facts["flower_user"], stack.facts["flower_password"])

    for path in ("/", "/metrics", "/api/workers", "/api/tasks", "/tasks", "/broker"):
        assert httpx.get(flower + path, timeout=20).status_code == 401, path
    assert httpx.get(flower + "/workers", auth=login, timeout=20).status_code == 200
    for path in ("/api/worker/shutdown/network@x", "/api/task/async-apply/operations.run", "/api/worker/pool/grow/x"):
        assert httpx.post(flower + path, auth=login, timeout=20).status_code in {401, 403, 404, 405}, path
        assert httpx.post(flower + path, timeout=20).status_code in {401, 403}, path


def test_the_figures_add_up_across_processes(stack: LiveStack) -> None:
    assert stack.pay(stack.customer(), wait=10).status_code == 201

    text = httpx.get(stack.facts["api_url"] + "/metrics", timeout=20).text

    assert 'billing_tasks_total{outcome="ok",task="operations.run"}' in text  # counted in a worker, read from the API
    assert 'billing_http_requests_total{method="POST",route="/payments/intent",status="201"}' in text
    assert 'billing_gateway_calls_total{call="payment_intent.create",outcome="ok"}' in text
    assert 'billing_work_waiting{table="operations"}' in text
    assert 'billing_queue_messages{queue="webhooks"}' in text


def test_health_names_every_part(stack: LiveStack) -> None:
    def fine() -> dict[str, object] | None:
        health: dict[str, object] = httpx.get(stack.facts["api_url"] + "/health", timeout=20).json()
        return health if health["status"] == "ok" and health["stripe"] == "connected" else None

    health = wait_until(fine, seconds=60, what="a healthy report")
    assert set(health["checks"]) == {"postgres", "redis", "broker", "credits", "workers", "beat", "stripe"}
    assert set(health["checks"]["workers"]["queues"]) == set(QUEUES)


def test_secrets_and_personal_data_stay_out_of_every_log(stack: LiveStack) -> None:
    email = "very.private@example.com"
    stack.call("POST", "/customers", {"email": email, "name": "Privata Persona", "address": {"line1": "Hidden Lane 7"}})
    stack.pay(stack.customer(), wait=10)

    logs = {name: stack.log(name) for name in ("web", "worker-network", "worker-maintenance", "worker-compute", "beat")}
    secrets = [
        stack.facts["api_key"],
        stack.facts["stripe_secret_key"],
        stack.facts["stripe_webhook_secret"],
        stack.facts["flower_password"],
        stack.facts["database_url"].split("@")[0],
        stack.facts["broker_url"].split("@")[0],
        email,
        "Privata Persona",
        "Hidden Lane",
    ]
    for name, text in logs.items():
        for secret in secrets:
            assert secret not in text, f"{secret[:12]}… stands in {name}.log"


def test_usage_that_is_reported_is_deducted_by_the_workers_once(stack: LiveStack) -> None:
    customer = stack.customer()
    meter = {"code": "ai_tokens", "name": "Tokens", "event_type": "ai.generated", "value_property": "tokens"}
    assert stack.call("POST", "/meters", {**meter, "credits_per_unit": "1/1000"}).status_code == 201
    assert stack.call("POST", "/credits/grants", {"customer_id": customer, "amount": 100}).status_code == 201
    used = [
        {
            "specversion": "1.0",
            "id": f"{number}",
            "source": "shop",
            "type": "ai.generated",
            "subject": customer,
            "time": utc_now().isoformat(),
            "data": {"tokens": 2_500},
        }
        for number in range(10)
    ]

    def balance() -> int:
        return int(stack.call("GET", f"/credits/balance?customer_id={customer}").json()["balance"])

    stack.call("POST", "/usage/events", used[:5])
    answer = stack.call("POST", "/usage/events", used)

    assert [result["status"] for result in answer.json()["data"]] == ["duplicate"] * 5 + ["accepted"] * 5
    wait_until(lambda: balance() == 75, what="the deduction of what was used")
    closed = "SELECT count(*) FROM usage_charges WHERE status <> 'charged'"
    wait_until(lambda: stack.rows(closed) == [(0,)], what="every charge closed")
    assert balance() == 75
    assert stack.billing("credits", "verify").returncode == 0


def test_secrets_stand_in_no_command_line_no_figures_and_no_problem(stack: LiveStack) -> None:
    secrets = [
        *(stack.facts[name] for name in ("api_key", "stripe_secret_key", "stripe_webhook_secret", "flower_password")),
        *(urlsplit(stack.facts[name]).password for name in ("database_url", "broker_url", "credits_url")),
    ]
    assert all(len(secret) >= 16 for secret in secrets)
    told = {
        f"the command line of {name}": Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        for name, pid in stack.facts["processes"].items()
        if Path(f"/proc/{pid}").exists()
    }
    assert told
    for path in (
        "/metrics",
        "/health",
        "/openapi.json",
        "/nothing",
        "/payments/x",
        "/customers?limit=0",
        "/docs/errors",
    ):
        told[path] = stack.call("GET", path).text
    told["a forged webhook"] = stack.call("POST", "/webhooks/stripe", {"id": "evt_1"}).text
    login = (stack.facts["flower_user"], stack.facts["flower_password"])
    for path in ("/broker", "/workers", "/tasks"):
        told[f"Flower's {path}"] = httpx.get(stack.facts["flower_url"] + path, auth=login, timeout=20).text

    leaks = [f"{secret[:6]}… stands in {where}" for where, text in told.items() for secret in secrets if secret in text]
    assert leaks == []


def test_an_api_key_stands_in_no_table_and_on_no_server(stack: LiveStack) -> None:
    email = "found.by.this.search@example.com"
    stack.call("POST", "/customers", {"email": email})
    stack.pay(stack.customer(), wait=10)

    assert "customers" in _tables_with(stack, email)  # the search finds what is there
    assert _tables_with(stack, stack.facts["api_key"]) == set()
    for url in (stack.facts["broker_url"], stack.facts["credits_url"]):
        assert stack.facts["api_key"] not in _everything_on(url)


def _tables_with(stack: LiveStack, text: str) -> set[str]:
    tables = stack.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {table for (table,) in tables if stack.rows(f"SELECT 1 FROM {table} t WHERE strpos(t::text, '{text}') > 0")}


def _everything_on(url: str) -> str:
    """Return all keys and values of a server, whatever database they are in."""
    read: dict[str, Callable[[redis.Redis, str], object]] = {
        "string": lambda client, key: client.get(key),
        "hash": lambda client, key: client.hgetall(key),
        "list": lambda client, key: client.lrange(key, 0, -1),
        "set": lambda client, key: client.smembers(key),
        "zset": lambda client, key: client.zrange(key, 0, -1),
        "stream": lambda client, key: client.xrange(key),
    }
    found = []
    with redis.Redis.from_url(url) as server:
        databases = [int(name.removeprefix("db")) for name in server.info("keyspace")]
    for number in databases:
        database = urlsplit(url)._replace(path=f"/{number}").geturl()
        with redis.Redis.from_url(database, decode_responses=True, encoding_errors="replace") as client:
            for key in client.scan_iter(count=1_000):
                kind = str(client.type(key))  # "none" when it has ended since it was listed
                found.append(f"{key} {read[kind](client, key) if kind in read else ''}")
    return "\n".join(found)


def test_log_lines_name_request_and_operation(stack: LiveStack) -> None:
    answer = stack.pay(stack.customer(), wait=10)
    payment = answer.json()["id"]
    operation = stack.rows(f"SELECT id FROM operations WHERE resource_id = '{payment}'")[0][0]

    lines = [json.loads(line) for line in stack.log("worker-network").splitlines() if str(operation) in line]
    assert any(line["event"] == "operation.ended" and line["task"] == "operations.run" for line in lines)
    requests = [json.loads(line) for line in stack.log("web").splitlines() if str(operation) in line]
    assert [line["request_id"] for line in requests] == [answer.headers["X-Request-Id"]]


def test_the_audit_log_is_sealed_within_seconds_and_whole(stack: LiveStack) -> None:
    stack.customer()
    wait_until(
        lambda: stack.rows("SELECT count(*) FROM audit_pending") == [(0,)], seconds=20, what="every entry sealed"
    )

    verified = stack.billing("audit", "verify", "--json")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert json.loads(verified.stdout)["anchors"] > 0


def test_every_scheduled_task_does_its_work(stack: LiveStack) -> None:
    celery = Celery("stack-test", broker=stack.facts["broker_url"], set_as_current=False)
    celery.conf.broker_transport_options = {"global_keyprefix": MESSAGE_PREFIX}
    before = stack.log("worker-maintenance").count('"event": "task.done"')
    slotted = {"events.purge", "maintenance.invariants", "maintenance.purge", "webhooks.resync"}
    for task in slotted:
        celery.send_task(task, queue="maintenance")

    def slots() -> bool:
        return slotted <= {row[0] for row in stack.rows("SELECT DISTINCT job FROM beat_slots")}

    wait_until(slots, what="a slot of each job")
    wait_until(
        lambda: stack.log("worker-maintenance").count('"event": "task.done"') >= before + 3, what="each task done"
    )
    assert f"all {len(INVARIANTS)} hold" in stack.log("worker-maintenance")
    told = stack.billing("invariants", "--json")
    assert told.returncode == 0, told.stdout


def test_doctor_is_green(stack: LiveStack) -> None:
    examined = stack.billing("doctor")

    assert examined.returncode == 0, examined.stdout + examined.stderr
