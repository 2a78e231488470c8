"""Render several episodes of a show: everything that is wrong with any of them is told before the first is spoken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.episode.outputs import outputs_for, refuse_overwriting
from demod_voice.episode.plan import questions
from demod_voice.episode.production import RenderOptions, produce
from demod_voice.episode.render import RenderReport, render
from demod_voice.errors import DemodError, UsageError
from demod_voice.records.atomic import output_error
from demod_voice.records.progress import Progress
from demod_voice.speech.studio import Studio


def render_all(
    scripts: Sequence[Path], folder: Path, settings: Settings, options: RenderOptions, progress: Progress
) -> list[RenderReport]:
    """Make the episode of each script; its files are named after the script.

    Args:
        scripts: in the order in which they are made.
        folder: where the files go; made when missing.
        settings: as for one render.
        options: formats (at least one), mix, preset, cast and show: the same for all.
        progress: told how far the work is.

    Raises:
        UsageError: everything that is wrong with any script, all at once; nothing was started.
        EngineError, MediaError, OutputError: as for one render; the episodes before it are finished.
    """
    names = _outputs(scripts, folder, settings, options)
    _check(names, settings, options, progress)
    reports = []
    for script, output in names.items():
        progress.note(f"{script} -> {output}")
        reports.append(render(script, output, settings, options, progress))
    return reports


def _outputs(scripts: Sequence[Path], folder: Path, settings: Settings, options: RenderOptions) -> dict[Path, Path]:
    """Script -> audio file."""
    formats = [*options.formats, *settings.episode.formats]
    if not formats:
        raise UsageError(f"{folder} says no format", "add one: --format mp3")
    if options.timing is not None and len(scripts) > 1:
        raise UsageError("a plan of times (--timing) is of one episode", "render that one on its own")
    twice = [name for name, count in Counter(script.stem for script in scripts).items() if count > 1]
    if twice:
        raise UsageError(
            f"several scripts are called {twice[0]!r}", "rename one: outputs are named after their scripts"
        )
    check_inside([folder], settings.paths.allowed_roots)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", "several episodes go into a folder, as in -o episodes/")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    return {script: folder / f"{script.stem}.{formats[0]}" for script in scripts}


def _check(names: dict[Path, Path], settings: Settings, options: RenderOptions, progress: Progress) -> None:
    """Read every script, ask the engines for every voice, and raise what is wrong as one error."""
    errors: list[DemodError] = []
    with Studio(replace(settings, jobs=1), progress=progress) as studio:
        for script, output in names.items():
            try:
                refuse_overwriting([script], outputs_for(output, options.formats, settings))
                plan = produce(script, settings, options).plan
                studio.verify(questions(plan), source=str(script))
            except DemodError as error:
                errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        hint = f"{len(errors)} of {len(names)} scripts are wrong; nothing was rendered"
        raise UsageError("\n".join(str(error) for error in errors), hint)
