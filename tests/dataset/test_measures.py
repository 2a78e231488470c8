"""Each measure against signals of known value, and against signals that fooled such measures before."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from support.signals import noise, sine, wav

from demod_voice.analysis.speech_track import FRAME_S, SpeechTrack
from demod_voice.config.settings import DEFAULTS
from demod_voice.dataset.judging.measures import MEASURES, OF_THE_TEXT, Judge, pace

RATE = 24000
WORD_S, PAUSE_S = 1.6, 0.64
"""Whole frames of the speech track."""
Wave = np.ndarray


def track_of(seconds: float, spans: Sequence[tuple[float, float]]) -> SpeechTrack:
    """A track that is sure of every frame."""
    middles = (np.arange(math.ceil(seconds / FRAME_S)) + 0.5) * FRAME_S
    found = np.zeros(len(middles), np.float32)
    for start, stop in spans:
        found[(middles >= start) & (middles < stop)] = 1.0
    return SpeechTrack(found, "vad")


def words(count: int) -> list[tuple[float, float]]:
    """Places of ``count`` words of 1.6 s with 0.64 s before each and after the last."""
    return [(n * (WORD_S + PAUSE_S) + PAUSE_S, (n + 1) * (WORD_S + PAUSE_S)) for n in range(count)]


def gated(wave: Wave, spans: Sequence[tuple[float, float]], rate: int = RATE) -> Wave:
    """The wave inside the spans, silence elsewhere."""
    inside = np.zeros(len(wave), np.float32)
    for start, stop in spans:
        inside[round(start * rate) : round(stop * rate)] = 1.0
    return wave * inside


@cache
def voiced(pitch_hz: float, seconds: float, level: float = 0.1, rate: int = RATE, tilt: float = 1.0) -> Wave:
    """A voice of steady pitch: harmonics that fall by 6 dB an octave (``tilt`` 1), in syllables of 4 Hz."""
    samples = round(seconds * rate)
    time_s = np.arange(samples) / rate
    period = np.arange(1 << 12) / (1 << 12)
    count = int(min(0.45 * rate, 5000) / pitch_hz)
    one = sum(np.sin(2 * np.pi * n * period + n * n) / n**tilt for n in range(1, count + 1))
    made = np.interp(time_s * pitch_hz % 1, np.append(period, 1.0), np.append(one, one[0]))
    made = made * (0.6 - 0.4 * np.cos(2 * np.pi * 4 * time_s))
    return (level * made / np.std(made)).astype(np.float32)


class Made:
    """A recording whose speech is known, and its judge."""

    def __init__(
        self, folder: Path, wave: Wave, spans: Sequence[tuple[float, float]], rate: int = RATE, **more: object
    ):
        self.wave, self.rate = wave, rate
        path = wav(folder / "recording.wav", wave.reshape(1, -1).astype(np.float32), rate)
        settings = {"clipped": None, "native_rate": 44100, "settings": DEFAULTS.dataset, **more}
        self.judge = Judge(path, track_of(len(wave) / rate, spans), **settings)  # type: ignore[arg-type]

    def measure(self, start_s: float = 0.0, end_s: float | None = None, text: str = "") -> dict[str, float | None]:
        last = len(self.wave) if end_s is None else round(end_s * self.rate)
        return self.judge.measure(round(start_s * self.rate), last, text)


def spoken(folder: Path, pitch_hz: float = 140.0, count: int = 4, added: Wave | float = 0.0, **more: object) -> Made:
    spans = words(count)
    seconds = count * (WORD_S + PAUSE_S) + PAUSE_S
    return Made(folder, gated(voiced(pitch_hz, seconds), spans) + added, spans, **more)


SECONDS = 4 * (WORD_S + PAUSE_S) + PAUSE_S


def test_every_measure_has_a_definition_and_is_what_is_stored(tmp_path: Path):
    found = spoken(tmp_path).measure(text="Some words")
    assert tuple(found) == tuple(each.name for each in MEASURES if each.name not in OF_THE_TEXT)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert all(each.unit and each.title and each.definition.endswith(".") for each in MEASURES)


@pytest.mark.parametrize("level_dbfs", [-6.0, -23.0, -60.0])
def test_rms_is_that_of_the_speech_alone(tmp_path: Path, level_dbfs: float):
    spans = words(4)
    tone = gated(sine(440, SECONDS, level_dbfs, RATE)[0], spans)
    assert Made(tmp_path, tone, spans).measure()["rms_dbfs"] == pytest.approx(level_dbfs - 3.01, abs=0.1)


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 5.0, 20.0, 40.0])
@pytest.mark.parametrize("colour", ["white", "pink"])
def test_speech_to_noise_is_that_of_the_mixture(tmp_path: Path, snr_db: float, colour: str):
    level = -20.0 - snr_db
    hiss = noise(3, SECONDS, level, RATE)[0] if colour == "white" else pink(3, SECONDS, level)
    found = spoken(tmp_path, added=hiss).measure()["snr_db"]
    assert found == pytest.approx(snr_db, abs=1.0 if snr_db > -5 else 2.0)


def pink(seed: int, seconds: float, rms_dbfs: float) -> Wave:
    spectrum = np.fft.rfft(noise(seed, seconds, 0.0, RATE)[0])
    made = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 20)), round(seconds * RATE))
    return (made / made.std() * 10 ** (rms_dbfs / 20)).astype(np.float32)


def test_the_noise_of_a_segment_without_gaps_is_looked_for_beside_it(tmp_path: Path):
    spans = [(3.2, 9.6)]
    wave = gated(voiced(140, 12.8), spans) + noise(1, 12.8, -50.0, RATE)[0]
    wave[round(12.2 * RATE) :] *= 30
    made = Made(tmp_path, wave, spans)
    assert made.measure(3.3, 9.5)["snr_db"] == pytest.approx(30.0, abs=1.0), "the nearest second, not the loud end"


def test_noise_that_cannot_be_seen_is_not_guessed(tmp_path: Path):
    wave = voiced(140, 20.0)
    assert Made(tmp_path, wave, [(0.0, 20.0)]).measure(8, 14)["snr_db"] is None


def test_digital_silence_counts_as_rounding_to_16_bits(tmp_path: Path):
    assert spoken(tmp_path).measure()["snr_db"] == pytest.approx(101.1 - 20.0, abs=0.5)


def test_a_shifted_recording_is_no_noise(tmp_path: Path):
    found = spoken(tmp_path, added=0.05 + noise(1, SECONDS, -60.0, RATE)[0], dc_offset=0.05).measure()
    assert found["snr_db"] == pytest.approx(40.0, abs=1.0)
    assert found["dc_offset"] == 0.05


def test_clipping_is_what_was_counted_in_the_source(tmp_path: Path):
    counts = np.zeros(2000, np.int64)
    counts[100:200] = 44
    made = spoken(tmp_path, clipped=counts, native_rate=44100)
    assert made.measure(0.5, 2.5)["clipping_ratio"] == pytest.approx(100 * 44 / (2 * 44100), abs=1e-6)
    assert made.measure(2.5, 4.5)["clipping_ratio"] == 0.0
    assert spoken(tmp_path).measure()["clipping_ratio"] is None


@pytest.mark.parametrize("mains_hz", [50.0, 60.0, 49.9])
def test_hum_is_found_under_speech_with_its_frequency(tmp_path: Path, mains_hz: float):
    hum = sum(sine(mains_hz * n, SECONDS, -46.0 - 3 * n, RATE)[0] for n in range(1, 6))
    found = spoken(tmp_path, added=hum + noise(1, SECONDS, -60.0, RATE)[0]).measure()
    assert found["hum_hz"] == pytest.approx(mains_hz, abs=0.2)
    assert found["hum_db"] > 20


@pytest.mark.parametrize("level_dbfs", [-52.0, -40.0])
def test_hum_is_as_loud_as_it_stands_over_the_noise_beside_it(tmp_path: Path, level_dbfs: float):
    hiss_dbfs = -50.0
    hum = sine(100.0, SECONDS, level_dbfs, RATE)[0] + noise(1, SECONDS, hiss_dbfs, RATE)[0]
    beside_dbfs = hiss_dbfs + 10 * math.log10(40 / (RATE / 2))
    assert spoken(tmp_path, added=hum).measure()["hum_db"] == pytest.approx(level_dbfs - 3.01 - beside_dbfs, abs=2.0)


def test_hum_that_nobody_hears_does_not_stand_out_of_silence(tmp_path: Path):
    hum = sine(100.0, SECONDS, -67.0, RATE)[0] + noise(1, SECONDS, -95.0, RATE)[0]
    found = spoken(tmp_path, added=hum).measure()
    assert found["hum_hz"] == pytest.approx(50.0, abs=0.2)
    assert found["hum_db"] == pytest.approx(-67 - 3 + 20 + 55, abs=1.0), "50 dB under the speech"


@pytest.mark.parametrize("pitch_hz", [100.0, 120.0, 150.0, 180.0, 240.0, 300.0])
def test_a_voice_at_a_multiple_of_mains_is_no_hum(tmp_path: Path, pitch_hz: float):
    found = spoken(tmp_path, pitch_hz, added=noise(1, SECONDS, -60.0, RATE)[0]).measure()
    assert (found["hum_db"], found["hum_hz"]) == (0.0, None)


def test_noise_is_no_hum(tmp_path: Path):
    for seed in range(4):
        assert spoken(tmp_path, added=noise(seed, SECONDS, -30.0, RATE)[0]).measure()["hum_db"] == 0.0


def popped(wave: Wave, places_s: Sequence[float], length_s: float = 0.1, level: float = 0.5) -> Wave:
    """The wave with bursts of breath: 45 Hz under a hump, as a pop's pressure is."""
    made = wave.copy()
    time_s = np.arange(round(length_s * RATE)) / RATE
    burst = level * np.sin(2 * np.pi * 45 * time_s) * np.sin(np.pi * time_s / length_s) ** 0.5
    for place in places_s:
        start = round(place * RATE)
        made[start : start + len(burst)] += burst
    return made.astype(np.float32)


