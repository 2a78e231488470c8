"""Four sources, one result: the later wins, and each value knows where it comes from."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demod_voice.config import DEFAULTS, load, load_settings
from demod_voice.config.editing import yaml_text
from demod_voice.config.environment import variable_of
from demod_voice.config.loading import parse_assignments, settings_path
from demod_voice.config.schema import Key, build, find, flatten, keys
from demod_voice.errors import FaultsError, UsageError


def test_nothing_configured_gives_the_defaults():
    loaded = load()
    assert loaded.settings == DEFAULTS
    assert set(loaded.origins.values()) == {"default"}
    assert set(loaded.origins) == set(keys())


def test_precedence_and_origins(settings_file: Path, monkeypatch: pytest.MonkeyPatch):
    settings_file.write_text("language: de\nseed: 1\njobs: 1\n\nengines:\n  xtts:\n    python: /file\n")
    monkeypatch.setenv("DEMOD_VOICE_SEED", "2")
    monkeypatch.setenv("DEMOD_VOICE_JOBS", "2")
    loaded = load({"jobs": 3})
    assert (loaded.settings.language, loaded.settings.seed, loaded.settings.jobs) == ("de", 2, 3)
    assert loaded.settings.engines.named["xtts"].python == "/file"
    assert {name: origin for name, origin in loaded.origins.items() if origin != "default"} == {
        "language": "file:1",
        "seed": "env DEMOD_VOICE_SEED",
        "jobs": "flag",
        "engines.xtts.python": "file:7",
    }
    assert loaded.path == settings_file


def _value_of(key: Key) -> st.SearchStrategy[Any]:
    """A value that the key can take."""
    low, high = key.limits.get("minimum"), key.limits.get("maximum")
    forms = {
        "size": st.integers(1, 999).map(lambda n: f"{n}MB"),
        "language": st.sampled_from(["en", "de", "pt-BR"]),
        "device": st.sampled_from(["auto", "cpu", "cuda:1"]),
        "gpus": st.sampled_from(["none", "0,2", "range:0-3", "count:3"]),
        "gpu numbers": st.sampled_from(["", "1", "1,3"]),
        "engine": st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True),
    }
    if "choices" in key.limits:
        return st.sampled_from(key.limits["choices"])
    if "form" in key.limits:
        return forms[key.limits["form"]]
    text = st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=8)
    return {
        bool: st.booleans(),
        int: st.integers(low, high),
        float: st.floats(low, high if high is not None else 1e6, allow_nan=False),
        str: text.map(lambda word: f"/{word}"),
        tuple: st.lists(text.filter(bool).map(lambda word: f"/{word}"), max_size=3).map(tuple),
    }[key.kind]


_NAMES = [*keys(), "engines.xtts.python", "engines.piper.python"]


@st.composite
def layers(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Three layers (file, environment, flags), each with values for some of the keys."""
    return [
        {name: draw(_value_of(find(name))) for name in draw(st.lists(st.sampled_from(_NAMES), unique=True, max_size=6))}  # type: ignore[arg-type]
        for _ in range(3)
    ]


def _text(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _nested(values: dict[str, Any]) -> str:
    """YAML with the dotted names as sections, written by hand so that the reader is not checked against itself."""
    lines: list[str] = []
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *parents, last = name.split(".")
        node = tree
        for part in parents:
            node = node.setdefault(part, {})
        node[last] = value

    def write(node: dict[str, Any], indent: str) -> None:
        for name, value in node.items():
            if isinstance(value, dict):
                lines.append(f"{indent}{name}:")
                write(value, indent + "  ")
            else:
                lines.append(f"{indent}{name}: {yaml_text(value)}")

    write(tree, "")
    return "\n".join(lines)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(layers())
def test_of_three_layers_the_last_that_names_a_key_wins(tmp_path: Path, drawn: list[dict[str, Any]]):
    in_file, in_environment, in_flags = drawn
    path = tmp_path / "drawn.yaml"
    path.write_text(_nested(in_file))
    environ = {variable_of(name): _text(value) for name, value in in_environment.items()}
    loaded = load(in_flags, environ, path)
    expected = {**flatten(DEFAULTS), **in_file, **in_environment, **in_flags}
    found = flatten(loaded.settings)
    assert {name: found[name] for name in expected} == expected
    for name, origin in loaded.origins.items():
        kind = origin.split(":")[0].split()[0]
        layer = (
            "flag"
            if name in in_flags
            else "env"
            if name in in_environment
            else "file"
            if name in in_file
            else "default"
        )
        if name in expected:
            assert kind == layer, name


@given(layers())
def test_build_and_flatten_are_each_others_inverse(drawn: list[dict[str, Any]]):
    values = drawn[0]
    flat = flatten(build(values))
    assert {name: flat[name] for name in values} == values
    assert flatten(build(flat)) == flat


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load().settings.seed = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        load_settings(engines__xtts__python="/x").engines.named["y"] = None  # type: ignore[index]


def test_load_settings_takes_names_with_two_underscores():
    found = load_settings(seed="7", engines__default="piper", episode__pauses__line_ms=3, engines__xtts__python="/x")
    assert (found.seed, found.engines.default, found.episode.pauses.line_ms) == (7, "piper", 3)
    assert found.engines.named["xtts"].python == "/x"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("sed", 1, "unknown key sed"),
        ("seed", "x", "seed: 'x' is not a whole number"),
        ("seed", 1.5, "seed: 1.5 is a number, expected a whole number"),
        ("seed", True, "seed: true is true or false, expected a whole number"),
        ("engines.search_path", ["/a", 3], "engines.search_path: the list holds 3"),
        ("language", None, "language: nothing is empty, expected text"),
    ],
)
def test_a_wrong_flag_is_a_fault(name: str, value: object, message: str):
    with pytest.raises(FaultsError, match=message.replace("(", r"\(")):
        load({name: value})


def test_a_file_that_is_named_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UsageError, match="cannot read the settings file"):
        load(path=tmp_path / "none.yaml")
    monkeypatch.setenv("DEMOD_VOICE_CONFIG", str(tmp_path / "none.yaml"))
    with pytest.raises(UsageError, match="cannot read the settings file"):
        load()
    (tmp_path / "none.yaml").write_text("seed: 5\n")
    assert load().settings.seed == 5


def test_the_usual_path_follows_the_environment_that_is_given():
    assert settings_path({"XDG_CONFIG_HOME": "/x"}) == Path("/x/demod-voice/config.yaml")
    assert settings_path({"HOME": "/h", "XDG_CONFIG_HOME": "relative"}) == Path("/h/.config/demod-voice/config.yaml")
    assert settings_path({"DEMOD_VOICE_CONFIG": "/y.yaml", "HOME": "/h"}) == Path("/y.yaml")


def test_assignments():
    assert parse_assignments(["seed=1", " jobs = 2", "seed=3", "paths.voices=a=b"]) == {
        "seed": "3",
        "jobs": " 2",
        "paths.voices": "a=b",
    }
    with pytest.raises(UsageError, match="there is no '='"):
        parse_assignments(["seed"])


def test_yaml_is_imported_only_when_there_is_a_file(settings_file: Path):
    code = "import sys; from demod_voice.config import load; load(); print('ruamel.yaml' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
    settings_file.write_text("seed: 1\n")
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "True\n"
