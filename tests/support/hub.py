"""A model hub on this machine: a threaded HTTP server that speaks the parts of the hub's interface that are used.

It counts what was asked of it, and can be told to refuse, to be slow, to cut connections, or to send something else.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "a" * 40
LARGE = 1000
"""Bytes from which a file has a sha256 on the hub, as with Git LFS; smaller ones have a git id only."""


@dataclass
class Behaviour:
    """How the hub treats its callers; may be changed while it runs."""

    status: int = 0
    """Answer every file with this status; 0 = as it should be."""
    token: str = ""
    """Files are given only to this token."""
    cut_after: int = 0
    """Send so many bytes of each file, then drop the connection; 0 = all."""
    cuts: int = 10**9
    """How often it cuts."""
    pause_s: float = 0.0
    """Wait so long in the middle of each file (``pace`` bytes a block)."""
    pace: int = 1 << 16
    ranges: bool = True
    """False: the whole file comes whatever was asked for."""
    lie: Mapping[str, bytes] = field(default_factory=dict)
    """Path -> other bytes that are sent in its place."""
    redirect: str = ""
    """Files are fetched from this other address."""
    fail_first: int = 0
    """So many requests of the interface are answered with 503."""


class FakeHub:
    """The server; ``files`` maps ``source`` -> path -> bytes."""

    def __init__(self, files: Mapping[str, Mapping[str, bytes]], commit: str = COMMIT) -> None:
        self.files = {source: dict(each) for source, each in files.items()}
        self.commit = commit
        self.behaviour = Behaviour()
        self.sent: dict[str, int] = {}
        """Path -> bytes that were sent of it, all requests together."""
        self.asked: list[tuple[str, str, str]] = []
        """(path, Range, Authorization) of each file that was asked for."""
        self.lock = threading.Lock()
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> FakeHub:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        if parts[:2] == ["api", "models"] and parts[4:5] == ["revision"]:
            self._revision("/".join(parts[2:4]), parts[5])
        elif len(parts) > 4 and parts[2] == "resolve":
            self._file("/".join(parts[:2]), "/".join(parts[4:]))
        else:
            self._answer(404, {"error": "no such page"})

    def do_POST(self) -> None:
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        told = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        files = self.hub.files.get("/".join(parts[2:4]), {})
        if self._failing():
            return
        if parts[4:5] != ["paths-info"]:
            self._answer(404, {})
            return
        self._answer(200, [_facts(path, files[path]) for path in told.get("paths", []) if path in files])

    def _failing(self) -> bool:
        with self.hub.lock:
            failing = self.hub.behaviour.fail_first > 0
            self.hub.behaviour.fail_first -= failing
        if failing:
            self._answer(503, {})
        return failing

    def _revision(self, source: str, revision: str) -> None:
        if self._failing():
            return
        if source not in self.hub.files or revision not in ("main", self.hub.commit):
            self._answer(404, {}, {"X-Error-Message": "Repository or revision not found"})
            return
        self._answer(200, {"id": source, "sha": self.hub.commit})

    def _file(self, source: str, path: str) -> None:
        how, data = self.hub.behaviour, self.hub.files.get(source, {}).get(path)
        asked, token = self.headers.get("Range", ""), self.headers.get("Authorization", "")
        with self.hub.lock:
            self.hub.asked.append((path, asked, token))
        if how.token and token != f"Bearer {how.token}":
            word = "GatedRepo" if not token else "Forbidden"
            self._answer(403 if token else 401, {}, {"X-Error-Code": word, "X-Error-Message": "Access is restricted"})
        elif how.status:
            self._answer(how.status, {}, {"Retry-After": "0"} if how.status == 429 else {})
        elif data is None:
            self._answer(404, {}, {"X-Error-Message": "Entry not found"})
        elif how.redirect:
            self._answer(302, {}, {"Location": how.redirect + self.path})
        else:
            self._send(path, how.lie.get(path, data), asked if how.ranges else "")

    def _send(self, path: str, data: bytes, asked: str) -> None:
        start = int(asked.removeprefix("bytes=").rstrip("-") or 0) if asked else 0
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        how, rest = self.hub.behaviour, data[start:]
        cutting = 0 < how.cut_after < len(rest) and how.cuts > 0
        if cutting:
            how.cuts -= 1
            rest = rest[: how.cut_after]
        for begin in range(0, len(rest), how.pace):
            block = rest[begin : begin + how.pace]
            self.wfile.write(block)
            with self.hub.lock:
                self.hub.sent[path] = self.hub.sent.get(path, 0) + len(block)
            time.sleep(how.pause_s)
        if cutting:
            self.close_connection = True

    def _answer(self, status: int, value: object, headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)


def _facts(path: str, data: bytes) -> dict[str, object]:
    blob = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
    facts: dict[str, object] = {"type": "file", "path": path, "size": len(data), "oid": blob}
    if len(data) >= LARGE:
        facts["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
    return facts


@contextmanager
def fake_hub(files: Mapping[str, Mapping[str, bytes]], commit: str = COMMIT) -> Iterator[FakeHub]:
    """A hub that runs for the length of the block."""
    with FakeHub(files, commit) as hub:
        yield hub
