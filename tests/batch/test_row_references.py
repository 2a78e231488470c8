"""Rows that take their voice from a recording: prepared once by content, asked for consent, and told when they are gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.batch_rows import contents, rows_of, run_rows

from demod_voice.audio.clip import mono
from demod_voice.batch.speech.task import SpeechTask
from demod_voice.batch.types import DONE, FAILED
from demod_voice.errors import ModelMissing, UsageError
from demod_voice.media.wav import wav_info, write_wav

Make = Callable[..., SpeechTask]


def recording(path: Path, pitch: float = 150.0, seconds: float = 6.5) -> Path:
    """A tone that comes and goes, as a voice does."""
    at = np.arange(int(seconds * 16000)) / 16000
    wave = 0.3 * np.sin(2 * np.pi * pitch * at) * (np.sin(2 * np.pi * 1.5 * at) > 0)
    write_wav(path, mono(wave.astype(np.float32), 16000))
    return path


def test_equal_recordings_are_prepared_once(make: Make, tmp_path: Path, together_engine: Path) -> None:
    recording(tmp_path / "a.wav")
    (tmp_path / "copy.wav").write_bytes((tmp_path / "a.wav").read_bytes())
    recording(tmp_path / "b.wav", 220.0)
    table = rows_of(
        [
            {"text": "Hello you.", "output": f"{n}.wav", "engine": "together", "reference": name, "speaker": "Ann"}
            for n, name in enumerate(("a.wav", "copy.wav", "b.wav", "a.wav"))
        ]
    )
    with make(consent="self") as task:
        assert [task.faults(row) for row in table] == [[]] * 4
        references = tmp_path / "out" / "batch.demod" / "references"
        assert not references.exists(), "only a row that is spoken needs its clip"
        assert task.verify_voices() == []
        done = run_rows(task, table)
    clips = sorted(references.iterdir())
    assert len(clips) == 2
    assert wav_info(clips[0]).sample_rate == 24000
    assert {record.status for record, _ in done.values()} == {DONE}
    facts = done[1][0].facts["voice"]
    assert (facts["name"], facts["consent"]) == ("Ann", "self")
    assert str(tmp_path) not in repr(facts)
    assert done[1][0].sha256 != done[3][0].sha256


def test_a_statement_of_consent_is_told_by_its_hash(make: Make, tmp_path: Path, together_engine: Path) -> None:
    recording(tmp_path / "a.wav")
    (tmp_path / "consent.txt").write_text("I agree.")
    row = rows_of([{"text": "Hello.", "output": "1.wav", "engine": "together", "reference": "a.wav"}])[0]
    with make(consent=str(tmp_path / "consent.txt")) as task:
        said = task.job(row).facts["voice"].facts()["consent"]
    assert said.startswith("file sha256:")


def test_a_recording_that_vanishes_fails_its_rows(make: Make, tmp_path: Path, together_engine: Path) -> None:
    recording(tmp_path / "a.wav")
    recording(tmp_path / "b.wav", 220.0)
    table = rows_of(
        [
            {"text": f"Hello {n}.", "output": f"{n}.wav", "engine": "together", "reference": name}
            for n, name in enumerate(("a.wav", "b.wav"))
        ]
    )
    with make(consent="self") as task:
        planned = task.plan([task.job(row) for row in table])
        (tmp_path / "a.wav").unlink()
        outcomes = [each for unit in task.units(planned, frozenset([1, 2])) for each in task.speak(unit)]
        done = {each.job.row.number: task.finish(each)[0] for each in outcomes}
        with pytest.raises(ModelMissing, match=r"^reference a\.wav cannot be read: No such file"):
            task.job(table[0])
    assert (done[1].status, done[1].kind, done[2].status) == (FAILED, "ModelMissing", DONE)
    assert str(tmp_path) not in done[1].error


def test_a_clip_that_was_made_outlives_its_recording(make: Make, tmp_path: Path, together_engine: Path) -> None:
    recording(tmp_path / "a.wav")
    row = rows_of([{"text": "Hello you.", "output": "1.wav", "engine": "together", "reference": "a.wav"}])[0]
    with make(consent="self") as task:
        job = task.plan([task.job(row)])[0]
        first = run_rows(task, [row])
        (tmp_path / "a.wav").unlink()
        unit = task.units([job], frozenset([1]))[0]
        (again,) = [task.finish(each)[0] for each in task.speak(unit)]
    assert replace(again, mtime_ns=0) == replace(first[1][0], mtime_ns=0)


def test_other_content_is_another_key(make: Make, tmp_path: Path, together_engine: Path) -> None:
    recording(tmp_path / "a.wav")
    row = rows_of([{"text": "Hello you.", "output": "1.wav", "engine": "together", "reference": "a.wav"}])[0]
    with make(consent="self") as task:
        before = task.job(row).key
        recording(tmp_path / "a.wav", 220.0, 7.0)
        assert task.job(row).key != before


def test_a_recording_needs_an_engine_that_clones(make: Make, tmp_path: Path, espeak_engine: Path) -> None:
    recording(tmp_path / "a.wav")
    row = rows_of([{"text": "Hello you.", "output": "1.wav", "reference": "a.wav"}])[0]
    with make(consent="self") as task:
        assert task.job(row).engine == "xtts", "the default engine does not clone"
    with make() as task, pytest.raises(UsageError, match="consent"):
        task.job(row)
    assert contents(tmp_path / "out") == {}
