"""Episodes: check a script, render it, start a new one, clean up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.episode.check import CheckReport
from demod_voice.episode.check import check as _check
from demod_voice.episode.clean import clean as _clean
from demod_voice.episode.describing import describe_check, describe_render
from demod_voice.episode.production import options_of
from demod_voice.episode.render import RenderReport, require_quality
from demod_voice.episode.render import render as _render
from demod_voice.episode.several import render_all as _render_all
from demod_voice.episode.stems import write_stems as _write_stems
from demod_voice.errors import UsageError
from demod_voice.formats.template import template
from demod_voice.records.atomic import write_text
from demod_voice.records.progress import SILENT, Progress
from demod_voice.units import counted, format_size

__all__ = [
    "CheckReport",
    "RenderReport",
    "check_episode",
    "clean_episode",
    "counted",
    "describe_check",
    "describe_render",
    "format_size",
    "new_episode",
    "render_episode",
    "render_episodes",
    "require_quality",
    "write_stems",
]


def render_episode(
    script: str | Path,
    output: str | Path,
    *,
    settings: Settings = DEFAULTS,
    formats: Sequence[str] = (),
    mix: str | Path | None = None,
    preset: str = "",
    timing: str | Path | None = None,
    cast: str | Path | None = None,
    show: str | Path | None = None,
    progress: Progress = SILENT,
) -> RenderReport:
    """Make the episode of a script: a mastered audio file, transcripts, a manifest and metrics beside it.

    Args:
        script: Markdown, JSON or YAML script.
        output: audio file; its suffix (wav, mp3, flac, m4a, m4b, opus, ogg) is the format.
        settings: what to render with.
        formats: more formats to export beside ``output``.
        mix: ``mix.yaml``: positions, music, effects, levels.
        preset: targets of a place that publishes audio; see ``list_presets``.
        timing: where every line starts: followed when the file exists, else written.
        cast: ``cast.yaml``: speakers that replace or complete the script's own.
        show: ``show.yaml``; None = the nearest one beside the script or above it.
        progress: told how far the work is.

    Raises:
        UsageError: the script, a speaker or the output is wrong; nothing was started.
        EngineError: lines could not be spoken; what was spoken is kept for the next run.
        OutputError: a file cannot be written.
    """
    options = options_of(formats=formats, mix=mix, preset=preset, timing=timing, cast=cast, show=show)
    return _render(Path(script), Path(output), settings, options, progress)


def render_episodes(
    scripts: Sequence[str | Path],
    folder: str | Path,
    *,
    settings: Settings = DEFAULTS,
    formats: Sequence[str] = (),
    mix: str | Path | None = None,
    preset: str = "",
    timing: str | Path | None = None,
    cast: str | Path | None = None,
    show: str | Path | None = None,
    progress: Progress = SILENT,
) -> list[RenderReport]:
    """Make an episode of each script, named after it; what is wrong with any is told before the first one begins.

    Args:
        scripts: Markdown, JSON or YAML scripts.
        folder: where the files go; made when missing.
        settings: what to render with.
        formats: at least one, here or in ``episode.formats``.
        mix: as for one episode; so are the others.
        preset: as for one episode.
        timing: of one script only.
        cast: as for one episode.
        show: as for one episode.
        progress: told how far the work is.

    Raises:
        As ``render_episode``.
    """
    options = options_of(formats=formats, mix=mix, preset=preset, timing=timing, cast=cast, show=show)
    return _render_all([Path(script) for script in scripts], Path(folder), settings, options, progress)


def write_stems(
    script: str | Path,
    folder: str | Path,
    *,
    settings: Settings = DEFAULTS,
    mix: str | Path | None = None,
    preset: str = "",
    timing: str | Path | None = None,
    cast: str | Path | None = None,
    show: str | Path | None = None,
    progress: Progress = SILENT,
) -> list[Path]:
    """Write a float WAV for each speaker, each bed, the effects and the room; they add up to the show.

    Raises:
        As ``render_episode``.
    """
    options = options_of(mix=mix, preset=preset, timing=timing, cast=cast, show=show)
    return _write_stems(Path(script), Path(folder), settings, options, progress)


def check_episode(
    script: str | Path,
    *,
    settings: Settings = DEFAULTS,
    cast: str | Path | None = None,
    show: str | Path | None = None,
    progress: Progress = SILENT,
) -> CheckReport:
    """Read a script, resolve its voices, ask the engines for them; speak nothing.

    Raises:
        UsageError: every fault of the script, its show and its cast at once.
        EngineError: an engine is not installed or does not start.
    """
    return _check(Path(script), settings, progress, options_of(cast=cast, show=show).sources)


def new_episode(path: str | Path, *, settings: Settings = DEFAULTS) -> Path:
    """Write a small script to start from: Markdown (also where the name has no suffix), JSON or YAML by its suffix.

    Raises:
        UsageError: the file exists already, or its suffix is not a script's.
        OutputError: it cannot be written.
    """
    target = Path(path)
    if target.name and not target.suffix:
        target = target.with_name(f"{target.name}.md")
    text = template(target.suffix)
    check_inside([target], settings.paths.allowed_roots)
    if target.exists():
        raise UsageError(f"{target} exists already", "choose another name; nothing was written")
    write_text(target, text)
    return target


def clean_episode(output: str | Path, *, settings: Settings = DEFAULTS, force: bool = False) -> int:
    """Remove the work folder of an episode and return the bytes that were freed; the published files stay.

    Raises:
        UsageError: there is no such work folder, or it holds takes that a person chose (not with ``force``).
    """
    return _clean(Path(output), settings, force)
