"""A good client: it repeats a request under its key until it has an answer, and writes every answer down."""

import json
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

_TIMEOUT_SECONDS = 6.0
_PAUSE_SECONDS_MAX = 2.0
# More than fit into a schedule and its healing.
_TRIES_MAX = 500
# What says "not now": the same request under the same key may succeed later.
_TRY_AGAIN = frozenset({"idempotency_key_in_use", "conflicting_write"})
# What a client that asks rightly may be answered: 0 is no answer, 402 a decline, 409 and 422 what the story brings on itself.
_EXPECTED = frozenset({0, 200, 201, 202, 402, 409, 422, 429, 503})
# What differs from one answer to the next although both say the same.
_OF_THE_REQUEST = ("request_id", "instance")


@dataclass
class Answer:
    """A status and a body."""

    status: int
    body: dict[str, Any]

    @property
    def comparable(self) -> dict[str, Any]:
        return {name: value for name, value in self.body.items() if name not in _OF_THE_REQUEST}

    @property
    def code(self) -> str:
        return str(self.body.get("code", ""))


@dataclass
class Wish:
    """One thing that a client wants, under one key, and what it was answered."""

    key: str
    path: str
    body: dict[str, Any]
    answers: list[Answer] = field(default_factory=list)
    tries: int = 0
    fulfilled: bool = False
    # When the final answer was there, in monotonic seconds.
    answered_at: float = 0.0

    @property
    def last(self) -> Answer | None:
        """The final answer."""
        return self.answers[-1] if self.fulfilled else None


class Journal:
    """All wishes and every status that came back, in memory and on the disk."""

    def __init__(self, path: Path) -> None:
        self.wishes: list[Wish] = []
        self.statuses: dict[int, int] = {}
        self.surprises: list[str] = []
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8")

    def wish(self, *, key: str, path: str, body: dict[str, Any]) -> Wish:
        """Note that something is wanted."""
        wish = Wish(key=key, path=path, body=body)
        with self._lock:
            self.wishes.append(wish)
        return wish

    def note(self, wish: Wish | None, *, path: str, status: int, body: dict[str, Any] | None) -> None:
        """Write down what came back; status 0 is no answer at all."""
        with self._lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1
            if status not in _EXPECTED:
                self.surprises.append(f"{path} was answered {status}: {body}")
            if wish is not None:
                line = {"key": wish.key, "path": path, "status": status, "id": (body or {}).get("id")}
                self._file.write(json.dumps(line) + "\n")
                self._file.flush()

    def close(self) -> None:
        self._file.close()


class Client:
    """One caller of the API. Not thread-safe."""

    def __init__(
        self, *, url: str, api_key: str, journal: Journal, rng: random.Random, give_up: threading.Event
    ) -> None:
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {api_key}"}, timeout=_TIMEOUT_SECONDS
        )
        self._journal = journal
        self._rng = rng
        self._give_up = give_up

    def post(self, path: str, body: dict[str, Any], *, wait: int = 0) -> Answer | None:
        """Ask, and ask again under the same key, until the answer is final. None when the run was given up before."""
        wish = self._journal.wish(key=f"{self._rng.getrandbits(64):016x}", path=path, body=body)
        return self.repeat(wish, wait=wait)

    def repeat(self, wish: Wish, *, wait: int = 0, tries_max: int = _TRIES_MAX) -> Answer | None:
        """Send a wish (again) until there is a final answer, and note that. None when there is none."""
        headers = {"Idempotency-Key": wish.key, **({"Prefer": f"wait={wait}"} if wait else {})}
        for _ in range(tries_max):
            if self._give_up.is_set():
                break
            wish.tries += 1
            answer = self._send("POST", wish.path, body=wish.body, headers=headers, wish=wish)
            if answer is not None and answer.status < 500 and answer.status != 429 and answer.code not in _TRY_AGAIN:
                wish.answers.append(answer)
                wish.fulfilled, wish.answered_at = True, time.monotonic()
                return answer
            self._pause(wish.tries)
        return None

    def get(self, path: str) -> Answer | None:
        """Read, again and again until there is an answer."""
        tries = 0
        while not self._give_up.is_set():
            tries += 1
            answer = self._send("GET", path, body=None, headers={}, wish=None)
            if answer is not None and answer.status < 500:
                return answer
            self._pause(tries)
        return None

    def put(self, path: str, body: dict[str, Any]) -> None:
        """Replace something, once: it carries no key, and whether it arrived does not matter."""
        self._send("PUT", path, body=body, headers={}, wish=None)

    def settled(self, path: str, *, unsettled: frozenset[str], seconds: float) -> dict[str, Any] | None:
        """Read an object until its status is none of `unsettled`; None when that takes too long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._give_up.is_set():
            answer = self.get(path)
            if answer is not None and answer.status == 200 and answer.body["status"] not in unsettled:
                return answer.body
            self._give_up.wait(0.15)
        return None

    def close(self) -> None:
        self._http.close()

    def _send(
        self, method: str, path: str, *, body: dict[str, Any] | None, headers: dict[str, str], wish: Wish | None
    ) -> Answer | None:
        try:
            response = self._http.request(method, path, json=body, headers=headers)
            answer = Answer(response.status_code, response.json())
        except (httpx.HTTPError, ValueError):
            self._journal.note(wish, path=path, status=0, body=None)
            return None
        self._journal.note(wish, path=path, status=answer.status, body=answer.body)
        return answer

    def _pause(self, tries: int) -> None:
        seconds = min(0.1 * 2 ** min(tries, 6), _PAUSE_SECONDS_MAX)
        self._give_up.wait(seconds * self._rng.uniform(0.5, 1.0))
