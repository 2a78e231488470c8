"""Everything that is decided, and refused, before an episode's first line is spoken; no engine is started for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from demod_voice.config.settings import Settings
from demod_voice.episode.outputs import Outputs, refuse_overwriting
from demod_voice.episode.production import Production, RenderOptions, produce
from demod_voice.episode.publication import Publication, prepare_publication
from demod_voice.episode.sound_files import sound_files
from demod_voice.records.progress import Progress


@dataclass(frozen=True, slots=True)
class Ready:
    """An episode that can be rendered."""

    production: Production
    publication: Publication
    sounds: tuple[Path, ...]
    """Every recording, effect and piece of music that it is made of."""


def make_ready(script: Path, outputs: Outputs, settings: Settings, options: RenderOptions, progress: Progress) -> Ready:
    """Read the script and everything that it names.

    Args:
        script: Markdown, JSON or YAML script.
        outputs: what would be written.
        settings: what to render with.
        options: formats, mix, preset, timing, cast, show.
        progress: told what directories would say against the cover or the date.

    Raises:
        UsageError, FaultsError: something in them is wrong, or an output would take the place of an input.
        MediaError: the cover is no picture.
    """
    refuse_overwriting([script], outputs)
    production = produce(script, settings, options)
    plan = production.plan
    sounds = (*sound_files(plan.script, plan.folder), *map(Path, production.mix.files))
    refuse_overwriting([*sounds, *([options.mix] if options.mix else [])], outputs)
    publication = prepare_publication(plan, script.parent, production.settings, progress)
    return Ready(production, publication, sounds)


def shaping(settings: Settings) -> dict[str, Any]:
    """The settings that a result depends on; where work runs (jobs, device, cache, limits) is left out."""
    return {
        "seed": settings.seed,
        "attempts": settings.attempts,
        "threads": settings.engines.threads,
        "episode": {name: value for name, value in asdict(settings.episode).items() if name != "report"},
        "loudness": asdict(settings.loudness),
        "encode": asdict(settings.encode),
        "publish": asdict(settings.publish),
    }
