"""Gates: each rejects the fault that it is for, and nothing else, on speech with known faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import corpus
from support.signals import wav

from demod_voice.analysis.speech_track import FRAME_S, SpeechTrack
from demod_voice.audio.resample import resample
from demod_voice.config.schema import keys
from demod_voice.config.settings import DEFAULTS, Gates
from demod_voice.dataset.judging.judge import GATES, reasons
from demod_voice.dataset.judging.measures import MEASURES, Judge

pytestmark = pytest.mark.slow

RATE = 24000
GATES_DEFAULT = DEFAULTS.dataset.gates
FINE = {
    "rms_dbfs": -20.0,
    "snr_db": 40.0,
    "clipping_ratio": 0.0,
    "hum_db": 0.0,
    "plosive_ratio": 0.0,
    "bandwidth_hz": 11000.0,
    "silence_ratio": 0.2,
    "dc_offset": 0.0,
    "reverb_s": 0.3,
    "chars_per_s": 15.0,
    "speech_s": 8.0,
}
Wave = np.ndarray


def judged(qc: Mapping[str, Any], gates: Gates = GATES_DEFAULT, **more: Any) -> tuple[str, ...]:
    return reasons(qc, gates, has_text=True, **more)


def test_a_fine_segment_passes():
    assert judged(FINE) == ()


@pytest.mark.parametrize(
    ("gate", "measure", "limit", "beyond"),
    [
        ("rms", "rms_dbfs", -40.0, -40.1),
        ("snr", "snr_db", 5.0, 4.9),
        ("clipping", "clipping_ratio", 0.001, 0.0011),
        ("hum", "hum_db", 15.0, 15.1),
        ("plosives", "plosive_ratio", 0.05, 0.0501),
        ("bandwidth", "bandwidth_hz", 5000.0, 4999.0),
        ("silence", "silence_ratio", 0.6, 0.601),
        ("dc", "dc_offset", 0.01, 0.0101),
        ("dc", "dc_offset", -0.01, -0.0101),
        ("reverb", "reverb_s", 1.2, 1.21),
        ("text", "chars_per_s", 4.0, 3.9),
        ("text", "chars_per_s", 30.0, 30.1),
    ],
)
def test_a_gate_stands_at_its_threshold(gate: str, measure: str, limit: float, beyond: float):
    assert judged({**FINE, measure: limit}) == ()
    assert judged({**FINE, measure: beyond}) == (gate,)


def test_a_measure_that_could_not_be_taken_rejects_nothing():
    assert judged({**dict.fromkeys(FINE), "chars_per_s": 15.0}) == ()
    assert reasons({}, GATES_DEFAULT, has_text=False) == ()


def test_a_missing_text_is_a_reason_only_where_there_are_texts():
    silent = {**FINE, "chars_per_s": None}
    assert judged(silent) == ("text",)
    assert reasons(silent, GATES_DEFAULT, has_text=False) == ()
    assert reasons({**FINE, "chars_per_s": 1.0}, GATES_DEFAULT, has_text=False) == ()
    assert judged({**silent, "speech_s": 0.0, "silence_ratio": 1.0}) == ("silence",), "no speech, so no text either"


@pytest.mark.parametrize(
    ("language", "passes"), [("en", False), ("", False), ("zh-CN", True), ("ja", True), ("ZH", True)]
)
def test_a_script_of_syllables_is_slower(language: str, passes: bool):
    assert (judged({**FINE, "chars_per_s": 3.0}, language=language) == ()) is passes


def test_the_speaker_is_judged_by_the_models_threshold_unless_one_is_set():
    assert judged(FINE, speaker_score=0.3, speaker_threshold=0.4) == ("speaker",)
    assert judged(FINE, speaker_score=0.4, speaker_threshold=0.4) == ()
    assert judged(FINE, speaker_score=None, speaker_threshold=0.4) == ()
    assert judged(FINE, speaker_score=0.3) == ()
    own = replace(GATES_DEFAULT, speaker_score_min=0.2)
    assert judged(FINE, own, speaker_score=0.3, speaker_threshold=0.4) == ()
    assert judged(FINE, own, speaker_score=0.1) == ("speaker",)


def test_reasons_are_told_in_the_order_of_the_gates():
    assert judged({**FINE, "dc_offset": 0.1, "rms_dbfs": -60.0, "snr_db": 0.0}) == ("rms", "snr", "dc")


def test_every_setting_belongs_to_a_gate_and_every_gate_to_a_measure():
    used = {key for gate in GATES for key in gate.keys}
    assert used == {name for name in keys() if name.startswith("dataset.gates.")} - {"dataset.gates.clipping_level"}
    assert {gate.measure for gate in GATES} - {""} <= {each.name for each in MEASURES}
    assert all(gate.sentence.endswith(".") for gate in GATES)
    assert len({gate.name for gate in GATES}) == len(GATES)
    assert {each.name for each in fields(Gates)} == {key.rpartition(".")[2] for key in used} | {"clipping_level"}


# ---- a corpus of known faults


@dataclass(frozen=True)
class Speech:
    """A minute of one speaker at 24 kHz, and where its segments are."""

    wave: Wave
    track: SpeechTrack
    segments: tuple[tuple[float, float, str], ...]


@pytest.fixture(scope="module")
def speech(module_engines: None) -> Speech:
    """Espeak's, a second speaker included, with the silence of a good room."""
    made = corpus.make(7, 60.0)
    wave = resample(made.clip, RATE).samples[0]
    middles = (np.arange(len(wave) / RATE // FRAME_S) + 0.5) * FRAME_S
    inside = np.zeros(len(middles), np.float32)
    for each in made.utterances:
        inside[(middles >= each.start_s) & (middles < each.end_s)] = 1.0
    segments = tuple((each.start_s - 0.15, each.end_s + 0.15, each.text) for each in made.utterances)
    assert len(segments) >= 8
    return Speech(wave, SpeechTrack(inside, "truth"), segments)


def rejected(
    folder: Path, speech: Speech, wave: Wave, texts: Callable[[str], str] = str, source: Wave | None = None
) -> list[tuple[str, ...]]:
    """The reasons of every segment; the source's clipping and offset are those of ``source`` (default: of the wave)."""
    source = wave if source is None else source
    path = wav(folder / "x.wav", np.clip(wave, -1, 1).reshape(1, -1).astype(np.float32), RATE, "pcm_s16le")
    loud = (np.abs(source) >= GATES_DEFAULT.clipping_level).astype(np.int64)
    counts = np.add.reduceat(loud, np.arange(0, len(loud), RATE // 100))
    judge = Judge(path, speech.track, counts, RATE, DEFAULTS.dataset, float(source.mean()))
    found = []
    for start_s, end_s, text in speech.segments:
        qc = judge.measure(round(start_s * RATE), round(end_s * RATE), texts(text))
        found.append(judged(qc, language="en"))
    return found


def echoed(wave: Wave, rt60_s: float) -> Wave:
    from scipy.signal import fftconvolve

    time_s = np.arange(round(rt60_s * RATE)) / RATE
    room = np.random.default_rng(1).standard_normal(len(time_s)) * 10 ** (-3 * time_s / rt60_s)
    room *= 0.7 / np.sqrt(np.sum(room**2))
    room[0] = 1.0
    return fftconvolve(wave, room)[: len(wave)]


def noisy(wave: Wave, snr_db: float) -> Wave:
    random = np.random.default_rng(3)
    return wave + corpus.pink(random, len(wave)) * np.sqrt(np.mean(wave[wave != 0] ** 2)) * 10 ** (-snr_db / 20)


def disturbed(kind: str) -> Callable[[Wave], Wave]:
    def make(wave: Wave) -> Wave:
        import soxr

        at_44 = soxr.resample(wave, RATE, corpus.RATE, quality="HQ")
        odd = corpus.disturbed(at_44, kind, np.random.default_rng(2))
        return soxr.resample(odd, corpus.RATE, RATE, quality="HQ")[: len(wave)]

    return make


def through_a_telephone(wave: Wave) -> Wave:
    import soxr

    return soxr.resample(soxr.resample(wave, RATE, 8000, quality="HQ"), 8000, RATE, quality="HQ")


FAULTS: dict[str, tuple[str, Callable[[Wave], Wave]]] = {
    "nothing": ("", lambda wave: wave),
    "soft noise": ("", lambda wave: noisy(wave, 20.0)),
    "a small room": ("", lambda wave: echoed(wave, 0.4)),
    "a louder master": ("", lambda wave: wave * 2),
    "too soft": ("rms", disturbed("quiet")),
    "loud noise": ("snr", lambda wave: noisy(wave, 1.0)),
    "hum of 50 Hz": ("hum", disturbed("hum50")),
    "hum of 60 Hz": ("hum", disturbed("hum60")),
    "telephone": ("bandwidth", through_a_telephone),
    "a telephone's filter": ("bandwidth", disturbed("telephone")),
    "a shift": ("dc", lambda wave: wave + 0.02),
    "a hall": ("reverb", lambda wave: echoed(wave, 2.5)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_rejected_by_its_gate_and_by_no_other(tmp_path: Path, speech: Speech, fault: str):
    gate, make = FAULTS[fault]
    found = rejected(tmp_path, speech, make(speech.wave))
    assert found == [(gate,) if gate else ()] * len(found)


def test_pops_of_breath_are_rejected(tmp_path: Path, speech: Speech):
    """Only where somebody speaks: in the pauses they are noise."""
    spoken = np.repeat(speech.track.probabilities, round(FRAME_S * RATE))
    pops = disturbed("pops")(np.zeros(len(speech.wave), np.float32))
    pops[: len(spoken)] *= spoken[: len(pops)]
    found = rejected(tmp_path, speech, speech.wave + pops)
    assert found == [("plosives",)] * len(found)


def test_a_clipped_source_is_rejected_though_it_was_turned_down(tmp_path: Path, speech: Speech):
    source = np.clip(speech.wave * 12, -1, 1)
    found = rejected(tmp_path, speech, source * 0.25, source=source)
    assert found == [("clipping",)] * len(found)


def test_texts_of_others_are_rejected(tmp_path: Path, speech: Speech):
    for wrong in (lambda text: text * 3, lambda text: text[:12], lambda text: ""):
        found = rejected(tmp_path, speech, speech.wave, texts=wrong)
        assert found == [("text",)] * len(found)


def test_long_silences_are_rejected(tmp_path: Path, speech: Speech):
    """Every segment widened by twice its own length of room tone."""
    start_s, end_s, text = speech.segments[0]
    first, last = round(start_s * RATE), round(end_s * RATE)
    tone = np.random.default_rng(1).standard_normal(2 * (last - first)) * 1e-4
    frames = round(len(tone) / RATE / FRAME_S)
    inside = speech.track.probabilities[round(start_s / FRAME_S) : round(end_s / FRAME_S)]
    track = SpeechTrack(np.concatenate([inside, np.zeros(frames, np.float32)]), "truth")
    wave = np.concatenate([speech.wave[first:last], tone])
    long = Speech(wave, track, ((0.0, len(wave) / RATE, text),))
    assert rejected(tmp_path, long, wave) == [("silence",)]


def test_every_gate_has_a_scale_of_nearness():
    from demod_voice.dataset.report.facts import SCALES

    assert {gate.measure for gate in GATES} - {""} == set(SCALES)
