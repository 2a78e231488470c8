"""Where an episode's files go, and every reason why they could not, found before any heavy work."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.errors import OutputError, UsageError
from demod_voice.media.encode import FORMATS
from demod_voice.records.atomic import check_name


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files of one episode: everything is named after ``-o``."""

    audio: dict[str, Path]
    """Format -> file; the one that ``-o`` names comes first."""
    work: Path
    """``X.demod``: takes, step records, the master."""
    manifest: Path
    metrics: Path
    report: Path
    vtt: Path
    srt: Path
    transcript: Path
    """Podcasting 2.0's JSON."""
    chapters: Path
    """Podcasting 2.0's JSON; written when the script has chapters."""
    item: Path
    """The episode's ``<item>`` of a feed."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything beside the work folder."""
        told = (self.manifest, self.metrics, self.report)
        return (*self.audio.values(), *told, self.vtt, self.srt, self.transcript, self.chapters, self.item)

    def stale(self) -> list[Path]:
        """Audio files of the same stem in other formats: what an earlier render left, and this one did not make."""
        stem = self.manifest.name.removesuffix(".manifest.json")
        others = [self.manifest.with_name(f"{stem}.{name}") for name in FORMATS if name not in self.audio]
        return [path for path in others if path.is_file()]


def outputs_for(output: Path, formats: tuple[str, ...], settings: Settings) -> Outputs:
    """Name every output and check that it can be written.

    Raises:
        UsageError: no suffix, an unknown format, a folder where a file is asked for, outside the allowed roots.
        OutputError: the folder is missing or cannot be written to.
    """
    outputs = name_outputs(output, formats, settings)
    _check_writable(output)
    for path in (*outputs.files, outputs.work):
        check_name(path)
    return outputs


def name_outputs(output: Path, formats: tuple[str, ...], settings: Settings) -> Outputs:
    """Name every output, wherever its folder may be.

    Raises:
        UsageError: no suffix, an unknown format, outside the allowed roots.
    """
    known = ", ".join(FORMATS)
    suffix = output.suffix.lower().lstrip(".")
    if not suffix:
        raise UsageError(f"the output {output} has no extension", f"add one that says the format, as in {output}.mp3")
    wanted = list(dict.fromkeys([suffix, *(each.lower() for each in (*formats, *settings.episode.formats))]))
    for each in wanted:
        if each not in FORMATS:
            raise UsageError(f"unknown audio format {each!r} for {output}", f"known formats: {known}")
    stem = output.with_suffix("")
    audio = {each: output if each == suffix else output.with_name(f"{stem.name}.{each}") for each in wanted}
    outputs = Outputs(
        audio=audio,
        work=_beside(stem, ".demod"),
        manifest=_beside(stem, ".manifest.json"),
        metrics=_beside(stem, ".metrics.json"),
        report=_beside(stem, ".report.html"),
        vtt=_beside(stem, ".vtt"),
        srt=_beside(stem, ".srt"),
        transcript=_beside(stem, ".transcript.json"),
        chapters=_beside(stem, ".chapters.json"),
        item=_beside(stem, ".item.xml"),
    )
    check_inside([*outputs.files, outputs.work], settings.paths.allowed_roots)
    return outputs


def refuse_overwriting(inputs: Iterable[Path], outputs: Outputs) -> None:
    """A script, and what it is made of, must outlive its render.

    Raises:
        UsageError: an output would take the place of one of them.
    """
    written = {path.resolve() for path in outputs.files}
    for path in inputs:
        if path.resolve() in written:
            raise UsageError(f"the render would overwrite {path}, which it reads", "choose another output name")


def _beside(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)


def _check_writable(output: Path) -> None:
    folder = output.parent
    if not folder.is_dir():
        raise OutputError(f"cannot write {output}: its folder does not exist", f"make it first: mkdir -p '{folder}'")
    if output.is_dir():
        raise UsageError(f"{output} is a folder", f"give a file name, as in {output / 'episode.mp3'}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {output}: no permission to write there", "choose another output folder")
