"""The meter against the EBU's published values and against two independent implementations."""

from __future__ import annotations

import numpy as np
import pyebur128
import pyloudnorm
import pytest
from support.signals import noise, sine, speechlike, tones, wav

from demod_voice.audio.fades import raised_cosine
from demod_voice.mix.loudness import NO_LOUDNESS, Meter, TruePeak, k_weighting, measure

RATES = (24000, 44100, 48000)
QUIET = (-72.0, 10.0)
EBU_3341 = {
    "1": ([(-23.0, 20.0)], -23.0),
    "2": ([(-33.0, 20.0)], -33.0),
    "3": ([(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)], -23.0),
    "4": ([QUIET, (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), QUIET], -23.0),
    "5": ([(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)], -23.0),
}
"""EBU Tech 3341, table 1: 1 kHz tones in both channels, and what they must read within 0.1 LU."""
EBU_3342 = {
    "1": ([(-20.0, 20.0), (-30.0, 20.0)], 10.0),
    "2": ([(-20.0, 20.0), (-15.0, 20.0)], 5.0),
    "3": ([(-40.0, 20.0), (-20.0, 20.0)], 20.0),
    "4": ([(-50.0, 20.0), (-35.0, 20.0), (-20.0, 20.0), (-35.0, 20.0), (-50.0, 20.0)], 15.0),
}
"""EBU Tech 3342, table 1: the loudness range within 1 LU."""


def raised_cosine_edges(length: int, edge: int) -> np.ndarray:
    """A hard start is a real overshoot between the samples; the EBU's tones begin softly."""
    fade = raised_cosine(edge)
    return np.concatenate([fade, np.ones(length - 2 * edge, np.float32), fade[::-1]])


def metered(samples, sample_rate: int, blocks: int = 1) -> Meter:
    meter = Meter(sample_rate, samples.shape[0])
    for piece in np.array_split(samples, blocks, axis=1):
        meter.push(piece)
    return meter


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("case", EBU_3341)
def test_integrated_loudness_of_the_ebu_signals(case: str, sample_rate: int) -> None:
    levels, expected = EBU_3341[case]
    assert metered(tones(levels, sample_rate), sample_rate).integrated() == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("case", EBU_3342)
def test_loudness_range_of_the_ebu_signals(case: str, sample_rate: int) -> None:
    levels, expected = EBU_3342[case]
    assert metered(tones(levels, sample_rate), sample_rate).loudness_range() == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize(
    ("divisor", "phase", "expected"), [(4, 0, -6.0), (4, 45, -6.0), (6, 60, -6.0), (8, 67.5, -6.0)]
)
def test_true_peak_of_the_ebu_signals(divisor: int, phase: float, expected: float) -> None:
    """EBU Tech 3341, cases 15-18: tones at a fraction of the rate whose samples miss the peak; +0.2/-0.4 dB."""
    tone = sine(48000 / divisor, 0.5, expected, 48000, np.radians(phase))
    tone *= raised_cosine_edges(tone.shape[1], 480)
    meter = metered(tone, 48000)
    assert expected - 0.4 <= meter.true_peak_dbtp() <= expected + 0.2


def test_a_peak_between_samples_is_seen_that_no_sample_shows() -> None:
    meter = metered(sine(12000, 0.2, 0.0, 48000, np.radians(45)), 48000)
    assert meter.sample_peak_dbfs() == pytest.approx(-3.01, abs=0.01)
    assert meter.true_peak_dbtp() == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_the_meter_agrees_with_libebur128(sample_rate: int, channels: int) -> None:
    levels = np.repeat(np.array([0.02, 0.1, 0.05, 0.3], np.float32), 15 * sample_rate)
    samples = np.concatenate([speechlike(seed, 60.0, sample_rate, 1.0) for seed in range(channels)]) * levels
    mode = pyebur128.MeasurementMode
    modes = mode.MODE_I | mode.MODE_LRA | mode.MODE_TRUE_PEAK
    peer = pyebur128.R128State(channels, sample_rate, modes)
    peer.add_frames(np.ascontiguousarray(samples.T.astype(np.float64)).ravel(), samples.shape[1])
    meter = metered(samples, sample_rate)
    assert meter.integrated() == pytest.approx(pyebur128.get_loudness_global(peer), abs=0.02)
    assert meter.loudness_range() == pytest.approx(
        pyebur128.get_loudness_range(peer), abs=1.0
    )  # the tolerance of Tech 3342
    theirs = 20 * np.log10(max(pyebur128.get_true_peak(peer, channel) for channel in range(channels)))
    assert meter.true_peak_dbtp() == pytest.approx(theirs, abs=0.2)


