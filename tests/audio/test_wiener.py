"""Lanes, slabs and gains: pieces add up to the whole, and the gain is what the formula says."""

from __future__ import annotations

import numpy as np
import pytest
from pystoi import stoi as independent
from support.signals import noise, speechlike

from demod_voice.audio.intelligibility import si_sdr_db, stoi
from demod_voice.audio.wiener import LANES, Grid, Heard, Noise, Trial, gains, listen, reduced, untouched, wanders

RATE = 24000
GRID = Grid(RATE)
SHAPE = ((GRID.warm + GRID.lane) // GRID.hop, LANES)


def slab_of() -> np.ndarray:
    return noise(1, (GRID.before + GRID.slab) / RATE, -30.0, RATE)[0]


def joined(parts: list[np.ndarray]) -> np.ndarray:
    """Slabs in a row, their fading ends added."""
    out = np.zeros(len(parts) * GRID.slab + GRID.hop, np.float32)
    for number, part in enumerate(parts):
        out[number * GRID.slab : number * GRID.slab + len(part)] += part
    return out


@pytest.mark.parametrize(("rate", "size"), [(16000, 512), (22050, 512), (24000, 512), (44100, 1024), (48000, 1024)])
def test_windows_are_about_as_long_at_every_rate(rate, size):
    grid = Grid(rate)
    assert grid.size == size
    assert grid.lane % grid.hop == grid.warm % grid.hop == 0
    assert grid.slab / rate == pytest.approx(32.0, abs=0.1)


def test_without_a_share_the_sound_comes_back():
    samples = slab_of()
    ones = np.ones((LANES, GRID.hop + 1), np.float32)
    made = reduced(GRID, samples, ones, 18.0, np.zeros(SHAPE, np.float32))
    np.testing.assert_allclose(made[GRID.hop : -GRID.hop], samples[GRID.before : -GRID.hop], atol=1e-6)
    np.testing.assert_allclose(made, untouched(GRID, samples), atol=1e-6)


def test_slabs_add_up_to_the_whole():
    wave = noise(1, (GRID.before + 3 * GRID.slab) / RATE, -30.0, RATE)[0]
    parts = [untouched(GRID, wave[n * GRID.slab : n * GRID.slab + GRID.before + GRID.slab]) for n in range(3)]
    made = joined(parts)
    np.testing.assert_allclose(made[GRID.hop : 3 * GRID.slab], wave[GRID.before : -GRID.hop], atol=1e-6)


def test_noise_alone_goes_down_to_the_floor_and_no_further():
    samples = slab_of()
    heard = listen(GRID, samples, np.ones(SHAPE, bool))
    known = Noise([heard]).of(0)
    for most_db in (6.0, 12.0, 18.0):
        made = reduced(GRID, samples, known, most_db, np.ones(SHAPE, np.float32))
        before, after = (np.mean(each[GRID.hop : -GRID.hop] ** 2) for each in (samples[GRID.warm :], made))
        lower = 10 * np.log10(before / after)
        assert most_db - 0.6 < lower <= most_db + 1e-3


def test_the_gain_is_the_decision_directed_one():
    random = np.random.default_rng(1)
    power = random.exponential(4.0, (20, 2, 3)).astype(np.float32)
    level = np.full((2, 3), 0.7, np.float32)
    found = gains(power, level, 20.0)
    before = np.zeros((2, 3))
    for step in range(20):
        ratio = power[step] / (0.7 * 1.5)
        prior = 0.95 * before + 0.05 * np.maximum(ratio - 1, 0)
        gain = np.maximum(prior / (1 + prior), 0.1)
        np.testing.assert_allclose(found[step], gain, rtol=1e-4)
        before = gain**2 * ratio


def test_noise_is_learned_where_it_is_heard():
    sums = np.zeros((LANES, 3), np.float32)
    counts = np.zeros(LANES, np.int64)
    sums[2], counts[2] = 200.0, 100
    near = Noise([Heard(sums, counts), Heard(np.zeros_like(sums), np.zeros_like(counts))])
    assert (near.of(0) == 2.0).all()
    second = near.of(1)
    assert (second[:3] == 2.0).all(), "eight lanes away is near enough"
    assert (second[3:] == 0.0).all(), "nine are not"


def test_a_breath_teaches_nothing():
    samples = slab_of()
    pause = np.zeros(SHAPE, bool)
    pause[100:200] = True
    calm = Noise([listen(GRID, samples, pause)]).of(0)
    loud = samples.copy()
    loud[GRID.before + 20000 : GRID.before + 22000] *= 30.0
    breath = Noise([listen(GRID, loud, pause)]).of(0)
    assert 10 * np.log10(breath.mean() / calm.mean()) < 0.3


def test_steady_noise_does_not_wander_and_chords_do():
    samples = slab_of()
    pause = np.zeros(SHAPE, bool)
    pause[60:, ::2] = True
    steady = listen(GRID, samples, pause)
    assert steady.swing_db < 1.5
    assert not wanders(steady.swing_db, steady.change_db)
    time_s = np.arange(len(samples)) / RATE
    chords = sum(np.sin(2 * np.pi * hz * 2 ** ((time_s // 2 % 5) / 4) * time_s) for hz in (220, 277, 330))
    music = listen(GRID, (0.05 * chords).astype(np.float32) + samples * 0.03, pause)
    assert wanders(music.swing_db, music.change_db)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Trial(17.0, -0.002, 4.0), ""),
        (Trial(7.0, -0.002, 4.0), "hardly quieter"),
        (Trial(17.0, -0.03, 4.0), "intelligibility"),
        (Trial(17.0, -0.002, -0.5), "distorted"),
    ],
)
def test_what_speaks_against_a_reduction(found, words):
    assert (words in found.against(18.0)) if words else found.against(18.0) == ""
    if words == "hardly quieter":
        assert found.against(6.0) == "", "six asked, seven given"


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_intelligibility_agrees_with_another_implementation(snr_db):
    voice = speechlike(1, 20.0, RATE, level=0.3)[0].astype(np.float64)
    level = 20 * np.log10(np.sqrt(np.mean(voice**2))) - snr_db
    mixed = voice + noise(2, 20.0, level, RATE)[0]

    def spectra(wave: np.ndarray) -> np.ndarray:
        frames = np.lib.stride_tricks.sliding_window_view(wave, GRID.size)[:: GRID.hop] * GRID.window
        return np.fft.rfft(frames, axis=1).astype(np.complex64)[:, None]

    own = stoi(spectra(voice), spectra(mixed), GRID.hop / RATE, RATE / GRID.size)
    assert own == pytest.approx(independent(voice, mixed, RATE), abs=0.03)
    assert si_sdr_db(spectra(voice), spectra(mixed)) == pytest.approx(snr_db, abs=0.2)
