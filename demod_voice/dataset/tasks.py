"""What is to be made of each recording that was given: which channels, and which text and turns come with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from demod_voice.config.settings import Settings
from demod_voice.dataset.assemble import Asked
from demod_voice.dataset.given import find_given
from demod_voice.dataset.recording import Task
from demod_voice.dataset.sources import Source
from demod_voice.errors import DemodError
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


def tasks_of(sources: Sequence[Source], material: Material, asked: Asked, settings: Settings) -> list[Task]:
    """The tasks, in the order of the sources.

    Raises:
        UsageError, FaultsError: a folder does not exist, or a text or a diarization is damaged; nothing was started.
    """
    return [task for source in sources for task in _of(source, material, asked, settings)]


def _of(source: Source, material: Material, asked: Asked, settings: Settings) -> Iterator[Task]:
    given = find_given(source.path, material.texts, material.rttm, with_text=asked.text, language=asked.language)
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
