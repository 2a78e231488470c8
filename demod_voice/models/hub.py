"""The model hub over HTTP: which commit a revision is, how large its files are and what they hash to, and their bytes.

It speaks the Hugging Face hub's public interface: ``/api/models/<source>/revision/<revision>``,
``/api/models/<source>/paths-info/<commit>`` and ``/<source>/resolve/<commit>/<path>`` with ranges. Nothing else is asked,
nothing is told, and the token goes only to the hub itself, for gated models only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from demod_voice.config.settings import Settings
from demod_voice.errors import UsageError

if TYPE_CHECKING:
    import httpx2

DEFAULT_URL = "https://huggingface.co"
OK, PARTIAL = 200, 206
_TOKEN = re.compile(r"[!-~]+")
"""What an HTTP header can carry; anything else would end up in an error's text."""
_USER = re.compile(r"//[^/?#]*@")
_COMMIT = re.compile(r"[0-9A-Za-z]{4,64}")


class Trouble(Enum):
    """What can go wrong with a hub."""

    OFFLINE = "cannot be reached"
    REFUSED = "refuses access"
    UNKNOWN = "does not have it"
    BUSY = "asks to wait"
    BROKEN = "does not answer as it should"
    WRONG = "has other files than it should"

    @property
    def passing(self) -> bool:
        """It may be over when it is tried again."""
        return self in (Trouble.OFFLINE, Trouble.BUSY, Trouble.BROKEN)


class HubTrouble(Exception):
    """A request that failed."""

    def __init__(self, kind: Trouble, detail: str, wait_s: float = 0.0) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.wait_s = wait_s
        """Seconds that the hub asks to wait, or 0."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the hub knows it."""

    path: str
    size: int
    sha256: str
    """Of a large file; empty for a small one, of which the hub knows ``blob``."""
    blob: str
    """Git's id of a small file: SHA-1 of ``blob <size>\\0`` and its bytes. Source: git-hash-object(1)."""

    @property
    def content(self) -> str:
        """Equal for equal bytes."""
        return self.sha256 or self.blob


def hub_url(settings: Settings) -> str:
    """The hub's address: ``models.hub_url``, else ``HF_ENDPOINT``, else Hugging Face.

    Raises:
        UsageError: it is no address.
    """
    url = (settings.models.hub_url or os.environ.get("HF_ENDPOINT") or DEFAULT_URL).rstrip("/")
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise UsageError(f"models.hub_url: {shown_url(url)!r} is no address", f"for example {DEFAULT_URL}")
    return url


def shown_url(url: str) -> str:
    """An address as it may be printed: without the name and the password that it may carry for a mirror."""
    return _USER.sub("//", url)


