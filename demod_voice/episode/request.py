"""``X.demod/request.json``: what an episode was rendered from, so that later commands need only its name.

An observation: nothing is made of it, and nothing compares it. The script is named from the folder that holds ``X.mp3``,
so a folder that was moved with both still finds it.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from demod_worker.messages import BadMessage, from_json

from demod_voice.config.settings import Settings
from demod_voice.episode.sources import NO_SOURCES, Sources
from demod_voice.errors import UsageError
from demod_voice.records.atomic import write_json

FILE = "request.json"


@dataclass(frozen=True, slots=True)
class Request:
    """A script, and the settings that its takes were named with."""

    script: Path
    seed: int
    language: str
    attempts: int
    lexicons: tuple[Path, ...] = ()
    sources: Sources = NO_SOURCES

    def settings(self, now: Settings) -> Settings:
        """Today's settings with what the episode was rendered with in their place."""
        episode = replace(now.episode, lexicons=tuple(map(str, self.lexicons)))
        return replace(now, seed=self.seed, language=self.language, attempts=self.attempts, episode=episode)


@dataclass(frozen=True, slots=True)
class _Stored:
    """The file's content."""

    script: str
    seed: int
    language: str
    attempts: int
    lexicons: tuple[str, ...] = ()
    cast: str = ""
    show: str = ""


def remember(work: Path, request: Request) -> None:
    """Write the request into a work folder.

    Raises:
        OutputError: the folder cannot be written.
    """
    here = work.parent.resolve()
    script, cast, show = (
        os.path.relpath(path.resolve(), here) if path is not None else ""
        for path in (request.script, request.sources.cast, request.sources.show)
    )
    lexicons = tuple(os.path.relpath(path.resolve(), here) for path in request.lexicons)
    stored = _Stored(script, request.seed, request.language, request.attempts, lexicons, cast, show)
    write_json(work / FILE, asdict(stored))


def recall(work: Path) -> Request:
    """The request of the last render into a work folder.

    Raises:
        UsageError: there was none, or the file is damaged.
    """
    path = work / FILE
    try:
        stored = from_json(_Stored, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, BadMessage) as error:
        hint = "render it first, or name the script: --script FILE"
        raise UsageError(f"{work} does not say which script it is made from", hint) from error
    lexicons = tuple(work.parent / each for each in stored.lexicons)
    cast, show = (work.parent / name if name else None for name in (stored.cast, stored.show))
    sources = Sources(cast, show)
    return Request(work.parent / stored.script, stored.seed, stored.language, stored.attempts, lexicons, sources)


def request_of(script: Path, settings: Settings, sources: Sources = NO_SOURCES) -> Request:
    """The request that a render of ``script`` with these settings is."""
    lexicons = tuple(Path(each) for each in settings.episode.lexicons)
    return Request(script, settings.seed, settings.language, settings.attempts, lexicons, sources)
