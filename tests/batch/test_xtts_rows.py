"""Rows of xtts: a recording's voice in the column ``reference``, the model's own speakers in ``speaker``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.batch_rows import contents, rows_of, run_rows
from support.signals import speechlike, wav

from demod_voice.batch.speech.task import SpeechTask
from demod_voice.batch.types import DONE

Make = Callable[..., SpeechTask]
RATE = 24000


@pytest.mark.engines
def test_rows_with_recordings_and_with_speakers(
    make: Make, tmp_path: Path, engine_python, tiny_model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__XTTS__PYTHON", str(engine_python("xtts")))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__XTTS__MODEL", str(tiny_model("xtts")))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__XTTS__GUARDS", "off")
    monkeypatch.setenv("DEMOD_VOICE_DEVICE", "cpu")
    monkeypatch.setenv("DEMOD_VOICE_CACHE__ENABLED", "false")
    wav(tmp_path / "low.wav", speechlike(3, 7.0, RATE, 0.3), RATE)
    wav(tmp_path / "high.wav", speechlike(5, 7.0, RATE, 0.3), RATE)
    table = rows_of(
        [
            {"text": "Hi.", "output": "0.wav", "reference": "low.wav"},
            {"text": "Hi.", "output": "1.wav", "reference": "high.wav", "speaker": "Ann", "language": "de"},
            {"text": "Hi.", "output": "2.wav", "engine": "xtts", "speaker": "Ada Tiny"},
            {"text": "Hi.", "output": "3.wav", "reference": "low.wav"},
        ]
    )
    with make(out="one", consent="self") as task:
        assert [task.faults(row) for row in table] == [[]] * 4
        assert task.verify_voices() == []
        done = {number: record for number, (record, _) in run_rows(task, table).items()}
    with make(out="two", consent="self", jobs=2) as task:
        run_rows(task, table[::-1], 2)
    assert {record.status for record in done.values()} == {DONE}
    assert {record.engine for record in done.values()} == {"xtts"}
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    told = [done[number].facts["voice"] for number in range(1, 5)]
    assert [each["name"] for each in told] == ["low", "Ann", "Ada Tiny", "low"]
    assert [each["consent"] for each in told] == ["self", "self", "preset", "self"]
    assert {each["licence_kind"] for each in told} == {"non-commercial"}


def test_xtts_needs_a_voice(make: Make) -> None:
    row = rows_of([{"text": "Hi.", "output": "0.wav", "engine": "xtts"}])[0]
    with make() as task:
        assert "neither a reference nor a speaker" in task.faults(row)[0][0]
