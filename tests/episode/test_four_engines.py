"""One episode, four speakers, four engines: installed environments, tiny models, killed in the middle and finished.

Models of random weights speak noise, so the proof is line by line: lengths, spectra, take files, keys, and what the
manifest says of engines, models and licences.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from demod_voice.media.wav import read_wav

pytestmark = pytest.mark.engines
ROOT = Path(__file__).resolve().parents[2]
ENGINES = {"Espe": "espeak", "Pia": "piper", "Xena": "xtts", "Cleo": "csm"}
RESULTS = ("show.mp3", "show.manifest.json", "show.vtt")
SCRIPT = """---
title: Four engines at one table
seed: 7
speakers:
  Espe: {engine: espeak, voice: en-us}
  Pia: {voice: pia}
  Xena: {voice: xena}
  Cleo: {voice: cleo}
---

## First round

Espe: Good evening from the engine room.

Pia: The paper boat crossed the river before noon.

Xena: Seven stones lie under the yellow window.

Cleo: I have kept the letters in a silver box.

## Second round

Xena: Nobody has counted the stones twice.

Cleo: The box was never locked, and nobody looked.

Pia: Then the boat came back without a captain.

Espe: That is all for tonight.
"""
KILL_AFTER = 3
"""Takes on the disk when the first run is killed."""


@dataclass(frozen=True)
class Table:
    """A machine with four engines, their models, and the voices."""

    folder: Path
    environ: Mapping[str, str]

    def run(self, *words: object) -> str:
        """One command of the program; its standard output."""
        command = [sys.executable, "-m", "demod_voice", *map(str, words)]
        done = subprocess.run(command, env=dict(self.environ), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def render(self, name: str) -> list[str]:
        """The command that renders the show into a folder of that name."""
        (self.folder / name).mkdir(exist_ok=True)
        out = self.folder / name / "show.mp3"
        command = [sys.executable, "-m", "demod_voice", "episode", "render", self.folder / "show.md", "-o", out]
        return [*map(str, command), "--set", "cache.enabled=false"]

    def finish(self, name: str) -> None:
        """Render the show into that folder, to its end."""
        done = subprocess.run(self.render(name), env=dict(self.environ), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def manifest(self, name: str) -> dict:
        """What the show's manifest says."""
        return json.loads((self.folder / name / "show.manifest.json").read_text())

    def takes(self, name: str) -> dict[str, dict]:
        """Key -> record of every take."""
        found = (self.folder / name / "show.demod" / "takes").glob("*.json")
        records = [json.loads(path.read_text()) for path in found if not path.name.startswith(".")]
        return {record["key"]: record for record in records}


@pytest.fixture(scope="module")
def table(
    tmp_path_factory: pytest.TempPathFactory,
    engine_python: Callable[[str], Path],
    tiny_model: Callable[[str], Path],
    tiny_voice: Callable[..., str],
) -> Table:
    folder = tmp_path_factory.mktemp("table")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DEMOD_VOICE_")}
    environ |= {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")]),
        "HOME": str(folder),
        "SOURCE_DATE_EPOCH": "1700000000",
    }
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        environ[f"XDG_{name}_HOME"] = str(folder / name.lower())
    for name in ENGINES.values():
        environ[f"DEMOD_VOICE_ENGINES__{name.upper()}__PYTHON"] = str(engine_python(name))
    for name in ("piper", "xtts", "csm"):
        environ[f"DEMOD_VOICE_ENGINES__{name.upper()}__GUARDS"] = "report"
    for name in ("xtts", "csm"):
        environ[f"DEMOD_VOICE_ENGINES__{name.upper()}__MODEL"] = str(tiny_model(name))
    made = Table(folder, environ)
    (folder / "show.md").write_text(SCRIPT)
    said = "The quick brown fox jumps over the lazy dog, and then it rests for a while beside the quiet river."
    for name, preset in (("xena", "en-gb+f2"), ("cleo", "en-us+m3")):
        made.run("speak", said, "--engine", "espeak", "--voice", preset, "-o", folder / f"{name}.wav")
    given = ["--reference", folder / "xena.wav", "--consent", "public-domain"]
    made.run("voices", "add", "xena", "--engine", "xtts", *given)
    given = ["--reference", folder / "cleo.wav", "--text", said, "--consent", "public-domain"]
    made.run("voices", "add", "cleo", "--engine", "csm", *given)
    made.run("voices", "add", "pia", "--engine", "piper", "--model", tiny_voice(), "--licence", "CC0-1.0")
    return made


