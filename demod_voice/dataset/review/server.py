"""The review's server: the page, its questions and its decisions, on this machine's own address.

Imported when a review begins: starlette and uvicorn are not loaded for anything else.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from uvicorn import Config, Server

from demod_voice.dataset.review.answers import MOST_ROWS, clip_answer, dataset_answer, decided_answer, refusal
from demod_voice.dataset.review.filters import query_of
from demod_voice.dataset.review.guard import Guard
from demod_voice.dataset.review.session import Session, Stale, Wish
from demod_voice.errors import DemodError, MediaError, UsageError

PAGE = Path(__file__).parent / "page"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FILES = {path.name: TYPES[path.suffix] for path in sorted(PAGE.iterdir()) if path.suffix in TYPES}
LARGEST_BODY = 100_000
"""Bytes of a decision."""
FOREVER = "private, max-age=31536000, immutable"
"""For sound: its address holds the hash of its content."""


@dataclass(frozen=True, slots=True)
class Listening:
    """A server that accepts connections."""

    address: str
    """With the token: what a browser opens."""
    run: Callable[[], None]
    """Answers until the page says that it is finished, or until Ctrl-C (KeyboardInterrupt)."""


def listen(session: Session, reviewer: str, host: str, port: int, fragment: str = "") -> Listening:
    """Open the port.

    Args:
        session: what is reviewed.
        reviewer: whose decisions they are.
        host: address of this machine.
        port: 0 = any that is free.
        fragment: the filter that the page begins with.

    Raises:
        UsageError: the port is taken, or is not for this user.
    """
    try:
        opened = socket.create_server((host, port), backlog=64)
    except OSError as error:
        raise UsageError(
            f"cannot listen at {host}:{port}: {error.strerror or error}", "choose another --port"
        ) from None
    port = opened.getsockname()[1]
    remote = () if host in ("127.0.0.1", "localhost") else (host, socket.gethostname())
    desk = _Desk(session, reviewer)
    guard = Guard(desk.app(), port, remote)
    server = Server(
        Config(
            guard,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=120,
            timeout_graceful_shutdown=2,
        )
    )

    def stop() -> None:
        server.should_exit = True

    desk.stop = stop
    shown = f"127.0.0.1:{port}" if host in ("127.0.0.1", "localhost") else f"{host}:{port}"
    address = f"http://{shown}/?token={guard.token}" + (f"#{fragment}" if fragment else "")
    return Listening(address, lambda: server.run(sockets=[opened]))


class _Desk:
    """Answers requests."""

    def __init__(self, session: Session, reviewer: str) -> None:
        self._session, self._reviewer = session, reviewer
        self._numbers = session.catalogue.numbers
        self._about = dataset_answer(session, reviewer)
        self.stop: Callable[[], None] = lambda: None

    def app(self) -> Starlette:
        """The routes."""
        routes = [
            Route("/", self._page),
            Route("/static/{name}", self._file),
            Route("/api/dataset", self._dataset),
            Route("/api/find", self._find),
            Route("/api/clips", self._clips),
            Route("/audio", self._audio),
            Route("/api/decide", self._decide, methods=["POST"]),
            Route("/api/undo", self._undo, methods=["POST"]),
            Route("/api/finish", self._finish, methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers={DemodError: self._refused})

    async def _refused(self, _: Request, error: Exception) -> Response:
        if isinstance(error, Stale):
            return _json(refusal(error, self._session, error.place), 409)
        if not isinstance(error, DemodError):
            raise error
        status = 404 if isinstance(error, MediaError) else 422 if isinstance(error, UsageError) else 500
        return _json(refusal(error, self._session), status)

    def _page(self, _: Request) -> Response:
        return FileResponse(PAGE / "review.html", media_type="text/html", headers={"cache-control": "no-store"})

    def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in FILES:
            raise MediaError("there is no such file")
        return FileResponse(PAGE / name, media_type=FILES[name], headers={"cache-control": "no-cache"})

    def _dataset(self, _: Request) -> Response:
        return _json({**self._about, "pending": self._session.pending, "progress": self._session.progress()})

    def _find(self, request: Request) -> Response:
        """Places as 32-bit little-endian integers: 100,000 of them are 400 kB."""
        from array import array

        places = array("i", self._session.find(query_of(request.query_params.multi_items(), self._numbers)))
        headers = {"cache-control": "no-store"}
        return Response(places.tobytes(), media_type="application/octet-stream", headers=headers)

    def _clips(self, request: Request) -> Response:
        words = [each for each in request.query_params.get("at", "").split(",") if each]
        most = len(self._session.segments)
        if len(words) > MOST_ROWS or not all(each.isdecimal() and int(each) < most for each in words):
            raise UsageError(f"at holds up to {MOST_ROWS} places of clips")
        return _json([clip_answer(self._session, int(each)) for each in words])

    def _audio(self, request: Request) -> Response:
        place = self._session.catalogue.place_of(request.query_params.get("id", ""))
        sha256 = self._session.window(place).sha256
        current = request.query_params.get("sound") == sha256
        headers = {"cache-control": FOREVER if current else "no-store", "etag": f'"{sha256}"'}
        return FileResponse(self._session.sound(place), media_type="audio/wav", headers=headers)

    async def _decide(self, request: Request) -> Response:
        wish = _wish(await _body(request), self._reviewer)
        place = await run_in_threadpool(self._session.decide, wish)
        return _json(decided_answer(self._session, place))

    async def _undo(self, request: Request) -> Response:
        await _body(request)
        place = await run_in_threadpool(self._session.undo, self._reviewer)
        return _json(decided_answer(self._session, place))

    async def _finish(self, request: Request) -> Response:
        await _body(request)
        self.stop()
        return _json({"pending": self._session.pending, "progress": self._session.progress()})


def _json(value: Any, status: int = 200) -> Response:
    return JSONResponse(value, status, headers={"cache-control": "no-store"})


async def _body(request: Request) -> dict[str, Any]:
    """Raises UsageError when it is no JSON object, or too large."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise UsageError("a decision is JSON")
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > LARGEST_BODY:
            raise UsageError("a decision is not that large")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError("a decision is a JSON object")
    return found


def _wish(body: dict[str, Any], who: str) -> Wish:
    kinds = {"clip": str, "action": str, "revision": int, "text": str, "first_sample": int, "num_samples": int}
    for name, value in body.items():
        if name not in kinds or not isinstance(value, kinds[name]) or isinstance(value, bool):
            raise UsageError(f"{name[:50]!r} is no part of a decision")
    if missing := {"clip", "action", "revision"} - set(body):
        raise UsageError(f"{min(missing)} is missing")
    return Wish(who=who, **body)
