"""Results: JSON of anything a report is made of, and tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType

import pytest

from demod_voice.cli.app import App
from demod_voice.cli.flags import GlobalFlags
from demod_voice.cli.output import plain, table, to_json


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    path: Path
    colour: Colour


@dataclass(frozen=True, slots=True)
class Outer:
    inner: Inner
    many: tuple[Inner, ...]
    names: frozenset[str]
    table: MappingProxyType[str, int]


def test_any_report_is_json():
    inner = Inner(Path("/a/b"), Colour.RED)
    report = Outer(inner, (inner,), frozenset("ba"), MappingProxyType({"z": 1, "a": 2}))
    assert json.loads(to_json(report)) == {
        "inner": {"path": "/a/b", "colour": "red"},
        "many": [{"path": "/a/b", "colour": "red"}],
        "names": ["a", "b"],
        "table": {"z": 1, "a": 2},
    }
    assert list(plain(report)["table"]) == ["z", "a"]


def test_json_has_no_nan():
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"lufs": float("nan")})


def test_letters_stay_letters():
    assert to_json("é — 語") == '"é — 語"'


def test_tables():
    assert table([("a", 1), ("long", 22)], ("name", "n")) == "name  n\na     1\nlong  22"
    assert table([]) == ""
    with pytest.raises(ValueError):
        table([("a",), ("b", "c")])


def test_emit(capsys):
    App().emit({"a": 1}, "text")
    App().emit({"a": 1}, None)
    App().emit({"a": 1}, "")
    App().emit({"a": 1}, "ends\n")
    assert capsys.readouterr().out == "text\nends\n"
    App(GlobalFlags([("json", [])])).emit({"a": 1}, "text")
    assert json.loads(capsys.readouterr().out) == {"a": 1}


def test_settings_are_loaded_once(monkeypatch):
    app = App(overrides={"seed": "3"})
    assert app.settings.seed == 3
    assert app.settings is app.settings
