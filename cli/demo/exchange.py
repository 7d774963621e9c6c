"""Requests of the story, and their answers: to the service as a caller, to Stripe as the customer's browser."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

# Longer than the `Prefer: wait` below: the service answers 202 by itself before.
TIMEOUT_SECONDS = 20.0
WAIT_FOR_OUTCOME = "wait=10"


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and what came back. `body` is what was sent, `answer` the parsed JSON (empty where there was none)."""

    method: str
    url: str
    body: Mapping[str, Any] | None
    status: int
    answer: Mapping[str, Any]


class ServiceApi:
    """The service's API, called with the installation's key as a product would call it."""

    def __init__(self, *, api_url: str, api_key: str) -> None:
        self._client = httpx.Client(
            base_url=api_url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=TIMEOUT_SECONDS,
            # Never through a proxy that the environment may name: the service is on this machine.
            trust_env=False,
        )

    def get(self, path: str, **query: str) -> Exchange:
        """Send a GET."""
        return self._exchange("GET", path, response=self._client.get(path, params=query), body=None)

    def post(self, path: str, body: Mapping[str, Any], *, key: str | None = None, wait: bool = True) -> Exchange:
        """Send a POST with an idempotency key, else one of its own; `wait` for the outcome of slow work."""
        return self._write("POST", path, body, key=key, wait=wait)

    def put(self, path: str, body: Mapping[str, Any]) -> Exchange:
        """Send a PUT with an idempotency key of its own, and wait for the outcome of slow work."""
        return self._write("PUT", path, body)

    def delete(self, path: str) -> Exchange:
        """Send a DELETE."""
        return self._exchange("DELETE", path, response=self._client.delete(path), body=None)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _write(
        self, method: str, path: str, body: Mapping[str, Any], *, key: str | None = None, wait: bool = True
    ) -> Exchange:
        headers = {"Idempotency-Key": key or str(uuid4())}
        if wait:
            headers["Prefer"] = WAIT_FOR_OUTCOME
        response = self._client.request(method, path, json=body, headers=headers)
        return self._exchange(method, path, response=response, body=body)

    @staticmethod
    def _exchange(method: str, path: str, *, response: httpx.Response, body: Mapping[str, Any] | None) -> Exchange:
        return Exchange(method=method, url=path, body=body, status=response.status_code, answer=json_object(response))


def json_object(response: httpx.Response) -> Mapping[str, Any]:
    """Return the answer's JSON object; empty for anything else, so that a proxy's page cannot break the telling."""
    try:
        value = response.json()
    except json.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
