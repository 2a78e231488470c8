"""Shows of every kind: the peak that was promised before and after encoding, and no click where clips meet."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from support.signals import noise, wav

from demod_voice.api import episodes
from demod_voice.config import load
from demod_voice.media.wav import read_wav
from demod_voice.mix.loudness import measure

RATE = 48000
HINTS = ("", "(overlap 300ms) ", "(overlap 2s) ", "(interrupt) ", "(backchannel) ", "(pause 0ms) ", "(volume +6dB) ")
ROWS = ("[pause 1.5s]", "[sfx bang.wav -3dB]", "[sfx bang.wav wait]", "## Another chapter")
WORDS = ("river", "stone", "garden", "window", "seven", "captain", "paper", "engine", "silver", "music")


@pytest.fixture
def sounds(tmp_path: Path, fake_engine: Path) -> Path:
    """A folder with a bed that is nearly clipped and a bang."""
    wav(tmp_path / "bed.wav", np.repeat(noise(1, 2.5, -12.0, RATE), 2, axis=0).clip(-1, 1), RATE)
    decay = np.exp(-np.arange(RATE // 2) / 4000)
    wav(tmp_path / "bang.wav", (noise(2, 0.5, 0.0, RATE) * decay).clip(-1, 1).astype(np.float32), RATE)
    return tmp_path


def random_show(folder: Path, seed: int) -> tuple[Path, Path]:
    """A script and a mix that nobody would write by hand."""
    rng = random.Random(seed)
    rows = ["---", "title: Random", "speakers:", "  Ada: {engine: fake}", "  Ben: {engine: fake, voice: high}", "---"]
    rows += ["", "Ada: The first line of them all."]
    for number in range(rng.randint(3, 8)):
        hint = rng.choice(HINTS)
        if rng.random() < 0.3:
            row, hint = rng.choice(ROWS), ""
            rows += ["", f"{row} {number}" if row.startswith("##") else row, ""]
        words = " ".join(rng.choices(WORDS, k=rng.randint(1, 12)))
        rows += [f"{('Ben', 'Ada')[number % 2]}: {hint}{words}."]
    (folder / f"s{seed}.md").write_text("\n".join(rows) + "\n")
    mix = [f"loudness: {rng.choice((-14, -16, -19, -23))}", f"compressor: {rng.choice(('true', 'false'))}"]
    if rng.random() < 0.7:
        mix += [f"music: {{file: bed.wav, level: {rng.randint(-12, 3)}, crossfade: 300ms}}"]
        mix += [f"positions: {{Ada: {rng.uniform(-1, 1):.2f}, Ben: {rng.uniform(-1, 1):.2f}}}"]
    (folder / f"m{seed}.yaml").write_text("\n".join(mix) + "\n")
    return folder / f"s{seed}.md", folder / f"m{seed}.yaml"


def check_peaks(folder: Path, seed: int) -> None:
    script, mix = random_show(folder, seed)
    format = ("mp3", "m4a", "opus", "ogg")[seed % 4]
    out = folder / f"x{seed}.{format}"
    report = episodes.render_episode(script, out, formats=["wav"], mix=mix, settings=load().settings)
    files = report.manifest["loudness"]["files"]
    assert measure(out.with_suffix(".wav")).true_peak_dbtp <= -1.0 + 0.05
    assert files[format]["true_peak_dbtp"] <= -1.0 + 0.5
    assert files[format]["within"] == (not report.warnings)


@pytest.mark.parametrize("seed", range(2))
def test_the_peak_is_kept_whatever_the_script(sounds: Path, seed: int) -> None:
    check_peaks(sounds, seed)


@pytest.mark.fuzz
def test_the_peak_is_kept_in_twenty_random_scripts(sounds: Path) -> None:
    for seed in range(2, 22):
        check_peaks(sounds, seed)


def test_no_join_clicks(sounds: Path) -> None:
    """Pure tones, so that whatever there is above 8 kHz was made where clips meet, overlap or are cut off."""
    rows = [f"{('Ada', 'Ben')[number % 2]}: {hint}Line number {number} here." for number, hint in enumerate(HINTS)]
    head = "---\nspeakers:\n  Ada: {engine: fake}\n  Ben: {engine: fake, voice: high}\n---\n"
    (sounds / "s.md").write_text(head + "\n".join(rows) + "\n")
    (sounds / "m.yaml").write_text("room_tone: false\nchannels: 2\nloudness: -24\n")
    report = episodes.render_episode(sounds / "s.md", sounds / "x.wav", mix=sounds / "m.yaml", settings=load().settings)
    samples = read_wav(sounds / "x.wav").samples[0]
    spectrum = np.fft.rfft(samples)
    spectrum[: round(8000 * len(samples) / RATE)] = 0
    above = np.abs(np.fft.irfft(spectrum, len(samples)))
    edges = [each[key] for each in report.manifest["segments"] for key in ("start_sec", "end_sec")]
    for edge in edges:
        near = above[max(0, round((edge - 0.02) * RATE)) : round((edge + 0.02) * RATE)]
        assert near.max(initial=0.0) < 10 ** (-62 / 20)
