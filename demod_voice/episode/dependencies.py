"""All that an episode depends on, as one hash: an equal hash is an episode that would be rendered alike.

Made without an engine, from contents: moving the folder that holds script, sounds and show changes nothing. What
``batch run --task episode`` knows finished episodes by.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from demod_voice.config.settings import Settings
from demod_voice.episode.chosen import FILE as CHOICES
from demod_voice.episode.fates import keys_of
from demod_voice.episode.levelling import LEVEL_VERSION
from demod_voice.episode.mixing import MIX_VERSION
from demod_voice.episode.outputs import Outputs, name_outputs
from demod_voice.episode.plan import Plan
from demod_voice.episode.production import RenderOptions
from demod_voice.episode.publication import EXPORT_VERSION
from demod_voice.episode.ready import Ready, make_ready, shaping
from demod_voice.episode.recordings import RECORDING_VERSION
from demod_voice.episode.sounds import SOUND_VERSION
from demod_voice.errors import UsageError
from demod_voice.models.content import content_hash
from demod_voice.records.hashing import hash_json
from demod_voice.records.progress import SILENT, Progress
from demod_voice.speech.guards import guards_of
from demod_voice.speech.studio import Studio

VERSION = 1
STEPS = (LEVEL_VERSION, MIX_VERSION, EXPORT_VERSION, RECORDING_VERSION, SOUND_VERSION)
"""Versions of the steps of a render."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What an episode is made of."""

    hash: str
    """Of all of it, and of the names of the outputs."""
    outputs: Outputs
    voices: tuple[str, ...]
    """``engine/voice`` of everybody who speaks."""


def dependencies(
    script: Path,
    output: Path,
    settings: Settings,
    options: RenderOptions,
    studio: Studio,
    progress: Progress = SILENT,
) -> Dependencies:
    """Read everything that an episode is made of; what is missing of its outputs' folder is no fault here.

    Args:
        script: Markdown, JSON or YAML script.
        output: the audio file.
        settings: what it would be rendered with.
        options: formats, mix, preset, timing, cast, show.
        studio: names takes; several episodes share one, so that a voice's files are read once.
        progress: told what directories would say against the cover or the date.

    Raises:
        UsageError, FaultsError: something is wrong in what is read, or the output's name is no audio file's.
        MediaError: the cover is no picture.
        ModelMissing: a file of a voice is gone.
    """
    outputs = name_outputs(output, options.formats, settings)
    ready = make_ready(script, outputs, settings, options, progress)
    plan = ready.production.plan
    parts = [VERSION, STEPS, _named(outputs), _files(script, ready, outputs, options), _spoken(ready, studio)]
    voices = (f"{voice.engine.name}/{voice.name}" for voice in plan.voices.values())
    return Dependencies(hash_json(parts), outputs, tuple(dict.fromkeys(voices)))


def _named(outputs: Outputs) -> dict[str, str]:
    """Format -> file name."""
    return {name: path.name for name, path in outputs.audio.items()}


def _spoken(ready: Ready, studio: Studio) -> list[Any]:
    """What is said with which voices, and the settings that shape it."""
    production = ready.production
    plan, settings = production.plan, production.settings
    engines = sorted({voice.engine.name for voice in plan.voices.values()})
    return [
        plan.language,
        plan.seed,
        sorted(keys_of(plan, studio, settings)),
        {name: guards_of(settings, name) for name in engines},
        shaping(settings),
        [production.mix.preset, asdict(production.target)],
        [[each.speaker, each.engine, each.licence] for each in ready.publication.licences],
        dict(production.starts_s),
    ]


def _files(script: Path, ready: Ready, outputs: Outputs, options: RenderOptions) -> list[list[str]]:
    """Every file that is read: its place from the script's folder, and its content.

    Raises:
        UsageError: one of them is gone.
    """
    plan = ready.production.plan
    paths = {script, *ready.sounds, *_texts(plan, options), *_cover(plan, script.parent)}
    choices = outputs.work / CHOICES
    here = script.parent.resolve()
    found = [[os.path.relpath(path.resolve(), here), _hash(path)] for path in paths]
    return sorted(found) + ([["", _hash(choices)]] if choices.is_file() else [])


def _texts(plan: Plan, options: RenderOptions) -> Iterator[Path]:
    """The show, the casts, the mixes and the lexicons."""
    script = plan.script
    sources = [*(each.source for each in script.speakers.values()), *(each.source for each in script.mixes)]
    yield from (Path(source) for source in sources if source and Path(source).is_file())
    yield from (each for each in (script.show.path, options.mix, options.sources.cast) if each is not None)
    yield from script.lexicons


def _cover(plan: Plan, folder: Path) -> Iterator[Path]:
    cover = plan.script.metadata.get("cover")
    if cover:
        yield folder / cover


def _hash(path: Path) -> str:
    try:
        return content_hash(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", "put it back") from error
