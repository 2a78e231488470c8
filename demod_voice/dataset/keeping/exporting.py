"""Give a dataset to other programs: choose clips, bring their sound to the asked form, and write the tables.

The tables of each format are in ``export_formats``; a folder is written whole or not at all (``made_folder``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from demod_voice.audio.resample import resample
from demod_voice.dataset.keeping.export_formats import FORMATS, Chosen, ExportFormat
from demod_voice.dataset.keeping.made_folder import link_or_copy, making_folder
from demod_voice.dataset.store import Dataset
from demod_voice.errors import UsageError
from demod_voice.formats.dataset_manifest import SPLITS, Manifest, Segment
from demod_voice.media.wav import read_wav, write_wav
from demod_voice.records.progress import SILENT, Progress
from demod_voice.text.clean import clean

PCM_16 = "pcm_s16le"
STEP = "export"


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What of a dataset is given, and how."""

    splits: tuple[str, ...] = ()
    """``train``, ``val``, ``test``; none = all three."""
    speakers: tuple[str, ...] = ()
    """None = all."""
    sample_rate: int = 0
    """Hz; 0 = the format's own (piper 22050, csm 24000), else the dataset's."""
    link: bool = False
    """Hard links where the bytes are the dataset's own; copies where the file system has none."""
    language: str = "en"
    """BCP 47, for the normalised text and the card."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """A folder that was written."""

    path: Path
    format: str
    clips: int
    duration_s: float
    sample_rate: int
    """Of the clips, Hz."""
    linked: int
    """Clips that are one file with the dataset's."""
    without_text: int
    """Segments left out because they have no text and the format needs one."""
    speakers: tuple[str, ...]
    """In the order of their numbers."""


def export_dataset(
    path: Path, format: str, target: Path, options: ExportOptions | None = None, progress: Progress = SILENT
) -> ExportReport:
    """Write a dataset as ``format`` into the folder ``target``; the same dataset gives the same bytes.

    Args:
        path: the dataset.
        format: one of ``FORMATS``.
        target: not there yet, empty, or written by an earlier export.
        options: which clips, and their form.
        progress: told about every clip.

    Raises:
        UsageError: no dataset, nothing to export, or something else lies in ``target``; nothing was written.
        MediaError: a clip cannot be read. OutputError: the folder cannot be written.
    """
    asked = options or ExportOptions()
    form = FORMATS[format]
    dataset = Dataset.reading(path)
    manifest = dataset.manifest()
    chosen, without_text = _choose(manifest, form, asked)
    rate = asked.sample_rate or form.sample_rate or manifest.sample_rate
    progress.start(STEP, len(chosen.segments), "clips")
    with making_folder(target) as folder:
        linked = _write_clips(dataset, chosen, form, (folder, rate, asked.link), progress)
        form.write(folder, chosen, rate)
    progress.finish(STEP)
    duration_s = round(sum(each.duration_s for each in chosen.segments), 3)
    return ExportReport(
        target, format, len(chosen.segments), duration_s, rate, linked, without_text, tuple(chosen.speakers)
    )


def _choose(manifest: Manifest, form: ExportFormat, asked: ExportOptions) -> tuple[Chosen, int]:
    """The clips, and how many were left out for want of a text.

    Raises:
        UsageError: an unknown split or speaker, or no clip is left.
    """
    kept = [each for each in manifest.segments if not each.quarantined]
    _check_known("split", asked.splits, SPLITS)
    _check_known("speaker", asked.speakers, sorted({each.speaker for each in kept}))
    wanted = [
        each
        for each in kept
        if each.split in (asked.splits or SPLITS) and (not asked.speakers or each.speaker in asked.speakers)
    ]
    told = [each for each in wanted if clean(each.text)] if form.needs_text else wanted
    if not told:
        why = "none of the chosen clips has a text" if wanted else "no clip is chosen"
        raise UsageError(f"there is nothing to export: {why}", "see what there is: demod-voice dataset stats")
    speakers = sorted({each.speaker for each in told})
    return Chosen(manifest, tuple(told), tuple(speakers), asked.language), len(wanted) - len(told)


def _check_known(what: str, asked: Sequence[str], known: Sequence[str]) -> None:
    unknown = [each for each in asked if each not in known]
    if unknown:
        raise UsageError(f"the dataset has no {what} {unknown[0]!r}", f"it has: {', '.join(known) or 'none'}")


def _write_clips(
    dataset: Dataset, chosen: Chosen, form: ExportFormat, how: tuple[Path, int, bool], progress: Progress
) -> int:
    """Write every clip, in threads; the number of hard links."""
    folder, rate, link = how
    for name in sorted({str(Path(form.audio_path(each)).parent) for each in chosen.segments}):
        (folder / name).mkdir(parents=True, exist_ok=True)
    as_it_is = rate == chosen.manifest.sample_rate and (form.any_encoding or chosen.manifest.encoding == PCM_16)

    def write(segment: Segment) -> bool:
        source, target = dataset.path / segment.path, folder / form.audio_path(segment)
        done = link_or_copy(source, target, link) if as_it_is else _convert(source, target, rate)
        progress.advance(STEP)
        return done

    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        return sum(_in_order(threads.map(write, chosen.segments)))


def _in_order(results: Iterator[bool]) -> Iterator[bool]:
    """The results; what is missing of the dataset is told as such.

    Raises:
        UsageError: a clip is missing.
    """
    try:
        yield from results
    except FileNotFoundError as error:
        raise UsageError(f"{error.filename} is missing", "see what else is wrong: demod-voice dataset check") from error


def _convert(source: Path, target: Path, rate: int) -> bool:
    write_wav(target, resample(read_wav(source), rate), PCM_16)
    return False
