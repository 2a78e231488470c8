"""A line becomes a take: spoken by a real process, checked, retried, kept, reused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.gpus import card

from demod_voice.config.folders import cache_folder
from demod_voice.config.settings import EngineSettings
from demod_voice.errors import (
    EngineError,
    EngineFailed,
    EngineRefused,
    Fault,
    FaultsError,
    ModelMissing,
    OutputError,
    UsageError,
)
from demod_voice.media.wav import read_wav
from demod_voice.records.hashing import seed_from
from demod_voice.records.progress import Silent
from demod_voice.speech.studio import LineJob, Question, Studio
from demod_voice.voices.resolve import resolve

TEXT = "A plain sentence, said once."
LONG = " ".join(f"Sentence number {word} is here." for word in ("one", "two", "three", "four", "five"))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_take_is_the_engines_own_sound_with_its_story(tmp_path: Path, settings, job, log) -> None:
    with Studio(settings) as studio:
        take = studio.speak(job(TEXT), tmp_path / "takes")
    clip = read_wav(take.path)
    assert take.path == tmp_path / "takes" / f"{take.key[:32]}.wav"
    assert (clip.sample_rate, clip.num_samples, clip.num_channels) == (16_000, take.num_samples, 1)
    assert take.num_samples == round(len(TEXT) * 0.05 * 16_000)
    assert (take.spoken, take.cached, take.attempt, take.engine) == (True, False, 0, "odd")
    assert take.seed == seed_from(42, "line-1", 0)
    assert (take.model, take.model_revision, take.engine_output_version) == ("odd-1", "r1", 3)
    assert take.degraded == ("style.mood",)
    assert take.sha256 == hashlib.sha256(take.path.read_bytes()).hexdigest()
    assert take.words[0].end_s == pytest.approx(clip.duration_s, abs=0.001)
    assert take.text_spoken == TEXT
    record = json.loads(take.path.with_suffix(".json").read_text())
    assert record["key"] == take.key
    assert record["chunks"] == [hashlib.sha256(TEXT.encode()).hexdigest()]
    assert str(tmp_path) not in json.dumps(record)
    assert not {"time", "host", "seconds", "date"} & set(record)


def test_a_finished_take_is_not_spoken_again(tmp_path: Path, settings, job, log) -> None:
    with Studio(settings) as studio:
        first = studio.speak(job(TEXT), tmp_path)
        again = studio.speak(job(TEXT), tmp_path)
    assert len(log.lines()) == 1
    assert again == replace(first, spoken=False)


def test_a_damaged_take_is_spoken_again(tmp_path: Path, settings, job, log) -> None:
    uncached = replace(settings, cache=replace(settings.cache, enabled=False))
    with Studio(uncached) as studio:
        first = studio.speak(job(TEXT), tmp_path / "takes")
        before = files(tmp_path / "takes")
        for damage in (b"", first.path.read_bytes()[:-2] + b"zz"):
            first.path.write_bytes(damage)
            assert studio.speak(job(TEXT), tmp_path / "takes").spoken
            assert files(tmp_path / "takes") == before
        first.path.with_suffix(".json").write_text("{}")
        assert studio.speak(job(TEXT), tmp_path / "takes").spoken
    assert files(tmp_path / "takes") == before
    assert len(log.lines()) == 4


def test_another_folder_takes_it_from_the_cache(tmp_path: Path, settings, job, log) -> None:
    with Studio(settings) as studio:
        first = studio.speak(job(TEXT), tmp_path / "a")
        second = studio.speak(job(TEXT), tmp_path / "b")
    assert (second.spoken, second.cached) == (False, True)
    assert len(log.lines()) == 1
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert replace(second, path=first.path, spoken=True, cached=False) == first


def test_a_cache_that_is_off_is_not_used(tmp_path: Path, settings, job, log) -> None:
    off = replace(settings, cache=replace(settings.cache, enabled=False))
    with Studio(off) as studio:
        studio.speak(job(TEXT), tmp_path / "a")
        studio.speak(job(TEXT), tmp_path / "b")
    assert len(log.lines()) == 2
    assert not (cache_folder() / "speech").exists()
    assert files(tmp_path / "a") == files(tmp_path / "b")


@pytest.mark.slow
def test_deleting_the_cache_at_any_moment_harms_nothing(tmp_path: Path, settings, job) -> None:
    stop = threading.Event()

    def vandal() -> None:
        while not stop.is_set():
            shutil.rmtree(cache_folder(), ignore_errors=True)

    thread = threading.Thread(target=vandal)
    thread.start()
    try:
        with Studio(settings) as studio:
            for number in range(12):
                for folder in ("a", "b"):
                    studio.speak(job(TEXT, id=f"line-{number}"), tmp_path / folder)
    finally:
        stop.set()
        thread.join()
    assert len(files(tmp_path / "a")) == 24
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_a_long_line_is_spoken_in_chunks_and_joined(tmp_path: Path, settings, job, log) -> None:
    with Studio(settings) as studio:
        take = studio.speak(job(LONG), tmp_path)
    spoken = log.lines()
    assert len(spoken) > 1
    assert all(len(line.split(" ", 4)[4]) <= 60 for line in spoken)
    assert len({line.split()[0] for line in spoken}) == len(spoken), "every chunk has a seed of its own"
    assert " ".join(line.split(" ", 4)[4] for line in spoken) == take.text_spoken == LONG
    ends = [word.end_s for word in take.words]
    starts = [word.start_s for word in take.words]
    assert len(ends) == len(spoken)
    assert all(start >= end for start, end in zip(starts[1:], ends, strict=False))
    assert ends[-1] == pytest.approx(take.num_samples / take.sample_rate, abs=0.01)


def test_silence_at_the_edges_is_cut_and_written_down(tmp_path: Path, settings, job) -> None:
    with Studio(settings) as studio:
        take = studio.speak(job(f"<edges> {TEXT}"), tmp_path)
    record = json.loads(take.path.with_suffix(".json").read_text())
    assert take.num_samples / 16_000 == pytest.approx(len(TEXT) * 0.05 + 0.2, abs=0.01)
    assert record["trimmed_s"] == [[pytest.approx(0.95, abs=0.01), pytest.approx(1.85, abs=0.01)]]
    assert take.words[0].start_s == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize("kind", ["silent", "empty", "nan"])
def test_a_hopeless_take_fails_after_every_attempt_and_leaves_nothing(
    tmp_path: Path, settings, job, log, kind: str
) -> None:
    with Studio(settings) as studio:
        with pytest.raises(EngineFailed, match=r"empty|silent|not a number") as caught:
            studio.speak(job(f"<{kind}> {TEXT}"), tmp_path / "takes")
    assert caught.value.hint
    seeds = [int(line.split()[0]) for line in log.lines()]
    assert seeds == [seed_from(42, "line-1", attempt) for attempt in range(settings.attempts)]
    assert not list(tmp_path.glob("takes/*"))
    assert not list(cache_folder().rglob("*.wav"))


@pytest.mark.parametrize(
    "kind", ["silent", "fail", "long", "short", "flat", pytest.param("flood", marks=pytest.mark.slow)]
)
def test_a_bad_take_is_tried_again_with_another_seed(tmp_path: Path, settings, job, log, kind: str) -> None:
    lucky = seed_from(42, "line-1", 1)
    with Studio(settings) as studio:
        line = job(f"<{kind}> {TEXT}", style={"lucky": lucky})
        take = studio.speak(line, tmp_path / "a")
        assert (take.attempt, take.seed, take.degraded) == (1, lucky, ("style.mood",))
        assert take.key == studio.key(line, attempt=1) != studio.key(line)
        assert not studio.speak(line, tmp_path / "a").spoken
        assert len(log.lines()) == 2
        again = studio.speak(line, tmp_path / "b")
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert again.cached, "the second attempt is in the cache; the first one was made again"
    assert len(log.lines()) == 3


class Notes(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


def strict(settings, guards: str):
    """The settings with ``engines.odd.guards``."""
    odd = replace(settings.engines.named["odd"], guards=guards)
    return replace(settings, engines=replace(settings.engines, named={**settings.engines.named, "odd": odd}))


@pytest.mark.parametrize("kind", ["tail", "hiss", "cut", "long", "short"])
def test_an_engine_that_fails_twice_is_asked_a_third_time(tmp_path: Path, settings, job, log, kind: str) -> None:
    third = seed_from(42, "line-1", 2)
    told = Notes()
    with Studio(settings, progress=told) as studio:
        take = studio.speak(job(f"<{kind}> {TEXT}", style={"lucky": third}), tmp_path / "a")
    assert settings.attempts == 3
    assert (take.attempt, take.seed, take.degraded) == (2, third, ("style.mood",))
    assert len(log.lines()) == 3
    assert len(told.notes) == 2
    assert "attempt 3 of 3" in told.notes[1]
    with Studio(settings) as studio:
        assert not studio.speak(job(f"<{kind}> {TEXT}", style={"lucky": third}), tmp_path / "a").spoken


def test_report_keeps_the_first_take_and_says_what_is_wrong(tmp_path: Path, settings, job, log) -> None:
    line = job(f"<tail> {TEXT}", style={"lucky": seed_from(42, "line-1", 1)})
    with Studio(strict(settings, "report")) as studio:
        take = studio.speak(line, tmp_path)
        assert (take.attempt, len(log.lines())) == (0, 1)
        assert take.degraded[-1].startswith("quality: 1.5 s of sound after a pause")
        assert not studio.speak(line, tmp_path).spoken
        with pytest.raises(EngineFailed):
            studio.speak(job(f"<silent> {TEXT}"), tmp_path)


def test_off_says_nothing_of_flaws_and_the_next_strict_run_does(tmp_path: Path, settings, job, log) -> None:
    line = job(f"<tail> {TEXT}", style={"lucky": seed_from(42, "line-1", 1)})
    with Studio(strict(settings, "off")) as studio:
        assert studio.speak(line, tmp_path).degraded == ("style.mood",)
        assert not studio.speak(line, tmp_path).spoken
    with Studio(strict(settings, "report")) as studio:
        take = studio.speak(line, tmp_path)
        assert not take.spoken
        assert take.degraded[-1].startswith("quality: ")
    with Studio(settings) as studio:
        take = studio.speak(line, tmp_path)
        assert (take.attempt, take.degraded) == (1, ("style.mood",))
    assert not list(cache_folder().rglob(f"{studio.key(line)[:32]}*")), "a flawed take is not for other episodes"


@pytest.mark.parametrize("trouble", ["oom", "hang"])
def test_memory_or_time_that_runs_out_changes_no_seed(tmp_path: Path, settings, job, log, trouble: str) -> None:
    off = replace(settings, cache=replace(settings.cache, enabled=False))
    short = replace(off, engines=replace(off.engines, timeouts=replace(off.engines.timeouts, speak=0.4)))
    line = job(TEXT, style={"trouble": str(tmp_path / "trouble")})
    with Studio(short) as studio:
        studio.speak(line, tmp_path / "calm")
        (tmp_path / "trouble").write_text(trouble)
        assert studio.speak(line, tmp_path / "wild").attempt == 0
    assert files(tmp_path / "calm") == files(tmp_path / "wild")
    assert len({row.split()[0] for row in log.lines()}) == 1


def test_when_every_take_is_flawed_the_best_is_kept_and_says_so(tmp_path: Path, settings, job, log) -> None:
    with Studio(settings) as studio:
        take = studio.speak(job(f"<long> {TEXT}"), tmp_path)
        assert take.attempt == 0
        assert take.degraded[-1].startswith("quality: too long")
        assert not studio.speak(job(f"<long> {TEXT}"), tmp_path).spoken
    assert len(log.lines()) == settings.attempts
    assert not list(cache_folder().rglob("*.wav")), "a flawed take is not for other episodes"


def test_the_best_of_bad_takes_is_made_again_when_more_attempts_are_allowed(tmp_path: Path, settings, job, log) -> None:
    line = job(f"<long> {TEXT}", style={"lucky": seed_from(42, "line-1", 1)})
    with Studio(replace(settings, attempts=1)) as studio:
        assert studio.speak(line, tmp_path).attempt == 0
        assert not studio.speak(line, tmp_path).spoken
    with Studio(settings) as studio:
        assert (studio.speak(line, tmp_path).attempt, studio.speak(line, tmp_path).spoken) == (1, False)
    with Studio(replace(settings, attempts=1)) as studio:
        assert (studio.speak(line, tmp_path).attempt, studio.speak(line, tmp_path).spoken) == (0, False)
    assert len(log.lines()) == 3


@pytest.mark.parametrize(("kind", "error", "times"), [("fail", EngineFailed, 5), ("refuse", EngineRefused, 1)])
def test_a_failure_is_tried_as_often_as_configured_and_a_refusal_once(
    tmp_path: Path, settings, job, log, kind: str, error: type[Exception], times: int
) -> None:
    with Studio(replace(settings, attempts=5)) as studio:
        with pytest.raises(error):
            studio.speak(job(f"<{kind}> {TEXT}"), tmp_path)
    assert len(log.lines()) == times


def test_what_the_engine_does_not_do_is_told_or_done_by_the_core(tmp_path: Path, settings, job, log) -> None:
    with Studio(settings) as studio:
        plain = studio.speak(job(TEXT), tmp_path)
        take = studio.speak(job(TEXT, speed=2.0, pitch=1.5, volume_db=6.0, hints={"mood": "glad"}), tmp_path)
    assert take.degraded == ("pitch", "hint.mood", "style.mood")
    _, speed, pitch, volume, _ = log.lines()[1].split(" ", 4)
    assert (speed, pitch, volume) == ("2.0", "1.0", "0.0")
    assert take.num_samples == pytest.approx(plain.num_samples / 2, abs=2)
    peaks = [float(np.abs(read_wav(each.path).samples).max()) for each in (plain, take)]
    assert 20 * np.log10(peaks[1] / peaks[0]) == pytest.approx(6.0, abs=0.01)


def test_gain_beyond_full_scale_is_kept_not_clipped(tmp_path: Path, settings, job) -> None:
    with Studio(settings) as studio:
        take = studio.speak(job(TEXT, volume_db=20.0), tmp_path)
    assert float(np.abs(read_wav(take.path).samples).max()) == pytest.approx(2.5, rel=0.01)


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_same_files_whatever_the_threads_and_the_order(tmp_path: Path, settings, job, jobs: int) -> None:
    lines = [job(f"{TEXT} Number {number}.", id=f"line-{number}") for number in range(8)]
    off = replace(settings, cache=replace(settings.cache, enabled=False))
    with Studio(off) as studio:
        for line in lines:
            studio.speak(line, tmp_path / "calm")
    with Studio(off, jobs=jobs) as studio, ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda line: studio.speak(line, tmp_path / "wild"), reversed(lines)))
    assert files(tmp_path / "calm") == files(tmp_path / "wild")


def test_one_line_wanted_by_many_threads_is_spoken_once(tmp_path: Path, settings, job, log) -> None:
    line = job(TEXT)
    with Studio(settings, jobs=4) as studio, ThreadPoolExecutor(4) as pool:
        takes = list(pool.map(lambda _: studio.speak(line, tmp_path), range(8)))
    assert len(log.lines()) == 1
    assert sum(take.spoken for take in takes) == 1
    assert len({take.sha256 for take in takes}) == 1


def test_text_that_cannot_be_said(tmp_path: Path, settings, job, log) -> None:
    with Studio(settings) as studio:
        for text in ("", "...", "?! —", "\u200b \x00"):
            with pytest.raises(UsageError, match="nothing can be said"):
                studio.speak(job(text), tmp_path)
    assert not log.lines()


def test_verify_names_every_fault_at_once(settings, job) -> None:
    bad = job(TEXT, voice="lound")
    with Studio(settings) as studio:
        with pytest.raises(FaultsError) as caught:
            studio.verify(
                [
                    Question("Ada", job(TEXT)),
                    Question("Ben", bad),
                    Question("Ben", bad),
                    Question("Cleo", job("...")),
                    Question("Dan", job(TEXT, language="xx")),
                ]
            )
        assert len(caught.value.faults) == 3
        text = str(caught.value)
        assert "Ben: engine odd has no voice 'lound'" in text
        assert "did you mean loud" in text
        assert "Cleo: nothing can be said" in text
        assert "Dan: engine odd does not speak 'xx'" in text
        studio.verify([Question("Ada", job(TEXT)), Question("Eve", job(TEXT, voice="en-gb+f1"))])


def test_verify_gives_every_fault_its_place_and_tells_what_was_known_before(settings, job) -> None:
    bad = job(TEXT, voice="lound")
    asked = [Question("Ada", bad, 9, 3), Question("Ada", bad, 10, 3), Question("Ben", bad, 11, 4)]
    asked += [Question("Ben", job("..."), 12, 4)]
    with Studio(settings) as studio, pytest.raises(FaultsError) as caught:
        studio.verify(asked, source="show.md", faults=[Fault(2, "unknown key titel")])
    assert [fault.line for fault in caught.value.faults] == [2, 3, 4, 12]
    assert "show.md:4: Ben: engine odd has no voice 'lound'" in str(caught.value)


def test_verify_puts_an_engine_that_does_not_start_among_the_faults(settings, job) -> None:
    gone = replace(settings, engines=replace(settings.engines, named={"odd": EngineSettings(python="/no/such/python")}))
    asked = [Question("Ada", job(TEXT), 9, 3), Question("Ben", job(TEXT, voice="loud"), 10, 4)]
    with Studio(gone) as studio:
        with pytest.raises(EngineError):
            studio.verify(asked)
        with pytest.raises(FaultsError) as caught:
            studio.verify(asked, faults=[Fault(2, "unknown key titel")])
    assert [fault.line for fault in caught.value.faults] == [2, 3, 4]
    assert "/no/such/python" in caught.value.faults[1].message


def test_verify_starts_no_engine_whose_lines_are_finished(tmp_path: Path, settings, job) -> None:
    asked = [Question("Ada", job(TEXT)), Question("Ben", job(TEXT, voice="loud", id="line-2"))]
    with Studio(settings) as studio:
        for each in asked:
            studio.speak(each.job, tmp_path)
    gone = replace(settings, engines=replace(settings.engines, named={"odd": EngineSettings(python="/no/such/python")}))
    with Studio(gone) as studio:
        studio.verify(asked, tmp_path)
        with pytest.raises(EngineError):
            studio.verify([*asked, Question("Cleo", job("Something new."))], tmp_path)
        with pytest.raises(EngineError):
            studio.verify(asked)
        next(tmp_path.glob("*.wav")).unlink()
        with pytest.raises(EngineError):
            studio.verify(asked, tmp_path)


def test_an_emoji_is_not_said_and_a_line_without_one_keeps_its_take(tmp_path: Path, settings, job) -> None:
    with Studio(settings) as studio:
        take = studio.speak(job(f"{TEXT} \U0001f389"), tmp_path)
        assert take.text_spoken == TEXT
        assert take.key == studio.key(job(TEXT))


def test_a_device_that_does_not_exist_is_refused_even_when_nothing_is_left_to_speak(
    tmp_path: Path, settings, job, monkeypatch, machine
) -> None:
    line = job(TEXT)
    with Studio(settings) as studio:
        studio.speak(line, tmp_path)
    info = replace(line.voice.engine, gpu=True)
    asked = [Question("Ada", replace(line, voice=replace(line.voice, engine=info)))]
    with Studio(settings) as studio:
        studio.verify(asked, tmp_path)
    with pytest.raises(UsageError, match="cuda:0 does not exist"), Studio(replace(settings, device="cuda:0")) as studio:
        studio.verify(asked, tmp_path)
    machine.has(card(0))
    told: list[str] = []
    monkeypatch.setattr(Silent, "note", lambda _self, message: told.append(message))
    with Studio(replace(settings, device="cuda:0"), progress=Silent()) as studio:
        studio.verify([Question("Ada", line)] * 2, tmp_path)
    assert told == ["engine odd computes on the CPU only: device cuda:0 is not for it"]


def test_streaming_gives_sound_and_keeps_nothing(tmp_path: Path, settings, job) -> None:
    with Studio(settings) as studio:
        clips = list(studio.stream(job(LONG, volume_db=-6.0)))
        with pytest.raises(EngineFailed, match="no sound"):
            list(studio.stream(job("<silent> Hello there.")))
    samples = np.concatenate([clip.samples for clip in clips], axis=1)
    assert samples.shape[1] / 16_000 > 0.05 * (len(LONG) - 6)
    assert float(np.abs(samples).max()) == pytest.approx(0.25 * 10 ** (-6 / 20), rel=0.01)
    assert not list(cache_folder().rglob("*.wav"))


def test_a_folder_that_cannot_be_made(tmp_path: Path, settings, job) -> None:
    (tmp_path / "file").write_text("x")
    with Studio(settings) as studio, pytest.raises(OutputError):
        studio.speak(job(TEXT), tmp_path / "file" / "takes")


class TestKey:
    """A key changes with everything that a take depends on, and with nothing else."""

    @pytest.mark.parametrize(
        "change",
        [
            {"text": "Another sentence."},
            {"id": "line-2"},
            {"seed": 43},
            {"language": "de"},
            {"voice": "loud"},
            {"speaker": "0"},
            {"speed": 1.2},
            {"volume_db": 1.0},
            {"style": {"mood": "glad"}},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_what_it_depends_on(self, settings, job, change: dict) -> None:
        with Studio(settings) as studio:
            text = change.pop("text", TEXT)
            assert studio.key(job(text, **change)) != studio.key(job(TEXT))

    def test_what_it_does_not_depend_on(self, settings, job) -> None:
        with Studio(settings) as studio, Studio(replace(settings, jobs=3, device="cpu"), jobs=3) as other:
            plain = studio.key(job(TEXT))
            assert other.key(job(TEXT)) == plain
            assert studio.key(job(f"  {TEXT} ")) == plain
            assert studio.key(job(TEXT, pitch=1.3)) == plain, "the engine has no pitch: it is asked for the same"
            assert studio.key(job(TEXT, hints={"mood": "glad"})) == plain
            line = job(TEXT)
            renamed = replace(line, voice=replace(line.voice, name="other", consent="self", licence="x"))
            assert studio.key(renamed) == plain

    def test_threads_engine_and_its_version(self, settings, job) -> None:
        line = job(TEXT)
        newer = replace(line, voice=replace(line.voice, engine=replace(line.voice.engine, output_version=4)))
        threads = replace(settings, engines=replace(settings.engines, threads=2))
        with Studio(settings) as studio, Studio(threads) as wide:
            assert len({studio.key(line), studio.key(newer), wide.key(line)}) == 3

    def test_an_engine_without_seeds_shares_its_takes(self, settings, job) -> None:
        line = job(TEXT)
        plain = replace(line.voice, engine=replace(line.voice.engine, seeded=False))
        with Studio(settings) as studio:
            keys = {
                studio.key(LineJob(name, TEXT, plain, "en", seed), at)
                for name, seed, at in [("a", 1, 0), ("b", 2, 0), ("b", 2, 1)]
            }
        assert len(keys) == 1

    def test_the_content_of_the_model_not_its_name(self, tmp_path: Path, settings) -> None:
        def key(path: Path) -> str:
            with Studio(settings) as studio:
                return studio.key(LineJob("a", TEXT, resolve(settings, engine="odd", model=str(path)), "en", 1))

        one, two = tmp_path / "one.bin", tmp_path / "two.bin"
        one.write_bytes(b"weights")
        two.write_bytes(b"weights")
        plain = key(one)
        assert key(two) == plain
        os.utime(one, (1, 1))
        assert key(one) == plain
        (tmp_path / "one.bin.json").write_text("{}")
        with_settings = key(one)
        assert with_settings != plain
        one.write_bytes(b"Weights")
        assert key(one) not in (plain, with_settings)

    def test_an_adapter_folder_by_what_is_in_it(self, tmp_path: Path, settings, job) -> None:
        def key(folder: Path) -> str:
            line = job(TEXT)
            voice = replace(line.voice, voice=replace(line.voice.voice, adapter=str(folder)))
            with Studio(settings) as studio:
                return studio.key(replace(line, voice=voice))

        for name in ("a", "b"):
            (tmp_path / name / "sub").mkdir(parents=True)
            (tmp_path / name / "sub" / "weights").write_bytes(b"x")
        plain = key(tmp_path / "a")
        assert key(tmp_path / "b") == plain
        (tmp_path / "b" / "sub" / "weights").rename(tmp_path / "b" / "weights")
        assert key(tmp_path / "b") != plain
        shutil.rmtree(tmp_path / "b")
        with pytest.raises(ModelMissing):
            key(tmp_path / "b")

    def test_a_changed_model_is_seen_by_a_running_studio(self, tmp_path: Path, settings) -> None:
        path = tmp_path / "one.bin"
        path.write_bytes(b"weights")
        line = LineJob("a", TEXT, resolve(settings, engine="odd", model=str(path)), "en", 1)
        with Studio(settings) as studio:
            before = studio.key(line)
            path.write_bytes(b"other")
            assert studio.key(line) != before
