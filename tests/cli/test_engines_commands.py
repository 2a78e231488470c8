"""``engines``: what the commands print, for people and for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", str(ROOT / "tests" / "fakes"))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__FAKE__PYTHON", sys.executable)


def test_list_shows_every_engine_and_its_state(cli: Callable[..., object]) -> None:
    done = cli("engines", "list")
    assert done.code == 0
    rows = {line.split()[0]: line for line in done.out.splitlines()}
    assert "external" in rows["fake"]
    assert "missing" in rows["espeak"]
    assert "missing" in rows["piper"]
    told = {each["name"]: each for each in json.loads(cli("engines", "list", "--json").out)}
    assert told["fake"]["state"] == "external"


def test_info_says_what_an_engine_can_do_and_its_licence(cli: Callable[..., object]) -> None:
    done = cli("engines", "info", "espeak")
    assert done.code == 0
    for words in ("GPL-3.0-or-later", "speak", "determinism", "bytes", "environment"):
        assert words in done.out
    assert json.loads(cli("engines", "info", "espeak", "--json").out)["name"] == "espeak"


@pytest.mark.slow
def test_check_prints_every_finding_and_ends_with_4_when_one_failed(
    cli: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = cli("engines", "check", "fake")
    assert done.code == 0
    assert done.out.count("passed") >= 10
    assert "failed" not in done.out.replace("0 failed", "")
    done = cli("engines", "check", "fake", "--voice", "nobody")
    assert done.code == 4
    assert "failed" in done.out


def test_check_asks_for_the_model_of_an_engine_that_has_none(cli: Callable[..., object]) -> None:
    done = cli("engines", "check", "piper")
    assert (done.code, done.out) == (2, "")
    assert "engine piper needs a model" in done.err
    assert "demod-voice engines check piper --model FILE" in done.err


@pytest.mark.parametrize("command", ["install", "remove", "info", "check"])
def test_an_engine_that_is_not_known_names_the_nearest(cli: Callable[..., object], command: str) -> None:
    done = cli("engines", command, "espaek")
    assert done.code == 4
    assert "espaek" in done.err
    assert "espeak" in done.err.replace("espaek", "")


def test_removing_what_is_not_installed_frees_nothing(cli: Callable[..., object]) -> None:
    done = cli("engines", "remove", "piper")
    assert (done.code, done.out.strip()) == (0, "0 B freed")


def test_info_says_which_interpreter_and_where_the_model_is(cli, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.loads(cli("engines", "info", "fake", "--json").out)
    assert (told["python"], told["model"]) == (sys.executable, "")
    assert sys.executable in cli("engines", "info", "fake").out
    assert "missing: models pull xtts-v2" in cli("engines", "info", "xtts").out
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__XTTS__MODEL", str(tmp_path))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__XTTS__PYTHON", "nothing")
    told = json.loads(cli("engines", "info", "xtts", "--json").out)
    assert (told["python"], told["model"]) == ("", str(tmp_path))
    assert "which is no program" in told["fault"]


def test_check_tells_a_wrong_interpreter(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__XTTS__PYTHON", sys.executable)
    done = cli("engines", "check", "xtts")
    assert done.code == 4
    assert "engines.xtts.python is" in done.err
    assert "has no coqui-tts, torch" in done.err
