"""The Stripe sandbox as a process of the local stack, and the webhook endpoint that it delivers to."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from local.errors import LocalStackError
from local.loopback_http import get, post_form
from local.ports import LOOPBACK, free_port
from local.process import ProcessSpec
from local.project import PROJECT_ROOT
from local.server import Server

REQUEST_SECONDS_MAX = 5.0


class SandboxRefused(LocalStackError):
    """The sandbox did not accept a request that the stack needs."""


@dataclass(frozen=True, kw_only=True)
class WebhookEndpoint:
    """Where the sandbox delivers its events, and the secret that signs them."""

    id: str
    secret: str
    url: str


class SandboxServer(Server):
    """The sandbox, listening on loopback; its state stays in `data_dir`. `port=None` takes a free port and keeps it.

    `cards` is a file that changes what the test cards do.
    """

    name = "sandbox"

    def __init__(
        self,
        *,
        data_dir: Path,
        port: int | None = None,
        secret_key: str,
        log_path: Path | None = None,
        cards: Path | None = None,
    ) -> None:
        super().__init__()
        self.data_dir = data_dir.absolute()
        self.port = port or free_port()
        self.log_path = log_path or self.data_dir / "sandbox.log"
        self.secret_key = secret_key
        self._cards = cards

    @property
    def url(self) -> str:
        """The API base address, as STRIPE_API_BASE takes it."""
        return f"http://{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Create the data directory."""
        self.data_dir.mkdir(parents=True, exist_ok=True)

    def spec(self) -> ProcessSpec:
        """Return how the sandbox is started; the key is passed in the environment, which other users cannot read."""
        serve = ["serve", "--host", LOOPBACK, "--port", str(self.port), "--data-dir", str(self.data_dir)]
        if self._cards is not None:
            serve += ["--cards", str(self._cards)]
        return ProcessSpec(
            argv=[sys.executable, "-m", "sandbox", *serve],
            env={**os.environ, "SANDBOX_SECRET_KEY": self.secret_key, "PYTHONUNBUFFERED": "1"},
            cwd=PROJECT_ROOT,
            log_path=self.log_path,
        )

    def answers(self) -> bool:
        """Ask the sandbox's health route."""
        answer = get(url=f"{self.url}/_sandbox/health")
        return answer is not None and answer.status == 200

    def create_webhook_endpoint(self, *, url: str) -> str:
        """Register `url` for every event and return the signing secret (`whsec_…`)."""
        return self.ensure_webhook_endpoint(url=url, known=None).secret

    def ensure_webhook_endpoint(self, *, url: str, known: WebhookEndpoint | None) -> WebhookEndpoint:
        """Return an endpoint at `url`: the known one where the sandbox still has it (moved if need be), else a new one."""
        base = f"{self.url}/v1/webhook_endpoints"
        if known is not None:
            found = get(url=f"{base}/{known.id}", bearer=self.secret_key, timeout_seconds=REQUEST_SECONDS_MAX)
            if found is not None and found.status == 200:
                if found.body["url"] != url:
                    self._post(url=f"{base}/{known.id}", form={"url": url})
                return WebhookEndpoint(id=known.id, secret=known.secret, url=url)
        created = self._post(url=base, form={"url": url, "enabled_events[]": "*"})
        return WebhookEndpoint(id=created["id"], secret=created["secret"], url=url)

    def _post(self, *, url: str, form: dict[str, str]) -> dict[str, str]:
        answer = post_form(url=url, form=form, bearer=self.secret_key, timeout_seconds=REQUEST_SECONDS_MAX)
        if answer is None or answer.status != 200:
            said = "nothing" if answer is None else f"{answer.status} {answer.body}"
            raise SandboxRefused(
                f"the Stripe sandbox answered {said} to POST {url}",
                mend=f"read its log: {self.log_path}",
                log_path=self.log_path,
            )
        body: dict[str, str] = answer.body
        return body
