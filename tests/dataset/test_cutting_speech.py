"""Cuts in real speech of known words, found by the real detector: none inside a word, and each with its own text."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.corpus import RATE, Made, TrueWord, make, pink
from support.signals import wav

from demod_voice.analysis.speech_detection import detect_speech
from demod_voice.audio.clip import Clip
from demod_voice.audio.resample import resample
from demod_voice.config.settings import DEFAULTS, Engines, EngineSettings, Segments
from demod_voice.dataset.cutting.cut import CutResult, Sound, TimedText, cut
from demod_voice.engines.pool import Pool
from demod_voice.formats.rttm import Turn

pytestmark = pytest.mark.slow

LATE_S = 2.2
"""The subtitles are off by so much."""


@dataclasses.dataclass(frozen=True)
class Heard:
    """A recording with its truth, and what the detector heard in it."""

    made: Made
    sound: Sound


def noisy(made: Made, snr_db: float) -> Clip:
    wave = made.clip.samples[0]
    spoken = np.concatenate([wave[round(u.start_s * RATE) : round(u.end_s * RATE)] for u in made.utterances])
    level = float(np.sqrt(np.mean(spoken**2))) * 10 ** (-snr_db / 20)
    return Clip((wave + pink(np.random.default_rng(4), len(wave)) * level).astype(np.float32).reshape(1, -1), RATE)


@pytest.fixture(scope="module", params=["clean", "pink"])
def heard(request: pytest.FixtureRequest, engine_python: Callable[[str], Path], tmp_path_factory) -> Heard:
    """Ninety seconds of two speakers, clean or with pink noise 20 dB under the speech."""
    folder = tmp_path_factory.mktemp("heard")
    named = {name: EngineSettings(python=str(engine_python(name))) for name in ("espeak", "vad")}
    with Pool(dataclasses.replace(DEFAULTS, device="cpu", engines=Engines(named=named)), jobs=2) as pool:
        made = make(23, 90.0, pool=pool)
        clip = resample(made.clip if request.param == "clean" else noisy(made, 20.0), 24000)
        track = detect_speech(wav(folder / "a.wav", clip.samples, 24000), folder, pool, jobs=2)
    frames = clip.samples[0][: clip.num_samples // 240 * 240].reshape(-1, 240)
    levels = 10 * np.log10(np.maximum(np.mean(frames.astype(np.float64) ** 2, axis=1), 1e-12))
    return Heard(made, Sound(track, levels.astype(np.float32), clip.num_samples / 24000))


def cut_words(result: CutResult, words: tuple[TrueWord, ...]) -> list[tuple[float, str]]:
    """Edges that lie inside a word; espeak tells its words to 3 ms."""
    edges = [edge for each in result.cuts for edge in (each.start_s, each.end_s)]
    return [(edge, word.text) for edge in edges for word in words if word.start_s + 0.003 < edge < word.end_s - 0.003]


def said_in(result: CutResult, words: tuple[TrueWord, ...]) -> list[list[TrueWord]]:
    return [[word for word in words if each.start_s <= word.start_s < each.end_s] for each in result.cuts]


def subtitles(made: Made) -> list[TimedText]:
    """Late, shown a little longer than spoken, and for as long as there is time."""
    starts = [*(each.start_s for each in made.utterances[1:]), 1e9]
    return [
        TimedText(u.start_s + LATE_S, min(u.end_s + 1.0, after - 0.05) + LATE_S, u.text, u.speaker)
        for u, after in zip(made.utterances, starts, strict=True)
    ]


@pytest.mark.parametrize("settings", [Segments(), Segments(min_s=2.0, max_s=6.0)])
def test_no_word_is_cut(heard, settings):
    result = cut(heard.sound, settings)
    assert cut_words(result, heard.made.words) == []
    found = [word for words in said_in(result, heard.made.words) for word in words]
    assert len(found) > 0.75 * len(heard.made.words)
    assert all(settings.min_s <= round(each.end_s - each.start_s, 3) <= settings.max_s for each in result.cuts)


def test_what_is_left_out_is_what_has_a_row(heard):
    result = cut(heard.sound, Segments())
    for word in heard.made.words:
        middle = (word.start_s + word.end_s) / 2
        assert sum(each.start_s <= middle <= each.end_s for each in (*result.cuts, *result.dropped)) == 1


def test_margins_hold_nobodys_speech(heard):
    for each in cut(heard.sound, Segments()).cuts:
        before = [word.end_s for word in heard.made.words if word.start_s < each.start_s]
        assert each.start_s >= max(before, default=0.0) - 0.003
        assert 0.05 <= round(each.speech_start_s - each.start_s, 3) <= 0.15


def test_every_segment_has_its_own_words(heard):
    result = cut(heard.sound, Segments(), subtitles(heard.made))
    assert len(result.cuts) >= 4
    assert "moved by -2." in result.notes[0]
    assert cut_words(result, heard.made.words) == []
    for each, words in zip(result.cuts, said_in(result, heard.made.words), strict=True):
        assert each.text.split() == [word.text for word in words]
        assert {word.speaker for word in words} == {each.speaker}


def test_lines_that_end_in_the_middle_of_a_sentence(heard):
    """Five words a line, whatever the pauses: still every segment has its own words."""
    words = heard.made.words
    groups = [[w for w in words if u.start_s <= (w.start_s + w.end_s) / 2 <= u.end_s] for u in heard.made.utterances]
    pieces = [group[at : at + 5] for group in groups for at in range(0, len(group), 5)]
    lines = [
        TimedText(piece[0].start_s - 0.1, piece[-1].end_s + 0.1, " ".join(w.text for w in piece), piece[0].speaker)
        for piece in pieces
    ]
    result = cut(heard.sound, Segments(), lines)
    assert len(result.cuts) >= 4
    for each, own in zip(result.cuts, said_in(result, words), strict=True):
        assert each.text.split() == [word.text for word in own]


def test_turns_keep_speakers_apart(heard):
    turns = [Turn(each.start_s, each.end_s, each.speaker) for each in heard.made.utterances]
    result = cut(heard.sound, Segments(), turns=turns)
    assert len(result.cuts) >= 4
    for each, words in zip(result.cuts, said_in(result, heard.made.words), strict=True):
        assert {word.speaker for word in words} == {each.label}