def is_offline() -> bool:
    """True when the user told every hub client to stay offline (``HF_HUB_OFFLINE=1``)."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")


def hub_token() -> str:
    """The user's token: ``HF_TOKEN``, else the file that ``hf auth login`` writes; empty when there is none.

    Raises:
        UsageError: it is no token; it is not shown.
    """
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if os.environ.get(name):
            return _token(os.environ[name], name)
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    home = Path(os.environ.get("HF_HOME") or base)
    path = Path(os.environ.get("HF_TOKEN_PATH") or home / "token").expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return _token(text, str(path))


def _token(text: str, where: str) -> str:
    token = text.strip()
    if token and not _TOKEN.fullmatch(token):
        raise UsageError(f"{where} holds no token: there are characters in it that no token has", "copy it again")
    return token


class Hub:
    """A connection to a hub; close it after use.

    Args:
        url: its address.
        token: sent with each request when it is not empty.
        timeout_s: seconds of silence after which a request has failed.

    Raises:
        UsageError: the environment names a proxy that cannot be used.
    """

    def __init__(self, url: str, token: str = "", timeout_s: float = 30.0) -> None:
        import httpx2

        from demod_voice import __version__

        headers = {"User-Agent": f"demod-voice/{__version__}", "Accept-Encoding": "identity"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.url = shown_url(url)
        """Its address, for people."""
        self._address = url
        self.has_token = bool(token)
        try:
            self._client = httpx2.Client(headers=headers, timeout=timeout_s, follow_redirects=True)
        except (ValueError, ImportError) as error:
            raise UsageError(f"the proxy of this environment cannot be used: {error}", "see HTTPS_PROXY") from error

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def commit(self, source: str, revision: str) -> str:
        """The commit that ``revision`` (a branch, tag or commit) is now.

        Raises:
            HubTrouble: it cannot be known.
        """
        told = self._json("GET", f"/api/models/{source}/revision/{quote(revision, safe='')}")
        found = told.get("sha") if isinstance(told, dict) else None
        if not isinstance(found, str) or not _COMMIT.fullmatch(found):
            raise HubTrouble(Trouble.BROKEN, f"{self.url} names no commit of {source}")
        return found

    def files(self, source: str, commit: str, paths: Sequence[str]) -> dict[str, RemoteFile]:
        """Sizes and hashes of the files that are there.

        Raises:
            HubTrouble: they cannot be known.
        """
        told = self._json("POST", f"/api/models/{source}/paths-info/{commit}", {"paths": list(paths)})
        try:
            found = [_remote(each) for each in told if each["type"] == "file"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise HubTrouble(Trouble.BROKEN, f"{self.url} answers something else about {source}") from error
        return {each.path: each for each in found}

    @contextmanager
    def blocks(self, source: str, commit: str, path: str, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        """The bytes of a file from ``start`` on: (where they really begin, the bytes in blocks).

        They begin at 0 when the hub cannot send a part.

        Raises:
            HubTrouble: they cannot be had, or the connection is cut (also while the blocks are read).
        """
        place = f"/{source}/resolve/{commit}/{quote(path)}"
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self._told():
            with self._client.stream("GET", self._address + place, headers=headers) as response:
                self._check(response)
                begins = start if start and response.status_code == PARTIAL else 0
                if begins and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                    raise HubTrouble(Trouble.BROKEN, f"{self.url} sends another part of {path} than it was asked for")
                yield begins, self._read(response)

    def _read(self, response: httpx2.Response) -> Iterator[bytes]:
        with self._told():
            # As they come: gathered into larger blocks, the last ones before a cut would be lost.
            yield from response.iter_raw()

    def _json(self, method: str, place: str, data: Mapping[str, Any] | None = None) -> Any:
        with self._told():
            response = self._client.request(method, self._address + place, data=data)
            self._check(response)
        try:
            return response.json()
        except ValueError as error:
            raise HubTrouble(Trouble.BROKEN, f"{self.url} does not answer like a model hub") from error

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what the HTTP library raises into ``HubTrouble``."""
        import httpx2

        try:
            yield
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            raise HubTrouble(Trouble.OFFLINE, f"{self.url} cannot be reached: {error or 'no answer'}") from error
        except httpx2.TimeoutException as error:
            raise HubTrouble(Trouble.BROKEN, f"{self.url} was silent for too long") from error
        except httpx2.HTTPError as error:
            raise HubTrouble(Trouble.BROKEN, f"the connection to {self.url} was cut: {error}") from error
        except httpx2.InvalidURL as error:
            raise HubTrouble(Trouble.BROKEN, f"{self.url} is no address: {error}") from error

    def _check(self, response: httpx2.Response) -> None:
        status = response.status_code
        if status in (OK, PARTIAL):
            return
        said = response.headers.get("X-Error-Message") or response.reason_phrase
        detail = f"{self.url} answers {status} ({said})"
        if status in (401, 403):
            raise HubTrouble(Trouble.REFUSED, detail)
        if status in (404, 410, 416):
            raise HubTrouble(Trouble.UNKNOWN, detail)
        if status == 429:
            raise HubTrouble(Trouble.BUSY, detail, _seconds(response.headers.get("Retry-After", "")))
        raise HubTrouble(Trouble.BROKEN, detail)


def _remote(told: Mapping[str, Any]) -> RemoteFile:
    large = told.get("lfs") or {}
    sha256 = str(large.get("oid", "")).removeprefix("sha256:")
    size = int(large.get("size", told["size"]))
    return RemoteFile(str(told["path"]), size, sha256, "" if sha256 else str(told.get("oid", "")))


def _seconds(text: str) -> float:
    """``Retry-After`` in seconds; 0 for a date or nothing."""
    return min(float(text), 60.0) if text.isdecimal() else 0.0
