"""What was answered survives the death of the process, and the process does not outlive its welcome."""

import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import stripe

from tests.integration.sandbox.control import Control
from tests.integration.sandbox.payments import pay
from tests.integration.sandbox.process import SECRET_KEY, SandboxProcess
from tests.integration.sandbox.waiting import wait_for


def test_every_answered_payment_survives_kill_9_under_load(local: stripe.StripeClient, sandbox: SandboxProcess) -> None:
    answered: list[str] = []

    def keep_paying() -> None:
        try:
            while True:
                answered.append(pay(local, "pm_card_visa").id)
        except stripe.APIConnectionError:
            return

    threads = [threading.Thread(target=keep_paying) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(answered) > 60)
    sandbox.kill()
    for thread in threads:
        thread.join()

    sandbox.start()

    kept = {intent.id: intent.status for intent in local.v1.payment_intents.list({"limit": 100}).auto_paging_iter()}
    assert {kept.get(intent_id) for intent_id in answered} == {"succeeded"}


def test_a_kept_answer_survives_a_restart(local: stripe.StripeClient, sandbox: SandboxProcess) -> None:
    first = local.v1.customers.create({"name": "Once"}, {"idempotency_key": "restart"})
    sandbox.kill()
    sandbox.start()

    second = local.v1.customers.create({"name": "Once"}, {"idempotency_key": "restart"})

    assert second.id == first.id


def test_what_falls_due_survives_a_restart(local: stripe.StripeClient, sandbox: SandboxProcess) -> None:
    intent = pay(local, "pm_card_visa")
    sandbox.kill()
    sandbox.start()

    wait_for(lambda: local.v1.charges.retrieve(str(intent.latest_charge)).balance_transaction)


def test_it_starts_and_stops_quickly(tmp_path: Path) -> None:
    sandbox = SandboxProcess(data_dir=tmp_path)
    began = time.monotonic()
    sandbox.start()
    started_seconds = time.monotonic() - began

    stopped_seconds = sandbox.stop()

    assert started_seconds < 5  # under 1 s on an idle machine
    assert stopped_seconds < 2


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-m', 'sandbox', 'serve', '--port', '0', '--data-dir', {str(tmp_path)!r}])\n"
        f"while not os.path.exists({str(tmp_path / 'sandbox.sqlite3')!r}): time.sleep(0.01)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env={"SANDBOX_SECRET_KEY": SECRET_KEY}, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        child = os.pidfd_open(int(parent.stdout.readline()))
    try:
        parent.kill()
        parent.wait()
        # A pidfd becomes readable when its process has ended.
        assert select.select([child], [], [], 5)[0] == [child]
    finally:
        os.close(child)


@pytest.mark.parametrize("key", ["", "sk_live_0123456789", "sk_test_"])
def test_only_a_test_key_starts_it(tmp_path: Path, key: str) -> None:
    command = [sys.executable, "-m", "sandbox", "serve", "--data-dir", str(tmp_path)]

    ended = subprocess.run(
        command, env={"SANDBOX_SECRET_KEY": key}, capture_output=True, text=True, check=False, timeout=20
    )

    assert ended.returncode == 4
    assert "SANDBOX_SECRET_KEY must hold the secret key" in ended.stderr


def test_a_second_sandbox_on_the_same_directory_is_refused(sandbox: SandboxProcess, control: Control) -> None:
    command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", "--data-dir", str(sandbox.data_dir)]

    ended = subprocess.run(
        command, env={"SANDBOX_SECRET_KEY": SECRET_KEY}, capture_output=True, text=True, check=False, timeout=20
    )

    assert ended.returncode == 1
    assert f"{sandbox.data_dir} is in use by another sandbox" in ended.stderr
