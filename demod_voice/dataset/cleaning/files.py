"""Several sound files, one after the other: what is read, what is written, and what became of each."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.errors import DemodError, Fault, FaultsError, QualityError, UsageError
from demod_voice.media.encode import FORMATS
from demod_voice.records.atomic import check_name, output_error
from demod_voice.records.progress import Progress

_NOWHERE = Path()


@dataclass(frozen=True, slots=True)
class Job:
    """One file to be worked on."""

    source: Path
    target: Path = _NOWHERE
    format: str = ""


@dataclass(frozen=True, slots=True)
class SoundError:
    """Why a file could not be used."""

    message: str
    hint: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file."""

    source: Path
    output: Path | None
    report: Any
    """What the command found or did; None where it failed."""
    error: SoundError | None = None


def jobs_of(
    files: Sequence[str | Path],
    output: str | Path | None = None,
    out_dir: str | Path | None = None,
    suffix: str = "",
    force: bool = True,
    settings: Settings = DEFAULTS,
) -> list[Job]:
    """What is to be read and written; ``out_dir`` is made when missing. Without a ``suffix`` nothing is written.

    Raises:
        UsageError: everything that is wrong with the files and the outputs, at once; nothing was started.
        OutputError: the folder cannot be made.
    """
    sources = _expanded(files)
    if not suffix:
        return [Job(source) for source in sources]
    targets = _targets(sources, output, out_dir, suffix.lower().lstrip("."))
    check_inside(targets, settings.paths.allowed_roots)
    faults = _faults(sources, targets, force)
    if faults:
        raise FaultsError("the outputs", [Fault(None, each) for each in faults], "choose other outputs, or --force")
    if out_dir is not None:
        _make(Path(out_dir))
    for target in targets:
        if not target.parent.is_dir():
            raise output_error(target, FileNotFoundError(2, "no such folder"))
        check_name(target)
    return [Job(*pair, pair[1].suffix.lower().lstrip(".")) for pair in zip(sources, targets, strict=True)]


def run_jobs(jobs: Sequence[Job], work: Callable[[Job], Any], progress: Progress) -> list[FileResult]:
    """Work on each file; one that fails does not stop the others."""
    done = []
    progress.start("files", len(jobs), "files")
    for job in jobs:
        target = None if job.target == _NOWHERE else job.target
        try:
            done.append(FileResult(job.source, target, work(job)))
        except DemodError as error:
            done.append(
                FileResult(job.source, target, None, SoundError(error.message, error.hint or "", error.exit_code))
            )
            if len(jobs) > 1:
                progress.note(f"{job.source}: {error.message}")
        progress.advance("files")
    progress.finish("files")
    return done


def failed(results: Sequence[FileResult]) -> list[FileResult]:
    """Those that could not be used."""
    return [each for each in results if each.error is not None]


def require_all(results: Sequence[FileResult]) -> None:
    """Say with an error that files could not be used.

    Raises:
        DemodError: with the exit code of what went wrong, where there was one file only.
        QualityError: some of several failed.
    """
    wrong = failed(results)
    if not wrong:
        return
    if len(results) == 1 and wrong[0].error is not None:
        error = DemodError(wrong[0].error.message, wrong[0].error.hint or None)
        error.exit_code = wrong[0].error.exit_code
        raise error
    names = ", ".join(str(each.source) for each in wrong[:5]) + (" ..." if len(wrong) > 5 else "")
    raise QualityError(f"{len(wrong)} of {len(results)} files could not be used: {names}")


def _expanded(files: Sequence[str | Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for each in files:
        path = Path(each)
        if not path.exists() and any(mark in str(each) for mark in "*?["):
            matches = sorted(glob.glob(str(each), recursive=True))  # noqa: PTH207
            if not matches:
                raise UsageError(f"{each} matches no file")
            found.update((Path(match), None) for match in matches if not Path(match).is_dir())
        elif path.is_dir():
            raise UsageError(f"{path} is a folder", f"name its files: {path / '*.wav'}")
        else:
            found[path] = None
    missing = [path for path in found if not path.exists()]
    if missing:
        raise UsageError(f"{missing[0]} does not exist")
    return list(found)


def _targets(sources: Sequence[Path], output: str | Path | None, out_dir: str | Path | None, suffix: str) -> list[Path]:
    if (output is None) == (out_dir is None):
        raise UsageError("one output is needed: a file, or a folder", "give -o FILE, or --out-dir FOLDER")
    if output is not None:
        if len(sources) > 1:
            raise UsageError(f"{len(sources)} files cannot go into one output {output}", "give --out-dir FOLDER")
        target = Path(output)
        if target.is_dir():
            raise UsageError(f"{target} is a folder", f"give --out-dir {target}")
        suffix, targets = target.suffix.lower().lstrip("."), [target]
    else:
        targets = [Path(str(out_dir)) / f"{source.stem}.{suffix}" for source in sources]
    if suffix not in FORMATS:
        raise UsageError(f"unknown audio format {suffix!r}", f"known formats: {', '.join(FORMATS)}")
    return targets


def _faults(sources: Sequence[Path], targets: Sequence[Path], force: bool) -> list[str]:
    read = {source.resolve() for source in sources}
    taken: dict[Path, Path] = {}
    faults = []
    for source, target in zip(sources, targets, strict=True):
        place = target.resolve()
        if place in read:
            faults.append(f"{target} is an input; it would be overwritten")
        elif place in taken:
            faults.append(f"{source} and {taken[place]} would both become {target}")
        elif target.exists() and not force:
            faults.append(f"{target} exists already")
        taken.setdefault(place, source)
    return faults


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise output_error(folder, PermissionError(13, "no permission"))
