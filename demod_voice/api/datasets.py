"""Datasets: build one from recordings, add to it, judge it anew."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.dataset.assemble import Asked
from demod_voice.dataset.build import BuildOptions, BuildReport
from demod_voice.dataset.build import add as _add
from demod_voice.dataset.build import build as _build
from demod_voice.dataset.rejudge import Rejudged
from demod_voice.dataset.rejudge import rejudge as _rejudge
from demod_voice.dataset.tasks import Material
from demod_voice.errors import QualityError, UsageError
from demod_voice.formats.dataset_manifest import QUARANTINE, SPLITS, manifest_data
from demod_voice.records.progress import SILENT, Progress

__all__ = [
    "BuildReport",
    "Rejudged",
    "add_recordings",
    "build_dataset",
    "build_lines",
    "build_summary",
    "rejudge_dataset",
    "require_all",
]


def build_dataset(
    recordings: Sequence[str | Path],
    output: str | Path,
    *,
    settings: Settings = DEFAULTS,
    name: str = "",
    speaker: str = "",
    text: bool = True,
    transcriber: str = "",
    subtitles: str | Path | None = None,
    rttm: str | Path | None = None,
    speaker_refs: str | Path | None = None,
    report: bool = True,
    progress: Progress = SILENT,
) -> BuildReport:
    """Turn recordings into a dataset: cleaned, cut, judged, split, documented.

    Args:
        recordings: files, folders, patterns (``*.mp3``) and lists (``.lst``, ``.m3u``).
        output: the dataset's folder; made, or brought up to date.
        settings: ``dataset.*``, ``language``, ``jobs``, ``limits.*``.
        name: of the dataset; empty = the folder's.
        speaker: who speaks, where nothing else says it.
        text: False makes segments without text.
        transcriber: engine that recognises; empty = whisper, else pocketsphinx for English.
        subtitles: folder of subtitles and transcripts; None = beside the recordings.
        rttm: folder of diarizations; None = beside the recordings.
        speaker_refs: clips of the target speaker; None keeps everybody.
        report: write ``report/index.html``.
        progress: told how far the work is.

    Raises:
        UsageError: an input or the output is wrong; nothing was started.
        MediaError: none of the recordings can be used.
        EngineError: an engine that was asked for cannot work.
        OutputError: something cannot be written; what is finished is kept.
    """
    if not recordings:
        raise UsageError("no recordings were given", "name files, folders or patterns, or give --in-dir")
    asked = Asked(text, settings.language, transcriber, speaker)
    options = BuildOptions(asked, _material(subtitles, rttm, speaker_refs), name, report)
    return _build(recordings, Path(output), settings, options, progress)


def add_recordings(
    dataset: str | Path,
    recordings: Sequence[str | Path],
    *,
    settings: Settings = DEFAULTS,
    speaker: str = "",
    subtitles: str | Path | None = None,
    rttm: str | Path | None = None,
    speaker_refs: str | Path | None = None,
    report: bool = True,
    progress: Progress = SILENT,
) -> BuildReport:
    """Add recordings to a dataset with the settings that it was built with; nothing that is there is redone.

    Args and errors as for ``build_dataset``.
    """
    options = BuildOptions(Asked(speaker=speaker), _material(subtitles, rttm, speaker_refs), "", report)
    return _add(Path(dataset), recordings, settings, options, progress)


def rejudge_dataset(dataset: str | Path, *, settings: Settings = DEFAULTS, progress: Progress = SILENT) -> Rejudged:
    """Apply the thresholds of ``dataset.gates`` to what was measured before; no sound is read.

    Raises:
        UsageError: it is no dataset.
    """
    check_inside([Path(dataset)], settings.paths.allowed_roots)
    return _rejudge(Path(dataset), settings, progress)


def build_summary(report: BuildReport) -> dict[str, Any]:
    """A build as JSON: counts, notes, and what was skipped."""
    data = manifest_data(report.manifest)
    return {
        "dataset": str(report.path),
        "version": report.version.version,
        "recordings": len(report.manifest.recordings),
        "made": report.made,
        "reused": report.reused,
        "counts": data["counts"],
        "split_method": report.manifest.split_method,
        "notes": list(report.manifest.notes),
        "failed": [{"name": name, "reason": reason} for name, reason in report.failed],
        "repeated": [{"name": name, "reason": reason} for name, reason in report.repeated],
    }


def build_lines(report: BuildReport) -> list[str]:
    """A build for a person, a line each."""
    counts = manifest_data(report.manifest)["counts"]
    total = len(report.manifest.recordings)
    done = ", ".join(
        f"{count} {word}" for count, word in ((report.made, "made"), (total - report.made, "kept")) if count
    )
    lines = [f"{report.path}: {total} recording{'' if total == 1 else 's'} ({done})"]
    for name in (*SPLITS, QUARANTINE):
        each = counts[name]
        lines.append(f"  {name:<11}{each['segments']:>7} segments  {each['duration_s'] / 60:8.1f} min")
    lines += [f"  {_reason_line(name, count)}" for name, count in _reasons(report).items()]
    lines += [f"note: {each}" for each in report.manifest.notes]
    lines += [f"skipped: {name}: {reason}" for name, reason in (*report.repeated, *report.failed)]
    page = report.path / "report" / "index.html"
    lines += [f"look: {page}"] if page.is_file() else []
    return [*lines, f"next: demod-voice dataset review {shlex.quote(str(report.path))}"]


def require_all(report: BuildReport) -> None:
    """Raise when a file that was given could not be used.

    Raises:
        QualityError: names how many; the dataset is whole without them.
    """
    if report.failed:
        names = ", ".join(name for name, _ in report.failed[:3]) + (" ..." if len(report.failed) > 3 else "")
        raise QualityError(
            f"{len(report.failed)} of the recordings could not be used: {names}", "the dataset is whole without them"
        )


def _material(subtitles: str | Path | None, rttm: str | Path | None, refs: str | Path | None) -> Material:
    def path(value: str | Path | None) -> Path | None:
        return Path(value) if value else None

    return Material(path(subtitles), path(rttm), path(refs))


def _reasons(report: BuildReport) -> dict[str, int]:
    counts: dict[str, int] = {}
    for segment in report.manifest.segments:
        for each in segment.reasons if segment.quarantined else ():
            counts[each] = counts.get(each, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _reason_line(name: str, count: int) -> str:
    return f"  {name:<11}{count:>5} rejected"
