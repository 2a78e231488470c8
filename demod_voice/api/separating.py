"""Separate any medium into dialogue and background. Foreign files are opened in a child process only."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from demod_voice.analysis.separation import ENGINE, STEMS, Separation, check_stems, separate_recording
from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.dataset.cleaning.files import jobs_of
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineRefused, UsageError
from demod_voice.media.foreign import decode, probe
from demod_voice.media.wav import wav_info
from demod_voice.records.atomic import output_error, replacing
from demod_voice.records.progress import SILENT, Progress

__all__ = ["SeparateOptions", "Separated", "separate_file"]

MOST_CHANNELS = 2
MOST_SHIFTS = 20


@dataclass(frozen=True, slots=True)
class SeparateOptions:
    """What ``separate_file`` does."""

    stems: tuple[str, ...] = ()
    """``dialogue``, ``background``; empty = both."""
    shifts: int = 0
    """Passes that are averaged, each from another place: 0 to 20."""
    engine: str = ENGINE
    force: bool = False
    """Stems that exist are replaced."""


@dataclass(frozen=True, slots=True)
class Separated:
    """The stems of one file."""

    source: Path
    result: Separation


def separate_file(
    file: str | Path,
    folder: str | Path,
    options: SeparateOptions | None = None,
    *,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> Separated:
    """Write ``dialogue.wav`` and ``background.wav`` of a file: 32-bit float at its own rate, which sum up to it.

    Args:
        file: anything that libav reads; its sound is taken.
        folder: where the stems go; made when missing.
        options: which stems, and how.
        settings: limits, device, seed.
        progress: told in seconds of the recording.

    Raises:
        UsageError: the file does not exist, a stem is in the way, there is no such stem, or so many shifts cannot be.
        MediaError: it cannot be decoded.
        EngineError: the engine is not there, or failed.
        OutputError: a stem cannot be written.
    """
    chosen = options or SeparateOptions()
    jobs_of([file])
    source, out = Path(file), Path(folder)
    if not 0 <= chosen.shifts <= MOST_SHIFTS:
        raise UsageError(f"shifts are 0 to {MOST_SHIFTS}, not {chosen.shifts}", "2 to 5 are usual")
    targets = _targets(source, out, chosen, settings)
    with Pool(settings, jobs=1, progress=progress) as pool:
        info = pool.info(chosen.engine)
        if "separate" not in info.operations:
            raise EngineRefused(f"engine {chosen.engine} separates nothing", f"--engine {ENGINE} does")
        pool.load(chosen.engine)
        channels = probe(source, settings.limits).num_channels
        with tempfile.TemporaryDirectory(prefix="demod-voice-") as scratch:
            recording = Path(scratch) / "recording.wav"
            decode(source, recording, 0, settings.limits, channels=int(channels > MOST_CHANNELS))
            heard = _heard(source, recording, info.input_rate or 16000, channels, settings)
            with _folder(out):
                made = _separated(recording, heard, targets, chosen, pool, settings, progress)
    if channels > MOST_CHANNELS:
        made = replace(made, degraded=(f"{channels} channels were mixed to one", *made.degraded))
    return Separated(source, made)


def _targets(source: Path, out: Path, options: SeparateOptions, settings: Settings) -> dict[str, Path]:
    """Stem -> the file that it goes to."""
    try:
        stems = check_stems(options.stems)
    except ValueError as error:
        raise UsageError(str(error), f"the stems are {' and '.join(STEMS)}") from error
    targets = {name: out / f"{name}.wav" for name in stems}
    check_inside([source, *targets.values()], settings.paths.allowed_roots)
    for path in targets.values():
        if path.exists() and path.resolve() == source.resolve():
            raise UsageError(f"{path} is the input; it would be overwritten", "choose another folder")
        if path.exists() and not options.force:
            raise UsageError(f"{path} exists already", "choose another folder, or --force")
    there = next(each for each in (out, *out.absolute().parents) if each.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        wrong = errno.EACCES if there.is_dir() else errno.ENOTDIR
        raise output_error(out, OSError(wrong, os.strerror(wrong)))
    return targets


@contextmanager
def _folder(out: Path) -> Iterator[None]:
    """The folder of the stems, made for the block; one that is empty after a failure is not left there.

    Raises:
        OutputError: it cannot be made.
    """
    new = [each for each in (out, *out.parents) if not each.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(out, error) from error
    try:
        yield
    except BaseException:
        for each in new:
            with suppress(OSError):
                each.rmdir()
        raise


def _heard(source: Path, recording: Path, rate: int, channels: int, settings: Settings) -> Path:
    """The recording at the engine's rate."""
    if wav_info(recording).sample_rate == rate:
        return recording
    path = recording.with_name("heard.wav")
    decode(source, path, rate, settings.limits, channels=int(channels > MOST_CHANNELS))
    return path


def _separated(
    recording: Path,
    heard: Path,
    targets: dict[str, Path],
    options: SeparateOptions,
    pool: Pool,
    settings: Settings,
    progress: Progress,
) -> Separation:
    """Every stem is written to a temporary name, and all of them appear together."""
    with ExitStack() as stack:
        unfinished = {name: stack.enter_context(replacing(path)) for name, path in targets.items()}
        made = separate_recording(
            recording,
            heard,
            unfinished,
            pool,
            engine=options.engine,
            shifts=options.shifts,
            seed=settings.seed,
            progress=progress,
        )
    return replace(made, stems=tuple(replace(each, path=targets[each.name]) for each in made.stems))
