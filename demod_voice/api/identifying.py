"""The speakers among whom ``speaker identify`` chooses: those of a folder, or the saved voices."""

from __future__ import annotations

from pathlib import Path

from demod_voice.analysis.voiceprints import Wanted
from demod_voice.config.settings import Settings
from demod_voice.dataset.speakers import find_targets
from demod_voice.errors import UsageError
from demod_voice.voices.store import VoiceStore

__all__ = ["speakers_among"]

VOICES = "voices"
"""The word for the saved voices, where a folder could stand."""


def speakers_among(among: str, settings: Settings) -> list[Wanted]:
    """The speakers to choose from, by name.

    Args:
        among: a folder, or ``voices``.
        settings: where voices are kept.

    Raises:
        UsageError: there is no such folder, or nobody in it.
    """
    if among == VOICES and not Path(among).is_dir():
        return _saved_voices(settings)
    folder = Path(among)
    targets = find_targets(folder)
    if len(targets) > 1 or any(each.is_dir() and each.name == targets[0].name for each in folder.iterdir()):
        return [Wanted(each.name, each.clips) for each in targets]
    named: dict[str, Path] = {}
    for clip in targets[0].clips:
        if clip.stem in named:
            raise UsageError(f"{clip} and {named[clip.stem]} would be one name", "rename one, or put each in a folder")
        named[clip.stem] = clip
    return [Wanted(name, (clip,)) for name, clip in named.items()]


def _saved_voices(settings: Settings) -> list[Wanted]:
    """The saved voices that were made from clips."""
    found = []
    for voice in VoiceStore(settings).contents().voices:
        clips = tuple(Path(each) for each in voice.for_engine().references)
        if clips:
            found.append(Wanted(voice.name, clips))
    if not found:
        raise UsageError("no saved voice has reference clips", "see: demod-voice voices list; or give --among FOLDER")
    return found
