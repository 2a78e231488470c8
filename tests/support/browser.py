"""A real Chromium, driven over its debugging pipe (Chrome DevTools Protocol) with the standard library alone."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_S = 30.0


def find_browser() -> str | None:
    """The browser that ``TEST_BROWSER`` names, else one of the path; None when there is none."""
    return os.environ.get("TEST_BROWSER") or next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One headless browser; ``page`` opens a page of its own size."""

    def __init__(self, binary: str, folder: Path) -> None:
        asked_r, asked_w = (_high(each) for each in os.pipe())
        told_r, told_w = (_high(each) for each in os.pipe())

        def wire() -> None:
            os.dup2(asked_r, 3)
            os.dup2(told_w, 4)

        flags = ["--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--mute-audio"]
        flags += ["--disable-background-networking", "--disable-dev-shm-usage", f"--user-data-dir={folder}"]
        flags += ["--no-sandbox"] if os.geteuid() == 0 else []
        self._process = subprocess.Popen(
            [binary, *flags], preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(asked_r)
        os.close(told_w)
        self._ask, self._told = asked_w, told_r
        self._number, self._rest = 0, b""
        self.events: list[dict[str, Any]] = []
        """Everything that the browser said unasked, oldest first."""

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ask)
        os.close(self._told)

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Ask for something and wait for the answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._ask, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return dict(answer["result"])
            self.events.append(answer)

    def wait(self, method: str, session: str) -> None:
        """Wait until the browser says ``method`` of a page."""
        while not any(each.get("method") == method and each.get("sessionId") == session for each in self.events):
            self.events.append(self._read())

    def page(
        self,
        url: str,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        before: str = "",
        bypass_policy: bool = False,
    ) -> Page:
        """Open ``url`` and wait until it is loaded; ``before`` runs in it before its own scripts."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable", session)
        self.call("Performance.enable", session, timeDomain="threadTicks")
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", session, **metrics)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", session, features=scheme)
        if bypass_policy:
            self.call("Page.setBypassCSP", session, enabled=True)
        if before:
            self.call("Page.addScriptToEvaluateOnNewDocument", session, source=before)
        self.call("Page.navigate", session, url=url)
        self.wait("Page.loadEventFired", session)
        return Page(self, session)

    def _read(self) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._told], [], [], max(0.0, deadline - time.monotonic()))
            data = os.read(self._told, 1 << 20) if ready else b""
            assert data, "the browser does not answer"
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(message))


class Page:
    """One page."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is awaited."""
        answer = self._browser.call(
            "Runtime.evaluate",
            self._session,
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script: str, every_s: float = 0.05) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.run(script):
            assert time.monotonic() < deadline, f"never true: {script}"
            time.sleep(every_s)

    def key(self, key: str, modifiers: int = 0) -> None:
        """Press a key as a person does: ``a``, ``ArrowRight``, `` ``; 2 = with Ctrl, 8 = with Shift."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        codes = {"Enter": 13, "Escape": 27, " ": 32, "PageUp": 33, "PageDown": 34, "End": 35, "Home": 36}
        codes |= {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Tab": 9}
        code = codes.get(key, ord(key.upper()) if len(key) == 1 and key.isalnum() else 0)
        given = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self._browser.call("Input.dispatchKeyEvent", self._session, type="keyDown", text=text, **given)
        self._browser.call("Input.dispatchKeyEvent", self._session, type="keyUp", **given)

    def type(self, text: str) -> None:
        """Put text where the cursor is."""
        self._browser.call("Input.insertText", self._session, text=text)

    def mouse(self, kind: str, x: float, y: float) -> None:
        """``mousePressed``, ``mouseMoved`` or ``mouseReleased`` of the left button at a place of the page."""
        held = {"button": "left", "buttons": 1, "clickCount": 1}
        self._browser.call("Input.dispatchMouseEvent", self._session, type=kind, x=x, y=y, **held)

    def size(self, width: int, height: int) -> None:
        """Make the window another size."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._browser.call("Emulation.setDeviceMetricsOverride", self._session, **metrics)

    def seconds(self, *names: str) -> float:
        """Sum of measures of the page's main thread in processor time, such as ``LayoutDuration``."""
        found = self._browser.call("Performance.getMetrics", self._session)["metrics"]
        return sum(each["value"] for each in found if each["name"] in names)

    def requests(self) -> list[str]:
        """Every address that it asked for, but for pictures that are part of the browser's own player."""
        asked = [each["params"]["request"]["url"] for each in self._said("Network.requestWillBeSent")]
        return [each for each in asked if not each.startswith("data:")]

    def complaints(self) -> list[str]:
        """Errors of its scripts, and what its policy forbade."""
        broken = [str(each["params"]["exceptionDetails"]) for each in self._said("Runtime.exceptionThrown")]
        return broken + [str(each["params"]["entry"]["text"]) for each in self._said("Log.entryAdded")]

    def printed(self) -> None:
        """Show it as it is printed from a dark screen."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark"}]
        self._browser.call("Emulation.setEmulatedMedia", self._session, media="print", features=scheme)

    def picture(self, path: Path) -> None:
        """Write a picture of what is seen (PNG)."""
        data = self._browser.call("Page.captureScreenshot", self._session)["data"]
        path.write_bytes(base64.b64decode(data))

    def _said(self, method: str) -> list[dict[str, Any]]:
        self.run("0")
        mine = (each for each in self._browser.events if each.get("sessionId") == self._session)
        return [each for each in mine if each["method"] == method]


def _high(descriptor: int) -> int:
    """The same file under a number over 9, so that 3 and 4 are free for the child; not inherited."""
    high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return high
