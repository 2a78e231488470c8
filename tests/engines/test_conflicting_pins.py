"""Two engines whose packages exclude each other speak in one episode, each from an environment that pip made."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from demod_voice.api.engines import engine_status, install_engine
from demod_voice.api.episodes import render_episode
from demod_voice.config import load
from demod_voice.engines.environments import EnvironmentState
from demod_voice.media.wav import read_wav

pytestmark = pytest.mark.engines
TOML = """name = "{name}"
summary = "Speaks with packaging {version}"
version = "{version}"
output_version = 1

[capabilities]
operations = ["load", "speak", "speak_many"]
normalises_text = true
determinism = "bytes"
seeded = false

[licence]
code = "MIT"
model = "MIT"
"""
WORKER = """
import array
import math

from demod_worker.messages import LoadResult, SpeakResult
from demod_worker.worker import Adapter, run

RATE = 24000


class Speaker(Adapter):
    name = {name!r}
    version = {version!r}
    operations = ("load", "speak", "speak_many")

    def load(self, request):
        import packaging
        from packaging import version

        assert hasattr(version, "LegacyVersion") is {legacy}, packaging.__version__
        return LoadResult(model="sine", model_revision=packaging.__version__, device="cpu")

    def speak(self, item, out, task):
        out.start(RATE)
        count = RATE * len(item.text) // 20
        out.write(array.array("h", [int(9000 * math.sin(n * {hertz} * 2 * math.pi / RATE)) for n in range(count)]).tobytes())
        import packaging

        return SpeakResult(item.item, (), "sine", packaging.__version__, RATE)


if __name__ == "__main__":
    run(Speaker)
"""
HASHES = {
    "20.9": "67714da7f7bc052e064859c05c595155bd1ee9f69f76557e21f051443c20947a",
    "26.3": "d7193f7c8e4e93f444fde0262bf90af30e16fa0ad0ad44cb553c87339b23cd1c",
}
"""Of the wheels. LegacyVersion was removed in version 22."""
SCRIPT = """---
title: Two that cannot live together
speakers:
  Ada: {engine: elder}
  Ben: {engine: younger}
---

Ada: A line of the old one.

Ben: An answer of the new one.

Ada: And the old one again.
"""


def an_engine(place: Path, name: str, version: str, hertz: int) -> None:
    folder = place / name
    folder.mkdir(parents=True)
    (folder / "engine.toml").write_text(TOML.format(name=name, version=version))
    text = WORKER.format(name=name, version=version, legacy=version == "20.9", hertz=hertz)
    (folder / "worker.py").write_text(text)
    (folder / "requirements.txt").write_text(f"packaging=={version} \\\n    --hash=sha256:{HASHES[version]}\n")


def test_contradictory_pins_in_one_episode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "packaging==20.9", "packaging==26.3"]
    refused = subprocess.run(both, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "conflict" in refused.stderr.lower()
    an_engine(tmp_path / "backends", "elder", "20.9", 220)
    an_engine(tmp_path / "backends", "younger", "26.3", 440)
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", str(tmp_path / "backends"))
    settings = load().settings
    for name in ("elder", "younger"):
        assert install_engine(name, settings=settings).state is EnvironmentState.READY
        assert engine_status(name, settings=settings).num_bytes > 1_000_000
    (tmp_path / "show.md").write_text(SCRIPT)
    report = render_episode(tmp_path / "show.md", tmp_path / "show.wav", settings=settings)
    segments = report.manifest["segments"]
    assert [each["engine"] for each in segments] == ["elder", "younger", "elder"]
    takes = [json.loads(path.read_text()) for path in (tmp_path / "show.demod" / "takes").rglob("*.json")]
    assert {(take["engine"], take["model_revision"]) for take in takes} == {("elder", "20.9"), ("younger", "26.3")}
    samples = read_wav(tmp_path / "show.wav").samples[0]
    for each, hertz in zip(segments, (220, 440, 220), strict=True):
        part = samples[int((each["start_sec"] + 0.1) * 24000) : int((each["end_sec"] - 0.1) * 24000)]
        crossings = int(((part[:-1] < 0) & (part[1:] >= 0)).sum())
        assert crossings / (len(part) / 24000) == pytest.approx(hertz, rel=0.02)
