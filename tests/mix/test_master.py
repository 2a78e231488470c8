"""Mastering: the loudness and the peak that were promised, heard by another meter; dither; blocks that leave no trace."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
from support.signals import noise, sine, speechlike, wav

from demod_voice.media.wav import read_wav, wav_info
from demod_voice.mix import master as mastering
from demod_voice.mix.dither import CELL, tpdf
from demod_voice.mix.limiter import context_samples, gains
from demod_voice.mix.loudness import measure
from demod_voice.mix.master import MasterReport, master

RATE = 24000


def heard(path: Path) -> float:
    """Loudness by another implementation."""
    clip = read_wav(path)
    meter = pyloudnorm.Meter(clip.sample_rate, filter_class="DeMan")
    return float(meter.integrated_loudness(clip.samples.T.astype(np.float64)))


def mastered(tmp_path: Path, samples, target: float = -19.0, seed: int = 1) -> tuple[MasterReport, Path]:
    premix = wav(tmp_path / "premix.wav", samples, RATE)
    out = tmp_path / "master.wav"
    return master(premix, out, target, -1.0, seed), out


@pytest.mark.parametrize("target", [-23.0, -19.0, -16.0, -14.0])
@pytest.mark.parametrize("level", [0.03, 0.1, 0.9])
def test_the_target_is_met_and_the_ceiling_kept(tmp_path: Path, target: float, level: float) -> None:
    found, out = mastered(tmp_path, speechlike(1, 12.0, RATE, level), target)
    assert found.on_target
    assert heard(out) == pytest.approx(target, abs=0.1)
    assert measure(out).true_peak_dbtp <= -0.95
    assert wav_info(out).encoding == "pcm_s16le"
    assert wav_info(out).num_samples == 12 * RATE


def test_without_a_peak_in_the_way_it_is_one_gain_and_no_limiter(tmp_path: Path) -> None:
    samples = noise(1, 8.0, -40.0, RATE)
    found, out = mastered(tmp_path, samples)
    assert not found.limited
    ratio = read_wav(out).samples[0] / np.maximum(np.abs(samples[0]), 1e-3) * np.sign(samples[0])
    strong = np.abs(samples[0]) > 0.005
    assert 20 * np.log10(np.median(ratio[strong])) == pytest.approx(found.gain_db, abs=0.01)


def test_lone_peaks_are_limited_and_the_rest_is_left_alone(tmp_path: Path) -> None:
    samples = sine(440.0, 8.0, -20.0, RATE)
    peaks = np.arange(RATE, 7 * RATE, RATE)
    samples[0, peaks] = 0.95
    found, out = mastered(tmp_path, samples, -16.0)
    assert found.limited
    assert found.on_target
    made = read_wav(out).samples[0]
    quiet = slice(RATE + RATE // 4, RATE + RATE // 2)
    gain = np.float32(10 ** (found.gain_db / 20))
    assert np.abs(made[quiet] - samples[0, quiet] * gain).max() < 3 / 32768


def test_what_cannot_be_met_is_said(tmp_path: Path) -> None:
    """Clicks a second apart: their loudness cannot rise without passing the ceiling."""
    samples = np.zeros((1, 10 * RATE), np.float32)
    samples[0, ::RATE] = 0.9
    found, out = mastered(tmp_path, samples, -14.0)
    assert not found.on_target
    assert measure(out).true_peak_dbtp <= -0.9


def test_what_is_nearly_silent_is_not_brought_up_without_end(tmp_path: Path) -> None:
    found, _ = mastered(tmp_path, noise(1, 3.0, -66.0, RATE))
    assert found.gain_db == 40.0
    assert not found.on_target


def test_silence_stays_silent(tmp_path: Path) -> None:
    found, out = mastered(tmp_path, np.zeros((1, 2 * RATE), np.float32))
    assert not found.on_target
    assert not read_wav(out).samples.any()


def test_pauses_are_digital_silence(tmp_path: Path) -> None:
    samples = speechlike(1, 6.0, RATE)
    samples[:, 2 * RATE : 3 * RATE] = 0.0
    _, out = mastered(tmp_path, samples)
    assert not read_wav(out).samples[0, 2 * RATE : 3 * RATE].any()


def test_stereo_channels_get_the_same_gain(tmp_path: Path) -> None:
    left = speechlike(1, 8.0, RATE, 0.8)
    samples = np.concatenate([left, left * np.float32(0.25)])
    samples[0, 4 * RATE] = 0.99
    found, out = mastered(tmp_path, samples, -14.0)
    assert found.limited
    made = read_wav(out).samples
    strong = np.abs(made[1]) > 0.02
    assert np.median(made[0][strong] / made[1][strong]) == pytest.approx(4.0, abs=0.01)


@pytest.mark.parametrize("target", [-19.0, -14.0])
def test_the_block_size_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: float) -> None:
    samples = speechlike(2, 9.0, RATE, 0.9)
    hashes = set()
    for block in (1 << 18, 4096, 10007):
        monkeypatch.setattr(mastering, "BLOCK", block)
        _, out = mastered(tmp_path, samples, target)
        hashes.add(hashlib.sha256(out.read_bytes()).hexdigest())
    assert len(hashes) == 1


def test_the_seed_is_of_the_dither_only(tmp_path: Path) -> None:
    samples = speechlike(2, 4.0, RATE)
    _, out = mastered(tmp_path, samples, seed=1)
    first = read_wav(out).samples
    _, out = mastered(tmp_path, samples, seed=2)
    second = read_wav(out).samples
    assert (first != second).any()
    assert np.abs(first - second).max() <= 2.01 / 32768


# ---------------------------------------------------------------------------------------------------------- dither


def test_dither_is_triangular_and_white() -> None:
    found = tpdf(7, 0, 1 << 18).astype(np.float64)
    assert abs(found.mean()) < 0.005
    assert found.var() == pytest.approx(1 / 6, rel=0.02)
    assert np.abs(found).max() <= 1.0
    counts = np.histogram(found, bins=20, range=(-1, 1))[0] / len(found)
    centres = np.linspace(-0.95, 0.95, 20)
    assert counts == pytest.approx((1 - np.abs(centres)) / 10, abs=0.002)
    lagged = np.corrcoef(found[:-1], found[1:])[0, 1]
    assert abs(lagged) < 0.01


@pytest.mark.parametrize(
    ("start", "count"), [(0, 10), (CELL - 3, 7), (5 * CELL, CELL), (123_456, 3 * CELL + 1), (9, 0)]
)
def test_dither_depends_on_the_absolute_sample_alone(start: int, count: int) -> None:
    whole = tpdf(3, 0, 9 * CELL)
    assert np.array_equal(tpdf(3, start, count), whole[start : start + count])


def test_seeds_and_channels_have_other_dither() -> None:
    one = tpdf(1, 0, 1000)
    assert not np.array_equal(one, tpdf(2, 0, 1000))
    assert not np.array_equal(one, tpdf(1, 0, 1000, channel=1))


def test_dither_takes_the_distortion_out_of_a_very_soft_tone(tmp_path: Path) -> None:
    """A sine of 0.8 LSB: rounded bare it has harmonics; with dither its own level and no third harmonic to speak of."""
    soft = np.float32(0.8 / 32768) * np.sin(2 * np.pi * 1000 * np.arange(4 * RATE) / RATE).astype(np.float32)
    made = mastering._dithered(soft.reshape(1, -1), 0, 1)[0]
    spectrum = np.abs(np.fft.rfft(made)) / len(made) * 2
    tone, third = spectrum[4 * 1000], spectrum[4 * 3000]
    assert tone == pytest.approx(0.8, abs=0.05)
    assert 20 * np.log10(third / tone) < -35.0


# ---------------------------------------------------------------------------------------------------------- limiter


def test_the_limiter_is_exactly_one_where_nothing_is_loud() -> None:
    assert (gains(speechlike(1, 2.0, RATE, 0.3), RATE, 0.9) == 1.0).all()


@pytest.mark.parametrize("seed", range(6))
def test_the_limiter_keeps_the_true_peak(tmp_path: Path, seed: int) -> None:
    samples = noise(seed, 2.0, -6.0, RATE)
    ceiling = 10 ** (-1.0 / 20)
    made = samples * gains(samples, RATE, ceiling)
    peak = measure(wav(tmp_path / "x.wav", made, RATE)).true_peak_dbtp
    assert peak <= -1.0 + 0.3


def test_the_gain_moves_smoothly_and_only_near_the_peak() -> None:
    samples = np.zeros((1, RATE), np.float32)
    samples[0, RATE // 2] = 2.0
    curve = gains(samples, RATE, 0.9)
    touched = np.flatnonzero(curve < 1.0)
    reach = context_samples(RATE)
    assert touched.min() >= RATE // 2 - reach
    assert touched.max() <= RATE // 2 + reach
    assert np.abs(np.diff(curve)).max() < 0.02
    assert curve[RATE // 2] * 2.0 <= 0.9 + 1e-6
