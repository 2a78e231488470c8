"""What is to be made of each recording that was given: which channels, and which text and turns come with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from demod_voice.config.settings import Settings
from demod_voice.dataset.assemble import Asked
from demod_voice.dataset.given import Given, find_given
from demod_voice.dataset.recording import Task
from demod_voice.dataset.sources import Source, shown
from demod_voice.errors import DemodError, UsageError
from demod_voice.media.foreign import probe

SPLIT = "split"
BOTH = ("left", "right")


@dataclass(frozen=True, slots=True)
class Material:
    """Where what comes with the recordings is; None = beside them."""

    texts: Path | None = None
    """Folder of subtitles and transcripts."""
    rttm: Path | None = None
    """Folder of diarizations."""
    speaker_refs: Path | None = None
    """Folder of clips of the target speaker; None = everybody is kept."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """Those that were given."""
        return tuple(each for each in (self.texts, self.rttm, self.speaker_refs) if each is not None)


def tasks_of(
    sources: Sequence[Source], material: Material, asked: Asked, settings: Settings
) -> tuple[list[Task], list[tuple[str, str]]]:
    """The tasks, in the order of the sources; and name and reason of each whose text or turns cannot be used.

    Raises:
        UsageError: a folder does not exist; nothing was started.
    """
    for folder in material.folders:
        if not folder.is_dir():
            raise UsageError(f"{folder} does not exist" if not folder.exists() else f"{folder} is not a folder")
    tasks: list[Task] = []
    failed: list[tuple[str, str]] = []
    for source in sources:
        try:
            given = find_given(
                source.path, material.texts, material.rttm, with_text=asked.text, language=asked.language
            )
        except UsageError as error:
            failed.append((source.name, shown(error.message)))
            continue
        tasks += _of(source, given, asked, settings)
    return tasks, failed


def _of(source: Source, given: Given, asked: Asked, settings: Settings) -> Iterator[Task]:
    channels = _channels(source, settings)
    for channel in channels:
        name = source.id if len(channels) == 1 else f"{source.id}-{channel}"
        speaker = asked.speaker if len(channels) == 1 else f"{asked.speaker}{'-' if asked.speaker else ''}{channel}"
        yield Task(source, channel, name, speaker, given)


def _channels(source: Source, settings: Settings) -> tuple[str, ...]:
    """``split`` makes two recordings of a stereo file; what cannot be probed is told when it is decoded."""
    wanted = settings.dataset.channels
    if wanted != SPLIT:
        return (wanted,)
    try:
        stereo = probe(source.path, settings.limits).num_channels >= 2
    except DemodError:
        stereo = False
    return BOTH if stereo else ("mix",)