@pytest.mark.parametrize("count", [0, 2, 5, 10])
def test_the_plosive_ratio_is_the_time_in_pops_over_that_of_speech(tmp_path: Path, count: int):
    spans = words(4)
    places = [0.8 + 0.75 * number for number in range(count)]
    wave = popped(gated(voiced(180, SECONDS), spans), places)
    found = Made(tmp_path, wave, spans).measure()["plosive_ratio"]
    assert found == pytest.approx(count * 0.1 / (4 * WORD_S), rel=0.25, abs=1e-9)


@pytest.mark.parametrize(
    ("pitch_hz", "tilt"), [(50.0, 0.5), (62.0, 1.0), (90.0, 1.0), (80.0, 2.0), (90.0, 2.0), (113.0, 3.0)]
)
def test_a_low_voice_does_not_pop(tmp_path: Path, pitch_hz: float, tilt: float):
    """Also one that is hardly more than its fundamental."""
    spans = words(4)
    wave = gated(voiced(pitch_hz, SECONDS, tilt=tilt), spans)
    assert Made(tmp_path, wave, spans).measure()["plosive_ratio"] == 0.0


def test_voice_bars_hums_rumble_and_hum_are_no_pops(tmp_path: Path):
    spans = words(4)
    wave = gated(voiced(95, SECONDS), spans)
    bars = [(start + k * 0.3, start + k * 0.3 + 0.08) for start, _ in spans for k in range(1, 5)]
    bar = sine(95, SECONDS, -31.0, RATE)[0]
    inside = gated(np.ones(len(wave), np.float32), bars)
    barred = wave * (1 - inside) + bar * inside
    hummed = wave + gated(sine(110, SECONDS, -12.0, RATE)[0], [(2.4, 2.8)])
    rumbling = wave + sine(31, SECONDS, -18.0, RATE)[0]
    for odd in (barred, hummed, rumbling):
        assert Made(tmp_path, odd, spans).measure()["plosive_ratio"] == 0.0


