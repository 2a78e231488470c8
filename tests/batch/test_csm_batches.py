"""Rows of csm, whose batched bytes are not those of single lines: the same after a resume and with any number of workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.batch_rows import contents, rows_of, run_rows

from demod_voice.batch.speech.task import SpeechTask
from demod_voice.batch.types import DONE
from demod_voice.voices.choice import VoiceChoice

ROWS = 18
WANTED = frozenset([1, 5, 9])


@pytest.mark.engines
def test_a_batch_of_sixteen_is_the_same_bytes_again(
    make: Callable[..., SpeechTask], tmp_path: Path, engine_python, tiny_model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__CSM__PYTHON", str(engine_python("csm")))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__CSM__MODEL", str(tiny_model("csm")))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__CSM__GUARDS", "off")
    monkeypatch.setenv("DEMOD_VOICE_DEVICE", "cpu")
    monkeypatch.setenv("DEMOD_VOICE_CACHE__ENABLED", "false")
    table = rows_of([{"text": "Hi " + "o" * (number % 3), "output": f"{number}.wav"} for number in range(ROWS)])
    voice = VoiceChoice(engine="csm", style={"temperature": 1.2})
    with make(out="whole", voice=voice) as task:
        assert [task.faults(row) for row in table] == [[]] * ROWS
        planned = task.plan([task.job(row) for row in table])
        assert [len(unit.jobs) for unit in task.units(planned, WANTED)] == [16, 2]
        whole = run_rows(task, table)
    with make(out="parts", voice=voice, jobs=2) as task:
        run_rows(task, table, 2, WANTED)
    with make(out="parts", voice=voice, jobs=2) as task:
        run_rows(task, table, 2, frozenset(range(1, ROWS + 1)) - WANTED)
    assert {record.status for record, _ in whole.values()} == {DONE}
    assert contents(tmp_path / "whole") == contents(tmp_path / "parts")
    assert len({record.sha256 for record, _ in whole.values()}) == ROWS
