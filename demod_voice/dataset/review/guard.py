"""Who may talk to the review's server: this machine's browser that was given the address, and nobody else.

Every request is checked before it is looked at: the name in ``Host`` (a foreign site may let its name point here), the
session's cookie (given for the token in the address, once), and for what changes something the ``Origin``. Every answer
carries a policy that lets the page load its own files and nothing else.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)
REFUSED = {
    401: "Open the address that demod-voice dataset review printed: it holds the key to this page.",
    403: "This request does not come from the review's own page.",
    421: "This server answers only to the address that it printed.",
}


class Guard:
    """An ASGI application around another: lets through what may pass.

    Args:
        app: the application.
        port: where it listens.
        remote: other machines may reach it: names of this machine that are allowed in ``Host``, beside any IP address.
    """

    def __init__(self, app: App, port: int, remote: Iterable[str] = ()) -> None:
        self.token = secrets.token_urlsafe(24)
        """What the address holds."""
        self._app, self._port = app, port
        self._session = secrets.token_urlsafe(32)
        self._cookie = f"demod_review_{port}"
        self._remote = frozenset(remote)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, or hand on."""
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} here")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        fresh = self._is_fresh(scope)
        status = self._refusal(scope, headers, fresh)
        if status:
            await _refuse(status, send)
            return
        more = [*HEADERS, *([(b"set-cookie", self._set_cookie())] if fresh else [])]

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *more]
            await send(message)

        await self._app(scope, receive, send_guarded)

    def _refusal(self, scope: Scope, headers: dict[str, str], fresh: bool) -> int:
        """The status of a refusal; 0 = it may pass."""
        host = headers.get("host", "")
        if not self._is_ours(host):
            return 421
        if not fresh and not self._has_cookie(headers.get("cookie", "")):
            return 401
        foreign = headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        if scope["method"] not in ("GET", "HEAD") and (foreign or headers.get("origin") != f"http://{host}"):
            return 403
        return 0

    def _is_ours(self, host: str) -> bool:
        name, _, port = host.rpartition(":")
        if port != str(self._port):
            return False
        if name in ("127.0.0.1", "localhost"):
            return True
        return bool(self._remote) and (name in self._remote or _is_address(name.strip("[]")))

    def _is_fresh(self, scope: Scope) -> bool:
        """True for the page asked for with the token."""
        if scope["path"] != "/" or scope["method"] != "GET":
            return False
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        return hmac.compare_digest(given.encode(), self.token.encode())

    def _has_cookie(self, text: str) -> bool:
        try:
            found = SimpleCookie(text).get(self._cookie)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value.encode(), self._session.encode())

    def _set_cookie(self) -> bytes:
        return f"{self._cookie}={self._session}; HttpOnly; SameSite=Strict; Path=/".encode()


async def _refuse(status: int, send: Send) -> None:
    body = REFUSED[status].encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *HEADERS,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
