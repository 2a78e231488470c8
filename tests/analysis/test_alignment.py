"""Words are found where espeak said them: in clips, in long recordings, and where text and sound disagree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.corpus import Made, TrueWord, make
from support.signals import noise, wav

from demod_voice.analysis.alignment import AlignedWord, Alignment, align_clip, align_recording
from demod_voice.analysis.speech_detection import detect_speech
from demod_voice.analysis.speech_track import SpeechTrack
from demod_voice.audio.clip import Clip
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import SpeechRequest
from demod_voice.errors import EngineNotInstalled

pytestmark = pytest.mark.slow

UNSAID = "the quick brown fox jumps over the lazy dog while nobody is looking".split()


def text_of(made: Made) -> str:
    return " ".join(each.text for each in made.utterances)


def words_of(made: Made, number: int) -> list[TrueWord]:
    """The true words of one utterance."""
    before = sum(len(each.text.split()) for each in made.utterances[:number])
    return list(made.words[before : before + len(made.utterances[number].text.split())])


def errors_s(
    words: tuple[AlignedWord, ...] | list[AlignedWord], true: list[TrueWord] | tuple[TrueWord, ...]
) -> np.ndarray:
    assert [each.text for each in words] == [each.text for each in true]
    return np.array([abs(a.start_s - b.start_s) for a, b in zip(words, true, strict=True)])


def aligned(made: Made, text: str, folder: Path, pool: Pool, jobs: int = 2) -> Alignment:
    path = wav(folder / "a.wav", made.clip.samples, made.clip.sample_rate)
    track = detect_speech(path, folder, pool, jobs=jobs)
    found = align_recording(path, track, text, "en-us", pool, scratch=folder, jobs=jobs)
    assert sorted(folder.iterdir()) == [path]
    return found


def clip_of(made: Made, number: int, folder: Path) -> tuple[Path, float]:
    """A file with one utterance, and where it begins in the recording."""
    start = max(0.0, made.utterances[number].start_s - 0.2)
    rate = made.clip.sample_rate
    cut = made.clip.samples[:, round(start * rate) : round((made.utterances[number].end_s + 0.2) * rate)]
    return wav(folder / f"{number}.wav", cut, rate), start


def test_the_words_of_a_clip(interview: Made, tmp_path: Path, pool: Pool) -> None:
    every = []
    for number in range(3):
        path, start = clip_of(interview, number, tmp_path)
        found = align_clip(path, interview.utterances[number].text, "en", pool)
        true = words_of(interview, number)
        every.append(np.array([abs(a.start_s + start - b.start_s) for a, b in zip(found.words, true, strict=True)]))
        assert all(each.aligned for each in found.words)
        assert all(a.end_s <= b.start_s + 0.011 for a, b in zip(found.words, found.words[1:], strict=False))
        assert (found.engine, found.degraded) == ("pocketsphinx", ())
    assert np.median(np.concatenate(every)) < 0.03
    assert np.percentile(np.concatenate(every), 95) < 0.15


def test_a_word_that_no_dictionary_has_is_heard_by_its_sound(tmp_path: Path, pool: Pool) -> None:
    said = pool.speak("espeak", SpeechRequest("The captain painted a zorbleflimp without asking anyone.", "en-us"))
    path = wav(tmp_path / "a.wav", said.clip.samples, said.clip.sample_rate)
    found = align_clip(path, "The captain painted a zorbleflimp — without asking anyone.", "en-us", pool)
    (word,) = [each for each in found.words if each.text == "zorbleflimp"]
    (true,) = [each for each in said.words if each.text.startswith("zorbleflimp")]
    assert word.aligned
    assert abs(word.start_s - true.start_s) < 0.12
    assert abs(word.end_s - true.end_s) < 0.15
    assert [each.text for each in found.words if not each.aligned] == ["—"]


def test_a_language_that_nothing_aligns_is_refused(interview: Made, tmp_path: Path, pool: Pool) -> None:
    path, _ = clip_of(interview, 0, tmp_path)
    track = SpeechTrack(np.ones(100, np.float32), "vad")
    with pytest.raises(EngineNotInstalled, match="'de'"):
        align_clip(path, "Guten Tag", "de", pool)
    with pytest.raises(EngineNotInstalled, match="'de'"):
        align_recording(path, track, "Guten Tag", "de", pool, scratch=tmp_path, jobs=1)


def test_a_recording_with_its_transcript(interview: Made, tmp_path: Path, pool: Pool) -> None:
    found = aligned(interview, text_of(interview), tmp_path, pool)
    errors = errors_s(found.words, interview.words)
    assert all(each.aligned for each in found.words)
    assert np.median(errors) < 0.03
    assert np.percentile(errors, 95) < 0.15
    assert found.degraded == ()
    assert aligned(interview, text_of(interview), tmp_path, pool, jobs=1) == found


def test_text_that_was_not_said_takes_no_words_time(interview: Made, tmp_path: Path, pool: Pool) -> None:
    middle = len(interview.utterances) // 2
    before, after = interview.utterances[:middle], interview.utterances[middle:]
    text = [word for each in before for word in each.text.split()]
    place = len(text)
    text += [*UNSAID, *(word for each in after for word in each.text.split())]
    found = aligned(interview, " ".join(text), tmp_path, pool)
    kept = [*found.words[:place], *found.words[place + len(UNSAID) :]]
    assert np.percentile(errors_s(kept, interview.words), 90) < 0.15
    assert sum(each.aligned for each in found.words[place : place + len(UNSAID)]) <= 2
    assert f"of {len(text)} words lie between their neighbours" in found.degraded[0]


def test_speech_that_the_text_lacks_is_left_alone(interview: Made, tmp_path: Path, pool: Pool) -> None:
    left_out = len(interview.utterances) // 2
    kept = [n for n in range(len(interview.utterances)) if n != left_out]
    found = aligned(interview, " ".join(interview.utterances[n].text for n in kept), tmp_path, pool)
    true = [word for n in kept for word in words_of(interview, n)]
    assert np.percentile(errors_s(found.words, true), 90) < 0.15


def test_nothing_said_and_nothing_written(tmp_path: Path, pool: Pool) -> None:
    silent = Made(Clip(noise(1, 5.0, -70.0, 16000), 16000), (), (), ())
    found = aligned(silent, "Nobody says this.", tmp_path, pool)
    assert [each.text for each in found.words] == ["Nobody", "says", "this."]
    assert not any(each.aligned for each in found.words)
    assert "no time is more than a guess" in found.degraded[0]
    assert found.words[-1].end_s == pytest.approx(5.0, abs=0.1)
    assert aligned(silent, "  ", tmp_path, pool).words == ()


def test_ten_minutes_of_two_voices(tmp_path: Path, pool: Pool) -> None:
    made = make(21, 600.0, pool=pool)
    errors = errors_s(aligned(made, text_of(made), tmp_path, pool).words, made.words)
    assert np.median(errors) < 0.03
    assert np.percentile(errors, 95) < 0.12
    assert errors.max() < 1.0