@pytest.mark.parametrize("rt60_s", [0.2, 0.5, 1.0, 2.0])
def test_the_decay_is_that_of_the_room(tmp_path: Path, rt60_s: float):
    """Noise that stops, and falls as a room of a known time lets it."""
    seconds, spans = 16.0, [(n * 3.2, n * 3.2 + 1.6) for n in range(5)]
    time_s = np.arange(round(seconds * RATE)) / RATE
    since = np.full(len(time_s), np.inf)
    for start, stop in spans:
        after = (time_s >= start) & (time_s < start + 3.2)
        since[after] = np.maximum(0.0, time_s[after] - stop)
    decaying = noise(1, seconds, -20.0, RATE)[0] * 10 ** (-3 * since / rt60_s)
    wave = decaying + noise(2, seconds, -75.0, RATE)[0]
    assert Made(tmp_path, wave, spans).measure()["reverb_s"] == pytest.approx(rt60_s, rel=0.15)


def test_a_decay_that_is_not_seen_is_not_guessed(tmp_path: Path):
    assert Made(tmp_path, voiced(140, 12.0), [(0.0, 12.0)]).measure()["reverb_s"] is None


def test_speech_without_a_room_decays_at_once(tmp_path: Path):
    assert spoken(tmp_path, added=noise(2, SECONDS, -75.0, RATE)[0]).measure()["reverb_s"] < 0.15


def hissing(seconds: float, rate: int) -> Wave:
    """A voice whose every syllable ends in a hiss: all frequencies, as speech has."""
    time_s = np.arange(round(seconds * rate)) / rate
    hiss = np.diff(noise(5, seconds, -30.0, rate)[0], prepend=0.0) * (np.sin(2 * np.pi * 4 * time_s) < -0.8)
    return (voiced(140, seconds, rate=rate) + hiss).astype(np.float32)


@pytest.mark.parametrize("edge_hz", [3400.0, 4000.0, 8000.0])
@pytest.mark.parametrize("rate", [22050, 24000, 48000])
def test_the_bandwidth_of_filtered_speech_is_the_filters(tmp_path: Path, edge_hz: float, rate: int):
    from scipy.signal import ellip, sosfiltfilt

    wave = sosfiltfilt(ellip(8, 0.5, 60, edge_hz, fs=rate, output="sos"), hissing(SECONDS, rate))
    made = Made(tmp_path, gated(wave, words(4), rate), words(4), rate)
    assert made.measure()["bandwidth_hz"] == pytest.approx(edge_hz, rel=0.15)


