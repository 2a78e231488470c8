"""A task over a jobs file in the test's folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demod_voice.batch.options import BatchOptions
from demod_voice.batch.speech.task import SpeechTask
from demod_voice.batch.table.paths import places_of
from demod_voice.config import load_settings


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., SpeechTask]:
    """Make a task whose jobs file lies in ``tmp_path`` and whose outputs go to ``tmp_path/out``."""
    (tmp_path / "jobs.csv").write_text("text,output\n")

    def task(*, out: str = "out", jobs: int = 1, settings: Any = None, **options: Any) -> SpeechTask:
        settings = settings or load_settings()
        chosen = BatchOptions(out_dir=tmp_path / out, **options)
        places = places_of(tmp_path / "jobs.csv", chosen, settings)
        return SpeechTask(settings, chosen, places, jobs=jobs)

    return task