@pytest.mark.parametrize("sample_rate", RATES)
def test_the_meter_agrees_with_pyloudnorm(sample_rate: int) -> None:
    samples = speechlike(3, 15.0, sample_rate)
    peer = pyloudnorm.Meter(sample_rate, filter_class="DeMan").integrated_loudness(samples[0].astype(np.float64))
    assert metered(samples, sample_rate).integrated() == pytest.approx(peer, abs=0.02)


def test_the_filter_is_the_standard_s_table_at_48_khz() -> None:
    """BS.1770-4 annex 1, tables 1 and 2."""
    shelf, high_pass = k_weighting(48000)
    table = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585]
    assert shelf == pytest.approx(table, abs=1e-9)
    assert high_pass[3:] == pytest.approx([1.0, -1.99004745483398, 0.99007225036621], abs=1e-9)


@pytest.mark.parametrize("blocks", [2, 7, 501])
def test_block_sizes_do_not_change_a_number(blocks: int) -> None:
    samples = np.concatenate([speechlike(seed, 6.0, 24000) for seed in (1, 2)])
    whole, cut = metered(samples, 24000), metered(samples, 24000, blocks)
    assert cut.integrated() == pytest.approx(whole.integrated(), abs=1e-9)
    assert cut.loudness_range() == pytest.approx(whole.loudness_range(), abs=1e-9)
    assert cut.true_peak_dbtp() == pytest.approx(whole.true_peak_dbtp(), abs=1e-5)


def test_the_skipped_blocks_of_the_peak_meter_hold_no_higher_peak() -> None:
    """The shortcut is exact: measured against every block looked at."""
    samples = speechlike(5, 4.0, 24000)
    samples[0, 31_111] = 0.9
    quick, slow = TruePeak(1), TruePeak(1)
    slow._most = 1e9
    for each in (quick, slow):
        each.push(samples)
    assert quick.value() == slow.value()


def test_twice_the_amplitude_is_six_decibels() -> None:
    samples = noise(1, 5.0, -30.0, 48000)
    soft, loud = metered(samples, 48000), metered(samples * np.float32(2.0), 48000)
    assert loud.integrated() - soft.integrated() == pytest.approx(6.0206, abs=1e-3)


def test_two_equal_channels_are_three_decibels_louder_than_one() -> None:
    samples = noise(1, 5.0, -30.0, 48000)
    one, two = metered(samples, 48000), metered(np.tile(samples, (2, 1)), 48000)
    assert two.integrated() - one.integrated() == pytest.approx(3.0103, abs=1e-3)


@pytest.mark.parametrize("seconds", [0.0, 0.3, 2.0])
def test_silence_and_what_is_too_short_has_no_loudness(seconds: float) -> None:
    meter = metered(np.zeros((1, round(seconds * 24000)), np.float32), 24000)
    assert meter.integrated() == NO_LOUDNESS
    assert meter.loudness_range() == 0.0


def test_a_file_is_measured_like_its_samples(tmp_path) -> None:
    samples = speechlike(4, 8.0, 24000)
    found = measure(wav(tmp_path / "x.wav", samples, 24000))
    assert found.lufs == pytest.approx(metered(samples, 24000).integrated(), abs=0.001)
    assert found.duration_s == pytest.approx(8.0)
