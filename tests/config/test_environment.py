"""Settings from variables: names, texts, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.config import load
from demod_voice.config.environment import PROGRAM_VARIABLES, read_environment, variable_of
from demod_voice.config.schema import keys
from demod_voice.errors import FaultsError

VARIABLE = re.compile(r"DEMOD_VOICE_[A-Z_]+[A-Z]")


def values(**environ: str) -> dict[str, object]:
    found, faults = read_environment({f"DEMOD_VOICE_{name}": text for name, text in environ.items()})
    assert faults == []
    return {name: value for name, (value, _) in found.items()}


def fault(**environ: str) -> tuple[str, str | None]:
    _, faults = read_environment({f"DEMOD_VOICE_{name}": text for name, text in environ.items()})
    assert len(faults) == 1
    return faults[0].message, faults[0].hint


def test_nested_names_and_each_type():
    assert values(
        SEED="7",
        LANGUAGE="pt-BR",
        CACHE__ENABLED="No",
        EPISODE__PAUSES__LINE_MS=" 250 ",
        LOUDNESS__MONO_LUFS="-18.5",
        ENGINES__XTTS__PYTHON="/opt/xtts/bin/python",
        ENGINES__TIMEOUTS__START="1e1",
    ) == {
        "seed": 7,
        "language": "pt-BR",
        "cache.enabled": False,
        "episode.pauses.line_ms": 250,
        "loudness.mono_lufs": -18.5,
        "engines.xtts.python": "/opt/xtts/bin/python",
        "engines.timeouts.start": 10.0,
    }


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("/a", ("/a",)),
        ("/a:/b", ("/a", "/b")),
        ("/a,/b , /c", ("/a", "/b", "/c")),
        ("[/a, '/b,c:d']", ("/a", "/b,c:d")),
        ("[]", ()),
    ],
)
def test_lists(text: str, parts: tuple[str, ...]):
    assert values(ENGINES__SEARCH_PATH=text) == {"engines.search_path": parts}


def test_names_in_any_case():
    assert read_environment({"demod_voice_Seed": "3"})[0] == {"seed": (3, "demod_voice_Seed")}


def test_the_same_setting_twice_is_a_fault():
    _, faults = read_environment({"DEMOD_VOICE_SEED": "3", "demod_voice_seed": "4"})
    assert [each.message for each in faults] == ["demod_voice_seed: DEMOD_VOICE_SEED sets the same setting"]


@pytest.mark.parametrize(
    ("name", "text", "message", "hint"),
    [
        ("SEDE", "1", "there is no such setting", "did you mean DEMOD_VOICE_SEED?"),
        (
            "EPISODE__PAUSES__LINE",
            "1",
            "there is no such setting",
            "did you mean DEMOD_VOICE_EPISODE__PAUSES__LINE_MS?",
        ),
        (
            "EPISODE",
            "1",
            "there is no such setting",
            "did you mean DEMOD_VOICE_EPISODE? (a section: it holds settings)",
        ),
        ("SEED", "seven", "'seven' is not a whole number", None),
        ("SEED", "1_000", "'1_000' is not a whole number", None),
        ("SEED", "", "'' is not a whole number", None),
        ("SEED", "9" * 50, f"'{'9' * 50}' is not a whole number", None),
        ("CACHE__ENABLED", "maybe", "'maybe' is neither true nor false", None),
        ("ENGINES__IDLE_S", "nan", "'nan' is not a number", None),
        ("ENGINES__IDLE_S", "-1", "'-1' is out of range: at least 0", None),
        ("ENGINES__SEARCH_PATH", "[a", "'[a' is not a YAML list", "for example [one, two]"),
        (
            "ENGINES__SEARCH_PATH",
            "[1]",
            "the list holds 1, which is a whole number, expected text",
            "write it in quotes",
        ),
    ],
)
def test_what_is_refused(name: str, text: str, message: str, hint: str | None):
    assert fault(**{name: text}) == (f"DEMOD_VOICE_{name}: {message}", hint)


def test_the_programs_own_variables_and_foreign_ones_are_left_alone():
    environ = dict.fromkeys(PROGRAM_VARIABLES, "x") | {"PATH": "/bin", "DEMOD": "x"}
    assert read_environment(environ) == ({}, [])


def test_every_variable_of_the_set_up_is_the_programs_own():
    """bin/demod-voice hands its environment on: what steers it is no setting."""
    folder = Path(__file__).resolve().parents[2] / "bin"
    named = {name for path in folder.iterdir() if path.is_file() for name in VARIABLE.findall(path.read_text())}
    assert "DEMOD_VOICE_EXTRAS" in named
    assert named <= PROGRAM_VARIABLES


def test_every_fault_of_the_environment_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DEMOD_VOICE_SEDE", "1")
    monkeypatch.setenv("DEMOD_VOICE_JOBS", "x")
    with pytest.raises(FaultsError) as caught:
        load()
    assert caught.value.source == "the environment"
    assert len(caught.value.faults) == 2


def test_faults_of_several_sources_come_in_one_error(settings_file: Path, monkeypatch: pytest.MonkeyPatch):
    settings_file.write_text("language: en\nsede: 1\n")
    monkeypatch.setenv("DEMOD_VOICE_JOBS", "x")
    with pytest.raises(FaultsError) as caught:
        load({"attempts": "0"})
    assert [each.message for each in caught.value.faults] == [
        f"{settings_file}:2: unknown key sede",
        "DEMOD_VOICE_JOBS: 'x' is not a whole number",
        "attempts: '0' is out of range: 1 to 10",
    ]


def test_every_key_can_be_set_by_its_variable():
    for name, key in keys().items():
        text = ",".join(key.default) if isinstance(key.default, tuple) else str(key.default)
        assert read_environment({variable_of(name): text}) == ({name: (key.default, variable_of(name))}, [])


@given(st.dictionaries(st.text(alphabet="ABC_eds", max_size=12).map("DEMOD_VOICE_".__add__), st.text(max_size=20)))
def test_no_environment_breaks_the_reader(environ: dict[str, str]):
    found, faults = read_environment(environ)
    assert len(found) + len(faults) <= len(environ)
