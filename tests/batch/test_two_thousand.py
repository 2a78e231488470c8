"""The end of the story: two thousand rows over three engines, killed twice, resumed, and equal to an undisturbed run."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from support.batch_runs import BatchFolder, end, three_engine_rows, workers

ROWS = 2000
KILLS_AT = (500, 1300)
"""Outputs that lie there when the run is killed."""

pytestmark = pytest.mark.kill


@pytest.fixture
def table(
    tmp_path: Path, fake_engine: Path, espeak_engine: Path, engine_python: Callable[[str], Path], tiny_voice
) -> Callable[[str], BatchFolder]:
    """Make a folder with the table; each has a cache of its own."""
    model = tiny_voice()
    environ = {"DEMOD_VOICE_ENGINES__PIPER__PYTHON": str(engine_python("piper"))}

    def make(name: str) -> BatchFolder:
        made = BatchFolder(tmp_path / name, ("--jobs", "2"), environ)
        made.write(three_engine_rows(ROWS, model))
        return made

    return make


def test_killed_twice_and_equal_to_an_undisturbed_run(table: Callable[[str], BatchFolder]) -> None:
    calm, made = table("calm"), table("killed")
    began = time.monotonic()
    ended = calm.run(timeout_s=600)
    assert ended.code == 4, ended.error
    calm_s = time.monotonic() - began
    assert calm.statuses() == [
        "failed" if row["text"].startswith("[[kill]]") else "done" for row in three_engine_rows(ROWS, "")
    ]
    for count in KILLS_AT:
        process = made.start()
        made.wait_for_outputs(count, process, 300)
        engines = workers(process.pid)
        assert end(process).code == -signal.SIGKILL
        for each in engines if count == KILLS_AT[1] else ():
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
    kept = {path: path.stat().st_mtime_ns for path in made.outputs()}
    ended = made.run(timeout_s=600)
    assert ended.code == 4, ended.error
    again = [path for path, mtime_ns in kept.items() if path.stat().st_mtime_ns != mtime_ns]
    assert len(again) < len(kept) / 4
    assert made.digest() == calm.digest()
    assert not list(made.out.rglob(".tmp-*"))
    print(f"{ROWS} rows undisturbed in {calm_s:.1f} s; with two kills {time.monotonic() - began - calm_s:.1f} s")
