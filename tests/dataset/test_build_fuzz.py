"""Five hundred damaged recordings and as many damaged subtitles: each is used or named, and nothing hangs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support.corpus import encode
from support.mutations import mutations
from support.signals import speechlike, wav

from demod_voice.api.datasets import build_dataset
from demod_voice.config import load_settings
from demod_voice.dataset.assemble import Asked
from demod_voice.dataset.sources import find_recordings
from demod_voice.dataset.tasks import Material, tasks_of
from demod_voice.formats.dataset_manifest import read_manifest

CONTAINERS = (".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus", ".webm", ".mp4", ".mkv")
EACH = 56
"""Of nine containers: 504."""
LONGEST_S = 10.0


def damaged(folder: Path, suffix: str, count: int, seed: int) -> list[Path]:
    source = wav(folder / "source.wav", speechlike(seed, 4.0, 44100, 0.3), 44100, "pcm_s16le")
    good = source
    if suffix != ".wav":
        good = folder / f"source{suffix}"
        encode(source, good)
    return list(mutations(good, folder / "bad", count, seed))


def check(folder: Path, suffix: str, count: int, seed: int) -> None:
    paths = damaged(folder, suffix, count, seed)
    settings = load_settings(jobs=2, limits__media_seconds=LONGEST_S)
    began = time.monotonic()
    report = build_dataset([folder / "bad"], folder / "voice", settings=settings, text=False, report=False)
    assert time.monotonic() - began < LONGEST_S * count
    used = {each.name for each in read_manifest(folder / "voice").recordings}
    named = {name for name, _ in (*report.failed, *report.repeated)}
    assert used | named == {path.name for path in paths}
    assert not used & named
    assert not [
        reason for _, reason in report.failed if "Traceback" in reason or "within" in reason or "died" in reason
    ]


@pytest.mark.parametrize("suffix", CONTAINERS)
@pytest.mark.fuzz
def test_damaged_recordings(tmp_path, suffix):
    check(tmp_path, suffix, EACH, seed=CONTAINERS.index(suffix))


@pytest.mark.fuzz
def test_a_few_damaged_recordings(tmp_path):
    check(tmp_path, ".mp3", 10, seed=99)


@pytest.mark.fuzz
def test_damaged_subtitles_are_used_or_named(tmp_path):
    texts = tmp_path / "texts"
    cues = [f"{n + 1}\n00:00:{n:02d},000 --> 00:00:{n:02d},900\nLine {n} is <i>said</i>.\n" for n in range(40)]
    (tmp_path / "good.srt").write_text("\n".join(cues))
    (tmp_path / "good.vtt").write_text("WEBVTT\n\n" + "\n".join(cues).replace(",", "."))
    paths = [
        path
        for seed, suffix in enumerate((".srt", ".vtt"))
        for path in mutations(tmp_path / f"good{suffix}", texts, 250, seed)
    ]
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    for path in paths:
        target = recordings / f"{path.stem}.wav"
        wav(target, speechlike(len(path.name), 0.5, 8000, 0.2), 8000, "pcm_s16le")
        with target.open("ab") as file:
            file.write(path.name.encode())
    sources = find_recordings([recordings]).sources
    began = time.monotonic()
    tasks, failed = tasks_of(sources, Material(texts=texts), Asked(), load_settings())
    assert time.monotonic() - began < LONGEST_S
    assert len(tasks) + len(failed) == len(sources) == 500
    assert all(reason for _, reason in failed)
