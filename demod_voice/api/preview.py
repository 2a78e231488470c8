"""A stretch of an episode, to listen to before the whole is made."""

from __future__ import annotations

from pathlib import Path

from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.episode.preview import Part, PreviewReport
from demod_voice.episode.preview import preview as _preview
from demod_voice.episode.production import options_of
from demod_voice.records.progress import SILENT, Progress
from demod_voice.units import counted

__all__ = ["PreviewReport", "describe_preview", "preview_episode"]


def preview_episode(
    script: str | Path,
    output: str | Path | None = None,
    *,
    line: str | None = None,
    lines: str | None = None,
    chapter: str | None = None,
    episode: str | Path | None = None,
    settings: Settings = DEFAULTS,
    mix: str | Path | None = None,
    preset: str = "",
    cast: str | Path | None = None,
    show: str | Path | None = None,
    progress: Progress = SILENT,
) -> PreviewReport:
    """Speak, mix and master one stretch of a script, without music, intro and outro.

    Args:
        script: Markdown, JSON or YAML script.
        output: a WAV; None = ``SCRIPT.preview.wav`` in the current folder.
        line: one line: its number in the script, or the beginning of its id.
        lines: ``12-20``: what is said between two lines of the script.
        chapter: a chapter: its title, a part of it, or its number. Exactly one of the three is given.
        episode: the episode whose takes are used and kept with; None = only the speech cache is shared.
        settings: as for the render.
        mix: ``mix.yaml``, as for the render.
        preset: as for the render.
        cast: ``cast.yaml``, as for the render.
        show: ``show.yaml``, as for the render.
        progress: told how far the work is.

    Raises:
        UsageError: the script, the stretch or the output is wrong; nothing was started.
        EngineError: a line could not be spoken.
        OutputError: the file cannot be written.
    """
    source = Path(script)
    target = Path(output) if output is not None else Path(f"{source.stem}.preview.wav")
    options = options_of(mix=mix, preset=preset, cast=cast, show=show)
    kept_with = Path(episode) if episode is not None else None
    return _preview(source, Part(line, lines, chapter), target, settings, options, kept_with, progress)


def describe_preview(report: PreviewReport) -> str:
    """One line for a person."""
    said = f"{counted(len(report.lines), 'line')}, {report.spoken} spoken"
    return f"{report.path}  {report.duration_s:.1f} s, {said}, {report.lufs:.1f} LUFS"
