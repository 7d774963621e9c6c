"""What only the sandbox has: control routes, and a webhook receiver on this machine."""

from collections.abc import Iterator

import pytest
import stripe

from tests.integration.sandbox.control import Control
from tests.integration.sandbox.process import SandboxProcess
from tests.integration.sandbox.receiver import Receiver


@pytest.fixture
def control(sandbox: SandboxProcess) -> Iterator[Control]:
    control = Control(url=sandbox.url)
    control.post("/reset")
    yield control
    control.post("/reset")


@pytest.fixture
def local(sandbox: SandboxProcess, control: Control) -> stripe.StripeClient:
    """A client of the sandbox, emptied before the test."""
    return sandbox.client()


@pytest.fixture
def receiver(local: stripe.StripeClient) -> Iterator[Receiver]:
    """A receiver that is registered for every event."""
    with Receiver() as receiver:
        endpoint = local.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
        receiver.secret = endpoint.secret or ""
        yield receiver
