"""Engines that hear: the pool's requests, and what the conformance suite finds in a good one and in a liar."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from demod_worker.messages import AlignRequest, DetectRequest, EmbedRequest, TranscribeRequest
from support.signals import sine, wav
from support.stand_ins import stand_in

from demod_voice.api.engines import check_engine, failed_findings
from demod_voice.config import load_settings
from demod_voice.engines.client import Worker
from demod_voice.engines.conformance_hearing import Recordings
from demod_voice.engines.locate import engine
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineCrashed, EngineNotInstalled, EngineRefused

pytestmark = pytest.mark.slow

TOML = """name = "ear"
summary = "Hears whatever it is told to"
version = "1"
output_version = 1

[capabilities]
operations = ["detect", "transcribe", "align", "embed"]
determinism = "bytes"
cancel_grace_s = 0.5

[licence]
code = "MIT"
"""
WORKER = """
import array, itertools, os, time, wave
from demod_worker.messages import AlignResult, DetectResult, EmbedResult, HeardWord, TranscribeResult
from demod_worker.worker import Adapter, BadRequest, run

calls = itertools.count()

def seconds(path):
    try:
        with wave.open(path) as file:
            return file.getnframes() / file.getframerate()
    except OSError as error:
        raise BadRequest(str(error)) from error

def write(path, numbers):
    with open(path, "wb") as file:
        array.array("f", numbers).tofile(file)

class Ear(Adapter):
    name, version = "ear", "1"
    operations = ("detect", "transcribe", "align", "embed")

    def detect(self, request, task):
        length = seconds(request.audio)
        if length > 100:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                task.check()
                time.sleep(0.01)
        frames = int(-(-length // 0.032))
        write(request.probabilities, [{probability}] * frames)
        return DetectResult({frames})

    def transcribe(self, request, task):
        {before}
        seconds(request.audio)
        return TranscribeResult("a", (HeardWord("a", {start}, 0.5, {confidence}),))

    def align(self, request, task):
        seconds(request.audio)
        return AlignResult(tuple(HeardWord(each, 0.1, 0.2) for each in request.text.split(){drop}))

    def embed(self, request, task):
        for path in request.audio:
            seconds(path)
        write(request.vectors, [{size}, 0.0] * len(request.audio))
        return EmbedResult(2)

if __name__ == "__main__":
    run(Ear)
"""
GOOD = {
    "probability": "0.5",
    "frames": "frames",
    "before": "pass",
    "start": "0.1",
    "confidence": "0.9",
    "drop": "",
    "size": "1.0",
}


@pytest.fixture
def ear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Make an engine that hears, with some lines of its worker changed."""
    folder = tmp_path / "backends" / "ear"
    folder.mkdir(parents=True)
    (folder / "engine.toml").write_text(TOML)
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", str(folder.parent))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__EAR__PYTHON", sys.executable)

    def make(**changes: str) -> None:
        text = WORKER
        for name, line in {**GOOD, **changes}.items():
            text = text.replace("{" + name + "}", line)
        (folder / "worker.py").write_text(text)

    return make


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return wav(tmp_path / "clip.wav", sine(200.0, 1.0, -12.0, 16000), 16000, "pcm_s16le")


def test_a_good_ear_passes_the_conformance_suite(ear) -> None:
    ear()
    findings = check_engine("ear", settings=load_settings())
    assert not failed_findings(findings)
    said = {each.name: (each.status, each.detail) for each in findings}
    assert said["answers on a recording"] == ("passed", "detect, transcribe, align, embed")
    assert "speaks" not in said
    assert {status for status, _ in said.values()} == {"passed"}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"probability": "1.5"}, "not every number is a probability"),
        ({"frames": "frames + 1"}, "numbers in the file"),
        ({"start": "0.6"}, "out of order"),
        ({"confidence": "1.5"}, "the confidence of 'a' is 1.5"),
        ({"drop": "[1:]"}, "the words are ['there']"),
        ({"size": "2.0"}, "the vectors' lengths are"),
    ],
)
def test_an_ear_that_lies_is_caught(ear, change: dict[str, str], fault: str) -> None:
    ear(**change)
    settings = load_settings()
    info = engine("ear", settings)
    worker = Worker(info, Path(sys.executable), settings)
    worker.start()
    try:
        with Recordings(info) as recordings:
            found = [recordings.answer(worker, name)[0] for name in recordings.operations]
    finally:
        worker.kill()
    assert [each for each in found if each] == [each for each in found if fault in each]
    assert any(found)


def test_an_ear_that_changes_its_mind_is_caught(ear) -> None:
    ear(confidence="next(calls) / 1000")
    failed = {each.name: each.detail for each in failed_findings(check_engine("ear", settings=load_settings()))}
    assert failed["same recording, same answer"] == "transcribe: the second time in one process differs from the first"


def test_the_pool_asks_every_operation(ear, clip: Path, tmp_path: Path) -> None:
    ear()
    out = str(tmp_path / "out")
    with Pool(load_settings()) as pool:
        assert pool.detect("ear", DetectRequest(str(clip), out)).frames == 32
        assert np.fromfile(out, "<f4").tolist() == [0.5] * 32
        assert pool.transcribe("ear", TranscribeRequest(str(clip))).words[0].confidence == 0.9
        assert [each.text for each in pool.align("ear", AlignRequest(str(clip), "b c")).words] == ["b", "c"]
        assert pool.embed("ear", EmbedRequest((str(clip),), out)).dimension == 2
        with pytest.raises(EngineRefused, match="none"):
            pool.detect("ear", DetectRequest(str(tmp_path / "none"), out))


def test_a_crash_is_tried_once_more(ear, clip: Path, tmp_path: Path) -> None:
    once = tmp_path / "once"
    ear(before=f"os.path.exists({str(once)!r}) or (open({str(once)!r}, 'w').close(), os.abort())")
    with Pool(load_settings()) as pool:
        assert pool.transcribe("ear", TranscribeRequest(str(clip))).text == "a"
    ear(before="os.abort()")
    with Pool(load_settings()) as pool, pytest.raises(EngineCrashed, match="SIGABRT"):
        pool.transcribe("ear", TranscribeRequest(str(clip)))


def test_which_engines_can_be_used(ear) -> None:
    ear()
    with Pool(load_settings()) as pool:
        assert pool.usable("ear")
        assert pool.usable("vad"), "an embedded engine installs itself"
        assert not pool.usable("piper")
        assert not pool.usable("nobody")
        with pytest.raises(EngineNotInstalled):
            pool.detect("nobody", DetectRequest("", ""))


@pytest.mark.parametrize("name", ["ecapa", "demucs", "whisper"])
def test_stand_ins_pass_the_conformance_suite(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = stand_in(name, tmp_path)
    monkeypatch.setenv(f"DEMOD_VOICE_ENGINES__{name.upper()}__PYTHON", made.python)
    assert not failed_findings(check_engine(name, settings=load_settings(), model=made.model))
