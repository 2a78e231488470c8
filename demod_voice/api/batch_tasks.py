"""The task that a batch's rows are given to: for ``batch check`` and ``batch run``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demod_voice.api.batch_episodes import episode_task
from demod_voice.batch.episode_task import EpisodeTask
from demod_voice.batch.options import BatchOptions
from demod_voice.batch.speech.task import SpeechTask
from demod_voice.batch.table.paths import Places
from demod_voice.config.settings import Settings
from demod_voice.records.progress import SILENT, Progress

__all__ = ["task_of"]


@contextmanager
def task_of(
    options: BatchOptions,
    places: Places,
    settings: Settings,
    *,
    jobs: int = 1,
    log_path: Path | None = None,
    progress: Progress = SILENT,
) -> Iterator[SpeechTask | EpisodeTask]:
    """The task that ``options.task`` names; its engines end with the block.

    Args:
        options: what the flags say.
        places: the folders of the batch.
        settings: everything that can be configured.
        jobs: workers of one engine that may run at once; an episode takes them from the settings.
        log_path: where engines' own logs go; for speech.
        progress: told what a person should see.

    Raises:
        UsageError, FaultsError: the lexicon cannot be read, or a flag is not for this task.
    """
    if options.task == EpisodeTask.name:
        with episode_task(options, places, settings, progress) as episodes:
            yield episodes
        return
    with SpeechTask(settings, options, places, jobs=jobs, log_path=log_path, progress=progress) as speech:
        yield speech
