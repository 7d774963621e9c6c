"""Whom the contract suite speaks to: a sandbox of its own, or Stripe's test mode with STRIPE_CONTRACT_KEY."""

import os
from collections.abc import Iterator

import pytest
import stripe

from tests.integration.sandbox.process import SandboxProcess


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    process = SandboxProcess(data_dir=tmp_path_factory.mktemp("sandbox"))
    process.start()
    yield process
    process.close()


@pytest.fixture(scope="session")
def client(request: pytest.FixtureRequest) -> Iterator[stripe.StripeClient]:
    key = os.environ.get("STRIPE_CONTRACT_KEY")
    if key is None:
        process: SandboxProcess = request.getfixturevalue("sandbox")
        yield process.client()
        return
    assert key.startswith("sk_test_"), "STRIPE_CONTRACT_KEY must be a test key"
    http = stripe.RequestsClient(timeout=60)
    yield stripe.StripeClient(key, http_client=http, max_network_retries=2)
    http.close()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped


@pytest.fixture
def customer(client: stripe.StripeClient) -> stripe.Customer:
    return client.v1.customers.create({"email": "contract@example.com", "name": "Contract"})
