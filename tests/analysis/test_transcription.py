"""Clips are transcribed by the best engine that is there, each on its own, and the fallback says that it is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.corpus import Made
from support.signals import noise, sine, wav

from demod_voice.analysis.transcription import choose_recognizer, transcribe
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineCrashed, EngineNotInstalled, MediaError

pytestmark = pytest.mark.slow

RATE = 24000


def bursts(path: Path, count: int) -> Path:
    """A file with some bursts of sound."""
    one = np.concatenate([sine(300.0, 0.3, -12.0, RATE), np.zeros((1, RATE // 2), np.float32)], axis=1)
    return wav(path, np.tile(one, (1, count)), RATE)


def test_the_good_engine_is_taken_where_it_is(tmp_path: Path, pool_with_fakes: Pool) -> None:
    clips = [bursts(tmp_path / f"{count}.wav", count) for count in (3, 1, 2)]
    found = transcribe(clips, "de", pool_with_fakes, jobs=2)
    assert [each.text for each in found] == ["w1 w2 w3", "w1", "w1 w2"]
    assert {(each.engine, each.model, each.language, each.degraded, each.failure) for each in found} == {
        ("whisper", "bursts", "de", (), "")
    }
    assert found[0].words[1].start_s == pytest.approx(0.8, abs=0.02)
    assert transcribe(clips, "de", pool_with_fakes, jobs=1) == found
    assert transcribe([], "de", pool_with_fakes, jobs=1) == []


def test_without_it_english_falls_back_and_says_so(interview: Made, tmp_path: Path, pool: Pool) -> None:
    first = interview.utterances[0]
    rate = interview.clip.sample_rate
    clip = wav(tmp_path / "a.wav", interview.clip.samples[:, : round(first.end_s * rate)], rate)
    (found,) = transcribe([clip], "en-GB", pool, jobs=1)
    assert found.engine == "pocketsphinx"
    assert found.degraded == ("whisper is not installed; transcribed by pocketsphinx, and many of its words are wrong",)
    assert len(found.words) >= 3
    assert found.text == " ".join(each.text for each in found.words)
    assert all(0 <= (each.confidence or 0) <= 1 for each in found.words)
    assert 0 < (found.confidence or 0) < 1


def test_another_language_without_an_engine_is_refused(pool: Pool) -> None:
    with pytest.raises(EngineNotInstalled, match="'de'") as caught:
        choose_recognizer("de", pool)
    assert "engines install whisper" in (caught.value.hint or "")


def test_an_engine_that_was_named_is_taken(pool_with_fakes: Pool) -> None:
    assert choose_recognizer("en", pool_with_fakes, "pocketsphinx").engine == "pocketsphinx"
    assert choose_recognizer("en", pool_with_fakes).engine == "whisper"


def test_a_clip_that_kills_the_engine_stops_no_other(tmp_path: Path, pool_with_fakes: Pool) -> None:
    deadly = wav(tmp_path / "deadly.wav", np.ones((1, RATE), np.float32), RATE)
    good = bursts(tmp_path / "good.wav", 2)
    found = transcribe([good, deadly, good], "en", pool_with_fakes, jobs=1)
    assert [each.text for each in found] == ["w1 w2", "", "w1 w2"]
    assert "SIGABRT" in found[1].failure
    with pytest.raises(EngineCrashed):
        transcribe([deadly], "en", pool_with_fakes, jobs=1)


def test_a_clip_that_is_no_file_is_a_clear_error(tmp_path: Path, pool_with_fakes: Pool) -> None:
    with pytest.raises(MediaError, match=r"none\.wav"):
        transcribe([tmp_path / "none.wav"], "en", pool_with_fakes, jobs=1)


def test_silence_has_no_words(tmp_path: Path, pool_with_fakes: Pool) -> None:
    (found,) = transcribe([wav(tmp_path / "a.wav", noise(2, 1.0, -80.0, RATE), RATE)], "en", pool_with_fakes, jobs=1)
    assert (found.text, found.words) == ("", ())
