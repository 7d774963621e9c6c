"""A headless Chromium, driven over its debugging pipe: what a page asks for, what it complains of, and how it looks.

The protocol is JSON messages that end in NUL, written to the browser's file descriptor 3 and read from its 4
(https://chromedevtools.github.io/devtools-protocol/); it needs no package.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_ANSWER_SECONDS = 30.0
_SETTLE_SECONDS = 20
# Puts the two ends of the pipe where Chromium looks for them, and becomes Chromium.
_WITH_PIPE = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
_QUIET = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def program() -> str | None:
    """Return where a Chromium is installed."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Tab:
    """One page of the browser."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._unread = b""
        self._last_id = 0
        self._session: str | None = None
        self._events: list[dict[str, Any]] = []

    def open_tab(self) -> None:
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def show(self, url: str, *, width: int, height: int = 900, scheme: str = "light") -> None:
        """Load a page in a window of this size, for somebody who prefers this colour scheme."""
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        # From an empty page, so that an address that differs in its fragment only is loaded, too.
        for address in ("about:blank", url):
            self._events.clear()
            self._call("Page.navigate", url=address)
        self.wait_for("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, of its promise when it is one."""
        answer = self._call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Wait, in the page, until a JavaScript condition holds."""
        held = self.evaluate(
            f"new Promise(done => {{ const end = performance.now() + {_SETTLE_SECONDS * 1000};"
            f" const look = () => {condition} ? done(true) : performance.now() > end ? done(false)"
            " : setTimeout(look, 50); look(); })"
        )
        assert held, f"{condition} did not come true within {_SETTLE_SECONDS} s"

    def requested(self) -> list[str]:
        """Return every address that the page asked for since it was shown."""
        return [
            event["params"]["request"]["url"]
            for event in self._events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def complaints(self) -> list[str]:
        """Return what the page's scripts, its policy and the network complained of."""
        return [
            json.dumps(event["params"])
            for event in self._events
            if event["method"] in {"Runtime.exceptionThrown", "Network.loadingFailed"}
            or (event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] in {"error", "warning"})
            or (
                event["method"] == "Runtime.consoleAPICalled"
                and event["params"]["type"] in {"error", "warning", "assert"}
            )
        ]

    def screenshot(self, path: Path) -> None:
        """Keep what is seen, to be looked at by a person."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))

    def _call(self, method: str, **params: object) -> dict[str, Any]:
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            answer = self._next(deadline)
            if answer.get("id") == self._last_id:
                assert "error" not in answer, f"{method}: {answer['error']}"
                found: dict[str, Any] = answer["result"]
                return found
            if "method" in answer:
                self._events.append(answer)

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._receive], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"Chromium did not answer within {_ANSWER_SECONDS} s"
            read = os.read(self._receive, 1 << 16)
            assert read, "Chromium has ended"
            self._unread += read
        first, _, self._unread = self._unread.partition(b"\0")
        found: dict[str, Any] = json.loads(first)
        return found


@contextmanager
def browser(executable: str, *, profile: Path) -> Iterator[Tab]:
    """Start a browser with an empty profile, and end it."""
    browser_reads, send = os.pipe()
    receive, browser_writes = os.pipe()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            _WITH_PIPE,
            str(browser_reads),
            str(browser_writes),
            executable,
            *_QUIET,
            f"--user-data-dir={profile}",
        ],
        pass_fds=(browser_reads, browser_writes),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(browser_reads)
    os.close(browser_writes)
    try:
        tab = Tab(send, receive)
        tab.open_tab()
        yield tab
    finally:
        os.close(send)  # a browser without its pipe ends by itself
        os.close(receive)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
