"""``demod-voice voices``, through its own ``main``, with engines as real processes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from demod_voice.cli import main

pytestmark = pytest.mark.usefixtures("fake_engine")


class Ran:
    """What one command gave."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def data(self) -> Any:
        """Stdout as JSON."""
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    """Run a command in this process."""

    def call(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(each) for each in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "me.wav"
    soundfile.write(path, np.random.default_rng(1).uniform(-0.1, 0.1, 8 * 22_050), 22_050)
    return path


@pytest.fixture
def presets(run) -> list[str]:
    found = run("voices", "list", "--engine", "fake", "--json").data["presets"]
    assert found, "the fake engine names its voices"
    return found


def test_a_voice_from_the_cradle_to_the_grave(run, presets: list[str], tmp_path: Path) -> None:
    added = run("voices", "add", "nora", "--engine", "fake", "--preset", presets[0], "--speed", 1.2, "--style", "a=1")
    assert (added.code, added.out) == (0, "saved voice nora (preset of fake), consent: preset\n")
    shown = run("voices", "show", "nora", "--json").data
    assert (shown["preset"], shown["speed"], shown["style"], shown["damaged"]) == (presets[0], 1.2, {"a": 1}, [])
    listed = run("voices", "list", "--json").data["saved"]
    assert [each["name"] for each in listed] == ["nora"]
    assert run("voices", "rename", "nora", "bea").out == "nora is now bea\n"
    exported = run("voices", "export", "bea", "-o", tmp_path / "bea.voice", "--json").data
    assert exported["num_bytes"] == (tmp_path / "bea.voice").stat().st_size
    assert run("voices", "remove", "bea").code == 0
    assert run("voices", "show", "bea").code == 2
    assert run("voices", "import", tmp_path / "bea.voice", "--name", "cleo").code == 0
    assert "cleo" in run("voices", "list").out
    assert run("voices", "list", "--engine", "fake").out.count(presets[0]) >= 1


def test_a_preset_that_the_engine_does_not_have_is_not_saved(run, presets: list[str]) -> None:
    wrong = run("voices", "add", "nora", "--engine", "fake", "--preset", presets[0] + "x", "--speed", 9)
    assert wrong.code == 2
    assert f"engine fake has no voice '{presets[0]}x'" in wrong.err
    assert "speed 9" in wrong.err, "with all the rest"
    assert run("voices", "list", "--json").data["saved"] == []
    wrong = run("voices", "add", "amy", "--engine", "piper", "--preset", "amy")
    assert (wrong.code, "engine piper has no presets" in wrong.err) == (2, True)


def test_consent_is_asked_for_and_shown(run, wav: Path, tmp_path: Path) -> None:
    clone = ("voices", "add", "me", "--engine", "fake", "--reference", wav, wav, "--text", "One.", "Two.")
    refused = run(*clone)
    assert refused.code == 2
    assert "--consent self" in refused.err
    assert run("voices", "list", "--json").data["saved"] == []
    statement = tmp_path / "yes.txt"
    statement.write_text("yes")
    assert run(*clone, "--consent", statement).code == 0
    for command in (("voices", "show", "me"), ("voices", "list")):
        assert "file sha256:" in run(*command).out
    shown = run("voices", "show", "me", "--json").data
    assert [each["text"] for each in shown["references"]] == ["One.", "Two."]


def test_damage_is_shown_and_is_an_exit_code(run, wav: Path, tmp_path: Path) -> None:
    (tmp_path / "amy.onnx").write_bytes(b"weights")
    assert run("voices", "add", "amy", "--engine", "fake", "--model", tmp_path / "amy.onnx").code == 0
    shown = run("voices", "show", "amy", "--json").data
    (Path(shown["folder"]) / shown["model"]).write_bytes(b"other")
    after = run("voices", "show", "amy", "--json")
    assert (after.code, after.data["damaged"]) == (4, ["model/amy.onnx"])


def test_audition_gives_a_file_for_each_voice(run, presets: list[str], tmp_path: Path) -> None:
    run("voices", "add", "nora", "--engine", "fake", "--preset", presets[0])
    heard = run("voices", "audition", "nora", presets[-1], "--engine", "fake", "-o", tmp_path / "out", "--json")
    assert heard.code == 0
    assert [each["voice"] for each in heard.data] == ["nora", presets[-1]]
    for each in heard.data:
        assert soundfile.info(each["path"]).duration == pytest.approx(each["duration_s"], abs=0.002)
        assert each["peak_dbfs"] > -60
    every = run("voices", "audition", "--engine", "fake", "--text", "Hello.", "-o", tmp_path / "all", "--most", 3)
    assert every.code == 0
    assert len(list((tmp_path / "all").glob("*.wav"))) == min(3, 1 + len(presets))
    assert not list(tmp_path.rglob(".tmp-*"))


def test_a_voice_that_cannot_speak_is_a_row_and_an_exit_code(run, presets: list[str], tmp_path: Path) -> None:
    heard = run("voices", "audition", presets[0], "nosuchvoice", "--engine", "fake", "-o", tmp_path, "--json")
    assert heard.code == 4
    assert [bool(each["error"]) for each in heard.data] == [False, True]
    told = run("voices", "audition", "nosuchvoice", "--engine", "fake", "-o", tmp_path).out.splitlines()
    assert told[1].split(maxsplit=4)[2:] == ["-", "-", "failed: engine fake has no voice 'nosuchvoice'"]
    wrong = run("voices", "audition", "a", "--engine", "fkae", "-o", tmp_path)
    assert wrong.code == 2
    assert "fake" in wrong.err


def test_paths_outside_the_allowed_roots(run, wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.setenv("DEMOD_VOICE_PATHS__ALLOWED_ROOTS", str(tmp_path / "in"))
    commands = [
        ("voices", "add", "me", "--engine", "fake", "--reference", wav, "--text", "Hi.", "--consent", "self"),
        ("voices", "add", "me", "--engine", "fake", "--model", wav),
        ("voices", "audition", "low", "--engine", "fake", "-o", tmp_path / "out"),
        ("voices", "import", tmp_path / "x.voice"),
        ("speak", "Hello", "--engine", "fake", "-o", tmp_path / "x.wav"),
        ("speak", "Hello", "--voice", tmp_path / "x.onnx", "-o", tmp_path / "in" / "x.wav"),
        ("speak", "Hello", "--model", tmp_path / "x.onnx", "-o", tmp_path / "in" / "x.wav"),
        ("voices", "audition", tmp_path / "x.onnx", "-o", tmp_path / "in"),
        ("voices", "list", "--log-file", tmp_path / "x.log"),
    ]
    (tmp_path / "x.onnx").touch()
    for command in commands:
        ran = run(*command)
        assert ran.code == 2, command
        assert "outside the allowed" in ran.err


@pytest.mark.usefixtures("espeak_engine")
def test_espeak_lists_and_auditions_real_voices(run, tmp_path: Path) -> None:
    found = run("voices", "list", "--engine", "espeak", "--json")
    assert found.code == 0
    assert len(found.data["presets"]) > 100
    assert found.data["titles"]["en-us"] == "English (America)"
    told = run("voices", "list", "--engine", "espeak").out
    assert "\nen-us " in told
    assert "English (America)\n" in told
    assert "written after any of them as in en-us+f3" in told
    assert "\n+f3" not in told, "variants stand in rows of many"
    assert "piper brings no voices along" in run("voices", "list", "--engine", "piper").out
    heard = run("voices", "audition", "en-us+f3", "de", "--engine", "espeak", "-o", tmp_path, "--json")
    assert heard.code == 0, heard.err
    first, second = (soundfile.read(each["path"])[0] for each in heard.data)
    assert min(np.abs(first).max(), np.abs(second).max()) > 0.05
    assert len(first) != len(second)


def test_the_home_is_not_touched(run) -> None:
    assert run("voices", "list").code == 0
    assert not (Path(os.environ["HOME"]) / ".local" / "share" / "demod-voice" / "voices").exists()


def test_a_model_that_can_be_pulled_is_told_with_its_command(run) -> None:
    found = run("voices", "add", "alba", "--engine", "piper", "--model", "piper-en_GB-alba-medium")
    assert found.code == 2
    assert "models pull piper-en_GB-alba-medium" in found.err