@pytest.fixture(scope="module")
def calm(table: Table) -> str:
    """The name of a run that nothing disturbed."""
    table.finish("calm")
    return "calm"


def test_each_speaker_is_spoken_by_an_engine_of_its_own(table: Table, calm: str):
    manifest = table.manifest(calm)
    takes = table.takes(calm)
    assert len(manifest["segments"]) == len(takes) == 8
    for segment in manifest["segments"]:
        engine = ENGINES[segment["speaker"]]
        record = next(each for each in takes.values() if each["sha256"] == segment["take_sha256"])
        assert record["engine"] == engine
        assert record["model_revision"]
        check_sound(table.folder / calm / "show.demod" / "takes", record)


def check_sound(folder: Path, record: Mapping) -> None:
    """The take is sound of a believable length, at its engine's rate, with a spectrum that is no single tone."""
    (path,) = folder.glob(f"{record['key'][:16]}*.wav")
    clip = read_wav(path)
    assert clip.sample_rate == {"espeak": 22050, "piper": 22050, "xtts": 24000, "csm": 24000}[record["engine"]]
    assert 0.3 < clip.duration_s < 60.0, "random weights stop at the most that a line may take"
    swing = clip.samples[0] - clip.samples[0].mean()
    assert np.sqrt(np.mean(swing**2)) > 1e-5
    spectrum = np.abs(np.fft.rfft(swing)) ** 2
    shares = np.sort(spectrum / spectrum.sum())[::-1]
    assert np.cumsum(shares).searchsorted(0.9) > 10


def test_the_manifest_names_engines_models_and_licences(table: Table, calm: str):
    manifest = table.manifest(calm)
    told = json.dumps([manifest["voices"], manifest["engines"]])
    for engine in ENGINES.values():
        assert engine in told
    assert "CPML" in told
    assert "Apache-2.0" in told
    assert "CC0-1.0" in told
    for record in table.takes(calm).values():
        assert record["model_revision"] in json.dumps(manifest)


def test_killed_in_the_middle_it_ends_with_the_same_bytes(table: Table, calm: str):
    process = subprocess.Popen(
        table.render("killed"),
        env=dict(table.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < deadline and len(finished(table)) < KILL_AFTER:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
    kept = {path.name: path.stat().st_mtime_ns for path in finished(table)}
    assert KILL_AFTER <= len(kept) < 8
    table.finish("killed")
    assert {path.name: path.stat().st_mtime_ns for path in finished(table) if path.name in kept} == kept
    assert set(table.takes("killed")) == set(table.takes(calm))
    assert digests(table.folder / "killed") == digests(table.folder / calm)


def finished(table: Table) -> list[Path]:
    takes = (table.folder / "killed" / "show.demod" / "takes").glob("*.json")
    return [path for path in takes if not path.name.startswith(".")]


def digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in RESULTS}


def test_one_changed_line_is_one_spoken_line(table: Table, calm: str):
    before = {path.name: path.stat().st_mtime_ns for path in (table.folder / calm / "show.demod/takes").glob("*.wav")}
    script = table.folder / "show.md"
    script.write_text(SCRIPT.replace("Nobody has counted", "Somebody has counted"))
    try:
        table.finish(calm)
        takes = (table.folder / calm / "show.demod/takes").glob("*.wav")
        assert len([path for path in takes if path.name not in before]) == 1
        metrics = json.loads((table.folder / calm / "show.metrics.json").read_text())
        assert metrics["utterances_generated"] == 1
    finally:
        script.write_text(SCRIPT)
