"""Tokens and passwords never reach a message, a log or a record; what a hub says wrongly is told as such."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from demod_voice.api.models import hub_page, model_info, pull_model
from demod_voice.errors import ModelMissing, UsageError
from demod_voice.models.hub import shown_url


@pytest.mark.parametrize("token", ["hf_secret\nhf_more", "hf_secr\u00e9t", "hf secret", "hf_secret\x7f"])
@pytest.mark.parametrize("place", ["HF_TOKEN", "file"])
def test_a_token_that_no_header_can_carry_is_told_and_never_shown(settings, hub, monkeypatch, tmp_path, token, place):
    path = tmp_path / "token"
    if place == "HF_TOKEN":
        monkeypatch.setenv("HF_TOKEN", token)
    else:
        path.write_text(token, encoding="utf-8")
        monkeypatch.setenv("HF_TOKEN_PATH", str(path))
    with pytest.raises(UsageError, match="no token") as caught:
        pull_model("closed", settings=settings)
    assert ("HF_TOKEN" if place == "HF_TOKEN" else str(path)) in caught.value.message
    assert "secr" not in str(caught.value).replace(str(path), "")
    assert hub.asked == []


def test_the_password_of_a_mirror_is_used_and_never_shown(program, hub, monkeypatch, models):
    monkeypatch.setenv("DEMOD_VOICE_MODELS__HUB_URL", hub.url.replace("//", "//bob:hunter2@"))
    out, said = (process := program("-v", "-v", "models", "pull", "tiny")).communicate(timeout=60)
    assert process.returncode == 0, said
    assert hub.asked[0][2].startswith("Basic ")
    assert hub.url in said
    assert "hunter2" not in out + said
    kept = [path for path in models.parents[3].rglob("*") if path.is_file()]
    assert not [path for path in kept if b"hunter2" in path.read_bytes()]


def test_the_password_of_a_mirror_is_not_in_what_helps_either(settings):
    away = replace(settings, models=replace(settings.models, hub_url="http://bob:hunter2@127.0.0.1:9/hub"))
    with pytest.raises(ModelMissing) as caught:
        pull_model("tiny", settings=away)
    assert "http://127.0.0.1:9/hub/someone/tiny/resolve/" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert hub_page(model_info("tiny", settings=away), away) == "http://127.0.0.1:9/hub/someone/tiny"


@pytest.mark.parametrize("url", ["http://[::1", "http://host:99999", "http://host:x", "ftp://a:pw@host", "//a:pw@host"])
def test_an_address_that_is_none_is_told(settings, url):
    with pytest.raises(UsageError, match="is no address") as caught:
        pull_model("tiny", settings=replace(settings, models=replace(settings.models, hub_url=url)))
    assert "pw" not in str(caught.value)


def test_only_the_user_of_an_address_is_left_out():
    assert shown_url("https://a:b@c@host:1/x@y?z=@") == "https://host:1/x@y?z=@"
    assert shown_url("https://host/x@y") == "https://host/x@y"


@pytest.fixture
def odd_hub() -> Iterator[tuple[str, dict[str, object]]]:
    """A hub that answers with what it is told: (its address, {"GET": ..., "POST": ...})."""
    answers: dict[str, object] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer("POST")

        def _answer(self, method: str) -> None:
            data = json.dumps(answers[method]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", answers
    server.shutdown()
    server.server_close()


FILE = {"type": "file", "path": "config.json", "size": 3, "oid": "x"}


@pytest.mark.parametrize(
    ("commit", "files"),
    [
        ({"sha": "../../../other"}, []),
        ({"sha": 3}, []),
        ([], []),
        ({"sha": "a" * 40}, {"error": "no"}),
        ({"sha": "a" * 40}, [{**FILE, "lfs": "text"}]),
        ({"sha": "a" * 40}, [{**FILE, "size": None}]),
        ({"sha": "a" * 40}, ["config.json"]),
    ],
)
def test_a_hub_that_answers_something_else_is_told(settings, odd_hub, quick, models: Path, commit, files):
    url, answers = odd_hub
    answers |= {"GET": commit, "POST": files}
    with pytest.raises(ModelMissing, match=r"names no commit|answers something else"):
        pull_model("tiny", settings=replace(settings, models=replace(settings.models, hub_url=url)))
    assert not (models / "tiny").exists()
