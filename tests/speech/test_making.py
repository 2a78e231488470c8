"""Many lines in memory: the same takes as ``speak`` keeps, the same retries, and the cache of engines that draw."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from demod_voice.config.folders import cache_folder
from demod_voice.config.settings import EngineSettings
from demod_voice.errors import DemodError, EngineFailed, EngineRefused, UsageError
from demod_voice.media.wav import clip_of_wav, read_wav, wav_bytes, write_wav
from demod_voice.records.hashing import seed_from
from demod_voice.speech.making import Made
from demod_voice.speech.sounding import _levels, _speech_level
from demod_voice.speech.studio import Studio

TEXTS = (
    "A plain sentence, said once.",
    "<short> A sentence that is cut off too early, always.",
    "<edges> Silence around it.",
    "First sentence here. Second sentence here. Third sentence here. A fourth one.",
)


def made(studio: Studio, jobs: list) -> dict[int, Made | DemodError]:
    return dict(studio.make_many(jobs))


@pytest.mark.parametrize("enabled", [True, False])
def test_the_sound_is_the_one_of_the_take(tmp_path: Path, settings, job, enabled: bool) -> None:
    settings = replace(settings, cache=replace(settings.cache, enabled=enabled))
    jobs = [job(text, id=f"line-{n}") for n, text in enumerate(TEXTS)]
    with Studio(settings) as studio:
        found = made(studio, jobs)
        for number, each in enumerate(jobs):
            take, one = studio.speak(each, tmp_path), found[number]
            clip = read_wav(take.path)
            assert isinstance(one, Made)
            assert np.array_equal(one.clip.samples, clip.samples)
            assert one.clip.sample_rate == clip.sample_rate
            assert (one.words, one.degraded, one.model, one.attempt) == (
                take.words,
                take.degraded,
                take.model,
                take.attempt,
            )
            record = json.loads(take.path.with_suffix(".json").read_text())
            assert (one.encoding, one.best_of) == (record["encoding"], record["best_of"])


def test_the_cache_is_one_with_that_of_takes(tmp_path: Path, settings, job, log) -> None:
    with Studio(settings) as studio:
        first = made(studio, [job(TEXTS[0])])[0]
        again = made(studio, [job(TEXTS[0])])[0]
        take = studio.speak(job(TEXTS[0]), tmp_path)
    assert len(log.lines()) == 1
    assert take.cached
    assert isinstance(again, Made)
    assert (first.cached, again.cached) == (False, True)
    assert np.array_equal(first.clip.samples, again.clip.samples)
    assert replace(again, clip=first.clip, cached=False) == first


def test_a_damaged_entry_of_the_cache_is_a_miss(settings, job, log) -> None:
    with Studio(settings) as studio:
        first = made(studio, [job(TEXTS[0])])[0]
        (wav,) = (cache_folder() / "speech").rglob("*.wav")
        wav.write_bytes(wav.read_bytes()[:-2] + b"zz")
        again = made(studio, [job(TEXTS[0])])[0]
    assert len(log.lines()) == 2
    assert np.array_equal(first.clip.samples, again.clip.samples)


def test_the_best_of_bad_takes_is_not_cached(settings, job, log) -> None:
    with Studio(settings) as studio:
        first = made(studio, [job(TEXTS[1])])[0]
        made(studio, [job(TEXTS[1])])
    assert first.best_of == settings.attempts
    assert any(each.startswith("quality: ") for each in first.degraded)
    assert len(log.lines()) == 2 * settings.attempts


def test_off_says_nothing_of_flaws(settings, job) -> None:
    off = {"odd": EngineSettings(python=settings.engines.named["odd"].python, guards="off")}
    with Studio(replace(settings, engines=replace(settings.engines, named=off))) as studio:
        one = made(studio, [job(TEXTS[1])])[0]
    assert one.degraded == ("style.mood",)


def test_a_second_attempt_is_told(settings, job, log) -> None:
    lucky = seed_from(42, "line-1", 1)
    with Studio(settings) as studio:
        one = made(studio, [job("<fail> Luck is needed.", style={"lucky": lucky})])[0]
    assert (one.attempt, one.best_of) == (1, 0)


def test_each_failure_is_its_own_lines(settings, job) -> None:
    jobs = [
        job(text, id=str(n)) for n, text in enumerate((TEXTS[0], "<refuse> No.", "<silent> Nothing.", "...", TEXTS[2]))
    ]
    with Studio(settings) as studio:
        found = made(studio, jobs)
    kinds = [type(found[number]) for number in range(5)]
    assert kinds == [Made, EngineRefused, EngineFailed, UsageError, Made]


def test_only_what_is_wanted_is_spoken(settings, job, log) -> None:
    jobs = [job(text, id=str(n)) for n, text in enumerate(TEXTS)]
    with Studio(settings) as studio:
        found = dict(studio.make_many(jobs, wanted=[2]))
    assert list(found) == [2]
    assert len(log.lines()) == 1


@pytest.mark.parametrize("encoding", ["pcm_s16le", "pcm_s24le", "pcm_f32le"])
def test_a_wav_in_memory_is_the_file(tmp_path: Path, encoding: str) -> None:
    from demod_voice.audio.clip import Clip

    samples = np.random.default_rng(1).uniform(-1.2, 1.2, (2, 1001)).astype(np.float32)
    clip = Clip(samples, 16000)
    write_wav(tmp_path / "a.wav", clip, encoding)
    data = wav_bytes(clip, encoding)
    assert data == (tmp_path / "a.wav").read_bytes()
    assert np.array_equal(clip_of_wav(data).samples, read_wav(tmp_path / "a.wav").samples)
    whole = np.rint(samples.astype(np.float64) * 32768).clip(-32768, 32767) / 32768
    if encoding == "pcm_s16le":
        assert np.array_equal(clip_of_wav(data).samples, whole.astype(np.float32))


@pytest.mark.parametrize("count", [1, 2, 7, 10, 11, 250])
def test_the_speech_level_is_the_ninetieth_percentile(count: int) -> None:
    from demod_voice.audio.clip import mono

    levels = np.random.default_rng(count).uniform(-40.0, 0.0, count)
    assert _speech_level(levels) == pytest.approx(float(np.percentile(levels, 90)), abs=1e-12)
    wave = mono(np.full(165, 0.5), 16000)
    assert _levels(wave)[0] == pytest.approx(-6.0206, abs=1e-4)
    assert _levels(wave)[1] == pytest.approx(-6.0206 + 10 * np.log10(5 / 160), abs=1e-4)
