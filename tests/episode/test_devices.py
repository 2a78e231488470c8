"""An episode on GPUs: where it was computed is the run's story, never part of a result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.gpus import Machine, card

from demod_voice.api.episodes import render_episode
from demod_voice.config import load_settings

SCRIPT = """---
title: T
speakers:
  Ada: {engine: fakegpu}
---

Ada: One two three.

Ada: Four five six seven.

Ada: Eight nine ten.
"""


def test_the_run_tells_its_devices_and_no_key_depends_on_them(
    gpu_engine: Machine, tmp_path: Path, write_script
) -> None:
    gpu_engine.has(*map(card, range(8)))
    script = write_script(SCRIPT)
    report = render_episode(script, tmp_path / "show.wav", settings=load_settings(jobs=3, gpu__use="range:2-4"))
    run = json.loads((tmp_path / "show.demod" / "run.json").read_text())
    assert sum(run["devices"]["used"]["fakegpu"].values()) >= 1
    assert set(run["devices"]["used"]["fakegpu"]) <= {f"GPU {number} (NVIDIA A)" for number in (2, 3, 4)}
    assert run["devices"]["remarks"] == []
    manifest = (tmp_path / "show.manifest.json").read_text()
    assert "GPU" not in manifest
    assert "cuda" not in manifest
    assert report.metrics["utterances_generated"] == 3
    again = render_episode(script, tmp_path / "show.wav", settings=load_settings(device="cpu"))
    assert again.metrics["utterances_generated"] == 0
    assert (tmp_path / "show.manifest.json").read_text() == manifest


@pytest.mark.parametrize("flag", ["gpu__use", "gpu__exclude"])
def test_a_gpu_that_is_not_there_is_told_before_any_work(
    gpu_engine: Machine, tmp_path: Path, write_script, flag: str
) -> None:
    from demod_voice.errors import UsageError

    gpu_engine.has(card(0))
    with pytest.raises(UsageError, match="there is no GPU 5 here"):
        render_episode(write_script(SCRIPT), tmp_path / "show.wav", settings=load_settings(**{flag: "5"}))
    assert not (tmp_path / "show.demod").exists()
