# ruff: noqa: INP001 - a script of the image, no part of a package
"""Health checks of the containers: exit code 0 while the part works.

    python deploy/healthcheck.py ready                       the API takes requests
    python deploy/healthcheck.py queues webhooks payments    somebody works on these queues
    python deploy/healthcheck.py beat                        the schedule runs
    python deploy/healthcheck.py flower                      Flower answers

Workers and beat are judged by what they did last, which the API reads from Postgres: a worker that is alive and deaf to its
queue answers a ping, but runs no canary. Only the standard library is used, because a check runs every few seconds.
"""

import json
import os
import sys
import urllib.request
from typing import Any

API_URL = os.environ.get("HEALTHCHECK_API_URL", "http://web:3005")
FLOWER_URL = f"http://127.0.0.1:{os.environ.get('FLOWER_PORT', '5555')}/healthcheck"
SECONDS_MAX = 4


def main(arguments: list[str]) -> int:
    """Run the check that the arguments name and return the exit code: 0 fine, 1 not, 2 wrong usage."""
    match arguments:
        case ["ready"]:
            return _verdict(_get(f"{API_URL}/health/ready") is not None)
        case ["flower"]:
            return _verdict(_get(FLOWER_URL) is not None)
        case ["beat"]:
            return _verdict(_checks().get("beat", {}).get("status") == "ok")
        case ["queues", first, *others]:
            queues = _checks().get("workers", {}).get("queues", {})
            return _verdict(all(queues.get(name, {}).get("status") == "ok" for name in (first, *others)))
        case _:
            sys.stderr.write(__doc__ or "")
            return 2


def _verdict(fine: bool) -> int:  # noqa: FBT001 - read in one place, beside its meaning
    return 0 if fine else 1


def _checks() -> dict[str, Any]:
    body = _get(f"{API_URL}/health")
    found: dict[str, Any] = json.loads(body).get("checks", {}) if body is not None else {}
    return found


def _get(url: str) -> bytes | None:
    try:
        with urllib.request.urlopen(url, timeout=SECONDS_MAX) as answer:  # noqa: S310 - http, to containers of our own
            body: bytes = answer.read()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{url}: {error}\n")
        return None
    return body


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
