"""A review's server as a real process, and a plain client that may lie about who it is."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).resolve().parents[2]


class Reviewing:
    """``dataset review`` of a folder; ``address`` is what it printed."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        path = os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])
        command = [sys.executable, "-m", "demod_voice", "dataset", "review", str(folder), "--no-browser", *arguments]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        if not self.address.startswith("http"):
            raise AssertionError(self.process.communicate()[1])
        parts = urlsplit(self.address)
        self.port = parts.port or 0
        self.token = parse_qs(parts.query)["token"][0]
        self.cookie = ""

    def __enter__(self) -> Reviewing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.communicate()

    def end(self) -> tuple[int, str, str]:
        """Ctrl-C; exit code, the rest of stdout, stderr."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    def log_in(self) -> None:
        """Fetch the page with the token, as a browser does first."""
        answer = self.get(f"/?token={self.token}")
        assert answer.status == 200
        self.cookie = answer.headers["set-cookie"].split(";")[0]

    def get(self, path: str, **headers: str) -> Answer:
        """A GET; ``headers`` replace what a browser would say."""
        return self.ask("GET", path, None, headers)

    def post(self, path: str, value: Any, **headers: str) -> Answer:
        """A POST of JSON from the review's own page."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        said = {"content-type": "application/json", "origin": f"http://127.0.0.1:{self.port}"}
        return self.ask("POST", path, body, {**said, **_dashed(headers)})

    def ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        """A request; a header that is empty is not sent."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        said = {"host": f"127.0.0.1:{self.port}", "cookie": self.cookie, **_dashed(headers)}
        link.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in said.items():
            if value:
                link.putheader(name, value)
        if body is not None:
            link.putheader("content-length", str(len(body)))
        link.endheaders(body)
        answer = link.getresponse()
        found = Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        link.close()
        return found

    def clip(self, place: int) -> dict[str, Any]:
        """A clip as the page is told."""
        (found,) = self.get(f"/api/clips?at={place}").json()
        return dict(found)

    def decide(self, place: int, action: str, **more: Any) -> Answer:
        """Decide about a clip as it is now."""
        clip = self.clip(place)
        return self.post("/api/decide", {"clip": clip["id"], "action": action, "revision": clip["revision"], **more})


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


class Answer:
    """What the server said."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def json(self) -> Any:
        """The body as a value."""
        return json.loads(self.body)
