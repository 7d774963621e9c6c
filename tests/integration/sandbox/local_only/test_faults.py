"""Faults on demand, and what the SDK makes of them."""

import threading

import pytest
import stripe

from tests.integration.sandbox.control import Control, fetch
from tests.integration.sandbox.process import SandboxProcess
from tests.integration.sandbox.waiting import wait_for


def test_a_lost_answer_leaves_the_work_done(local: stripe.StripeClient, control: Control) -> None:
    control.post("/faults", kind="lost_answer", method="POST", path="/v1/customers")

    with pytest.raises(stripe.APIConnectionError):
        local.v1.customers.create({"name": "Lost"}, {"idempotency_key": "lost"})

    (customer,) = local.v1.customers.list().data
    again = local.v1.customers.create({"name": "Lost"}, {"idempotency_key": "lost"})
    assert again.id == customer.id


def test_a_reset_leaves_nothing_done(local: stripe.StripeClient, control: Control) -> None:
    control.post("/faults", kind="reset", path="/v1/customers")

    with pytest.raises(stripe.APIConnectionError):
        local.v1.customers.create({})

    assert local.v1.customers.list().data == []


@pytest.mark.parametrize(
    ("status", "error"), [(429, stripe.RateLimitError), (500, stripe.APIError), (503, stripe.APIError)]
)
def test_a_status_is_answered_as_often_as_asked(
    local: stripe.StripeClient, control: Control, status: int, error: type[stripe.StripeError]
) -> None:
    control.post("/faults", kind="status", status=status, path="/v1/cust*", times=2)

    for _ in range(2):
        with pytest.raises(error) as caught:
            local.v1.customers.create({})
        assert caught.value.http_status == status

    assert local.v1.customers.create({}).id


def test_the_sdk_retries_through_faults(sandbox: SandboxProcess, control: Control) -> None:
    http = stripe.RequestsClient(timeout=20)
    client = stripe.StripeClient(
        "sk_test_0123456789abcdefghijklmnop",
        base_addresses={"api": sandbox.url},
        max_network_retries=2,
        http_client=http,
    )
    control.post("/faults", kind="lost_answer", path="/v1/customers")

    customer = client.v1.customers.create({})

    assert [found.id for found in client.v1.customers.list().data] == [customer.id]
    http.close()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped


def test_a_key_in_use_is_a_conflict(local: stripe.StripeClient, control: Control, sandbox: SandboxProcess) -> None:
    control.post("/faults", kind="latency", method="POST", path="/v1/customers", seconds=1)
    first: list[stripe.Customer] = []
    slow = threading.Thread(target=lambda: first.append(local.v1.customers.create({}, {"idempotency_key": "in-use"})))
    slow.start()
    wait_for(lambda: control.get("/faults")["faults"] == [])

    with pytest.raises(stripe.StripeError) as caught:
        local.v1.customers.create({}, {"idempotency_key": "in-use"})
    slow.join()

    assert caught.value.error is not None
    assert (caught.value.http_status, caught.value.error.code) == (409, "idempotency_key_in_use")
    assert local.v1.customers.create({}, {"idempotency_key": "in-use"}).id == first[0].id


def test_faults_are_listed_and_lifted(control: Control) -> None:
    control.post("/faults", kind="latency", seconds=0.5)
    (fault,) = control.get("/faults")["faults"]
    assert (fault["kind"], fault["seconds"], fault["times_left"]) == ("latency", 0.5, 1)

    assert control.delete("/faults") == {"faults": []}


def test_control_routes_are_closed_to_other_sites(control: Control) -> None:
    for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
        assert fetch(f"{control.url}/_sandbox/cards", headers=headers).status == 403


def test_a_wrong_control_parameter_is_named(control: Control) -> None:
    answer = fetch(f"{control.url}/_sandbox/faults", data=b'{"kind": "fire"}')

    assert answer.status == 400
    assert "must be one of lost_answer, status, latency, or reset" in answer.body