@pytest.mark.parametrize("hiss_dbfs", [-60.0, -90.0])
def test_telephone_sound_is_found_after_it_was_resampled(tmp_path: Path, hiss_dbfs: float):
    import soxr

    narrow = soxr.resample(hissing(SECONDS, 8000), 8000, RATE, quality="HQ")
    wave = gated(narrow, words(4)) + noise(1, len(narrow) / RATE, hiss_dbfs, RATE)[0]
    assert Made(tmp_path, wave, words(4)).measure()["bandwidth_hz"] == pytest.approx(3900, rel=0.1)


def test_the_bandwidth_of_whole_speech_is_the_rates(tmp_path: Path):
    wave = gated(hissing(SECONDS, RATE), words(4))
    assert Made(tmp_path, wave, words(4)).measure()["bandwidth_hz"] > 11000
    noisy = wave + noise(1, SECONDS, -28.0, RATE)[0]
    assert Made(tmp_path, noisy, words(4)).measure()["bandwidth_hz"] > 11000, "noise is no narrow band"


def test_silence_is_what_is_no_speech(tmp_path: Path):
    found = spoken(tmp_path).measure()
    assert found["silence_ratio"] == pytest.approx(1 - 4 * WORD_S / SECONDS, abs=0.01)
    assert found["speech_s"] == pytest.approx(4 * WORD_S, abs=0.1)


def test_a_segment_without_speech_has_no_measures_of_it(tmp_path: Path):
    found = Made(tmp_path, noise(1, 8.0, -40.0, RATE)[0], []).measure(text="Hello")
    assert (found["silence_ratio"], found["speech_s"]) == (1.0, 0.0)
    of_speech = ("rms_dbfs", "snr_db", "plosive_ratio", "bandwidth_hz", "chars_per_s", "syllables_per_s")
    assert {found[name] for name in of_speech} == {None}


def test_silence_itself_can_be_measured(tmp_path: Path):
    found = Made(tmp_path, np.zeros(RATE * 8, np.float32), words(3)).measure(text="Hello")
    assert found["rms_dbfs"] == -200.0
    assert found["snr_db"] == -30.0


def test_the_pace_counts_letters_and_words():
    assert pace("Café, 1984!", 2.0) == {"chars_per_s": 4.0, "words_per_min": 60.0}
    assert pace("...", 2.0) == pace("Word", 0.0) == {"chars_per_s": None, "words_per_min": None}


@pytest.mark.parametrize("per_s", [3.0, 4.0, 6.0])
def test_syllables_are_counted_without_a_text(tmp_path: Path, per_s: float):
    time_s = np.arange(round(SECONDS * RATE)) / RATE
    tone = sum(sine(160 * n, SECONDS, -20 - 6 * n, RATE)[0] for n in range(1, 6))
    wave = gated((tone * (0.55 - 0.45 * np.cos(2 * np.pi * per_s * time_s))).astype(np.float32), words(4))
    assert Made(tmp_path, wave, words(4)).measure()["syllables_per_s"] == pytest.approx(per_s, rel=0.15)


def test_a_segment_of_a_few_samples_is_measured(tmp_path: Path):
    made = spoken(tmp_path)
    for samples in (0, 1, 100, 500, 3000):
        found = made.judge.measure(20000, 20000 + samples, "x")
        assert tuple(found) == tuple(each.name for each in MEASURES if each.name not in OF_THE_TEXT)


def test_measures_are_the_same_from_threads(tmp_path: Path):
    made = spoken(tmp_path, count=8, added=noise(1, 8 * (WORD_S + PAUSE_S) + PAUSE_S, -60.0, RATE)[0])
    spans = [(n * RATE, (n + 6) * RATE) for n in range(12)]
    alone = [made.judge.measure(*span, "Some words") for span in spans]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda span: made.judge.measure(*span, "Some words"), spans)) == alone


def test_the_threshold_of_speech_is_the_setting(tmp_path: Path):
    path = wav(tmp_path / "a.wav", voiced(140, 8.0).reshape(1, -1), RATE)
    track = SpeechTrack(np.full(250, 0.6, np.float32), "vad")
    high = replace(DEFAULTS.dataset, segments=replace(DEFAULTS.dataset.segments, speech_threshold=0.7))
    for settings, speech_s in ((DEFAULTS.dataset, 8.0), (high, 0.0)):
        found = Judge(path, track, None, RATE, settings).measure(0, 8 * RATE, "")
        assert found["speech_s"] == pytest.approx(speech_s, abs=0.02)
