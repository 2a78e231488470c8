"""From the hub to the show: a voice is pulled by its name, speaks, and its licence stands in the manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.hub import FakeHub, fake_hub

from demod_voice.cli import main

pytestmark = pytest.mark.engines

ENTRY = """
[piper-tiny]
engine = "piper"
summary = "A voice"
source = "someone/voices"
below = "en/tiny"
licence = "CC-BY-NC-4.0"
load = "tiny.onnx"
kind = { file = "tiny.onnx.json", key = "phoneme_id_map" }
files = ["tiny.onnx", "tiny.onnx.json"]
"""
SCRIPT = "---\nspeakers:\n  Ada: { voice: piper-tiny }\n---\n\n# One\n\nAda: Hello there.\n"


@pytest.fixture
def hub(empty_home: Path, monkeypatch: pytest.MonkeyPatch, engine_python, tiny_voice):
    """A hub with a tiny voice, a registry that names it, and Piper's environment."""
    config = empty_home / ".config" / "demod-voice"
    config.mkdir(parents=True)
    (config / "models.toml").write_text(ENTRY)
    model = Path(tiny_voice())
    files = {"en/tiny/tiny.onnx": model.read_bytes(), "en/tiny/tiny.onnx.json": Path(f"{model}.json").read_bytes()}
    with fake_hub({"someone/voices": files}) as running:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("DEMOD_VOICE_MODELS__HUB_URL", running.url)
        monkeypatch.setenv("DEMOD_VOICE_ENGINES__PIPER__PYTHON", str(engine_python("piper")))
        monkeypatch.setenv("DEMOD_VOICE_DEVICE", "cpu")
        yield running


def test_a_voice_is_pulled_speaks_and_says_its_licence(hub: FakeHub, tmp_path, capsys):
    script = tmp_path / "show.md"
    script.write_text(SCRIPT)
    assert main(["episode", "render", str(script), "-o", str(tmp_path / "show.wav")]) == 2
    assert "demod-voice models pull piper-tiny" in capsys.readouterr().err
    assert main(["models", "pull", "piper-tiny"]) == 0
    capsys.readouterr()
    assert main(["episode", "render", str(script), "-o", str(tmp_path / "show.wav")]) == 0
    manifest = (tmp_path / "show.manifest.json").read_text()
    (voice,) = json.loads(manifest)["voice_licences"]
    assert (voice["speaker"], voice["engine"], voice["licence"], voice["kind"]) == (
        "Ada", "piper", "CC-BY-NC-4.0", "non-commercial",
    )  # fmt: skip
    assert str(tmp_path) not in manifest
    refused = ["episode", "render", str(script), "-o", str(tmp_path / "sold.wav"), "--license-policy", "refuse"]
    assert main(refused) == 2
