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
from demod_voice.episode.sound_files import sound_files
from demod_voice.errors import DemodError, UsageError
from demod_voice.publish.feed import Channel, address, feed_xml
from demod_voice.records.atomic import output_error, write_text
from demod_voice.records.progress import Progress
from demod_voice.speech.studio import Studio

FEED = "feed.xml"


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
    _write_feed(reports, folder, settings, progress)
    return reports


def _write_feed(reports: Sequence[RenderReport], folder: Path, settings: Settings, progress: Progress) -> None:
    """``feed.xml`` of the show that the episodes belong to; nothing where there is none, or no address."""
    show = reports[0].show
    if show.path is None:
        return
    if not settings.publish.base_url:
        progress.note("no feed.xml: nobody has said where the files will be fetched (publish.base_url)")
        return
    channel = Channel(
        title=show.title or reports[0].manifest["title"],
        feed_url=address(settings.publish.base_url, FEED),
        link=show.link,
        description=show.description,
        author=show.author,
        email=show.email,
        language=show.language or reports[0].manifest["language"],
        image_url=show.image,
        categories=show.categories,
        explicit=show.explicit,
        copyright=show.copyright,
        owner=show.owner,
        guid=show.guid,
    )
    write_text(folder / FEED, feed_xml(channel, [report.item for report in reports]))


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
                outputs = outputs_for(output, options.formats, settings)
                production = produce(script, settings, options)
                plan = production.plan
                read = [script, *sound_files(plan.script, plan.folder), *map(Path, production.mix.files)]
                refuse_overwriting(read, outputs)
                studio.verify(questions(plan), source=str(script))
            except DemodError as error:
                errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        hint = f"{len(errors)} of {len(names)} scripts are wrong; nothing was rendered"
        raise UsageError("\n".join(str(error) for error in errors), hint)
