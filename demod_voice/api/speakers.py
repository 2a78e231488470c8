"""Whose voice it is: vectors of sound files, compared with each other, and the threshold that tells what is near enough.

``unknown`` is an answer: a model that nobody has calibrated, or a file without a voice, gives no verdict.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demod_voice.analysis.calibration import Calibration, own_place, rates_of, write_calibration
from demod_voice.analysis.speaker_files import Trial, read_trials, write_vectors
from demod_voice.analysis.speakers import ENGINE
from demod_voice.analysis.voiceprints import LEAST_SPEECH_S, NEAR, Voiceprints, Wanted, hear_voices
from demod_voice.api.identifying import speakers_among
from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.dataset.cleaning.files import jobs_of
from demod_voice.engines.pool import Pool
from demod_voice.errors import MediaError, QualityError, UsageError
from demod_voice.records.atomic import check_output
from demod_voice.records.progress import SILENT, Progress

__all__ = [
    "Calibrated",
    "Comparison",
    "Identification",
    "VoiceVector",
    "VoiceVectors",
    "calibrate_speakers",
    "compare_speakers",
    "embed_speakers",
    "identify_speaker",
    "require_kept",
    "require_voices",
]


@dataclass(frozen=True, slots=True)
class VoiceVector:
    """The voice of one file."""

    file: str
    """As it was named."""
    vector: tuple[float, ...] | None
    """Of length 1; None where there is no voice, or the file cannot be used."""
    heard_s: float = 0.0
    reason: str = ""
    """Why there is no vector."""


@dataclass(frozen=True, slots=True)
class VoiceVectors:
    """Voices that may be compared with each other."""

    files: tuple[VoiceVector, ...]
    engine: str
    model: str
    revision: str
    threshold: float | None
    """Cosine from which two are one speaker's; None when nobody has measured it for this model."""
    output: Path | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two files, and whether one speaker speaks in both."""

    first: str
    second: str
    cosine: float | None
    """-1..1; None where one has no voice."""
    threshold: float | None
    same: bool | None
    """None: unknown."""
    reason: str
    """Why it is unknown, or empty."""
    engine: str
    model: str
    revision: str


@dataclass(frozen=True, slots=True)
class Identification:
    """A file, and which of some speakers speaks in it."""

    file: str
    speaker: str
    """Empty: unknown."""
    reason: str
    """Why it is unknown, or empty."""
    scores: tuple[tuple[str, float], ...]
    """(name, cosine) of each speaker, the nearest first."""
    threshold: float | None
    engine: str
    model: str
    revision: str


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A calibration, and where it lies."""

    calibration: Calibration
    path: Path | None
    """None: it is not kept, since its trials are too few for the rate that was asked for."""
    notes: tuple[str, ...] = ()
    """What limits it, and which trials were left out."""


def embed_speakers(
    files: Sequence[str | Path],
    output: str | Path | None = None,
    *,
    engine: str = ENGINE,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> VoiceVectors:
    """A vector for the voice of each file; one that cannot be used says why and stops no other (``require_voices``).

    Args:
        files: files and patterns.
        output: ``.json`` or ``.npz`` to write; the vectors are in the result as well.
        engine: which embeds.
        settings: limits, device, threads.
        progress: told piece by piece.

    Raises:
        UsageError: a file does not exist, or the output's suffix is none of these.
        EngineError: the engine is not there, or failed.
        OutputError: the output cannot be written.
    """
    target = _target(output, (".json", ".npz"), settings)
    wanted = [Wanted(str(job.source), (job.source,)) for job in jobs_of(files)]
    heard = _heard(wanted, engine, settings, progress)
    rows = tuple(
        VoiceVector(
            each.name, None if each.vector is None else tuple(map(float, each.vector)), each.heard_s, each.reason
        )
        for each in heard.voices
    )
    if target is not None:
        write_vectors(target, heard)
    return VoiceVectors(rows, heard.engine, heard.model, heard.revision, heard.threshold, target)


def require_voices(vectors: VoiceVectors) -> None:
    """Say with an error that files have no vector.

    Raises:
        QualityError: names them.
    """
    wrong = [each for each in vectors.files if each.vector is None]
    if wrong:
        names = ", ".join(f"{each.file} ({each.reason})" for each in wrong[:5]) + (" ..." if len(wrong) > 5 else "")
        raise QualityError(f"{len(wrong)} of {len(vectors.files)} files have no vector: {names}")


def compare_speakers(
    first: str | Path,
    second: str | Path,
    *,
    threshold: float | None = None,
    engine: str = ENGINE,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> Comparison:
    """Whether one speaker speaks in two files.

    Args:
        first: a sound file.
        second: another.
        threshold: cosine; None = the model's own, as calibrated or published.
        engine: which embeds.
        settings: limits, device, ``speakers.calibration``.
        progress: told piece by piece.

    Raises:
        UsageError: a file does not exist, or the threshold is no cosine.
        MediaError: a file cannot be decoded.
        EngineError: the engine is not there, or failed.
    """
    _check_threshold(threshold)
    paths = _existing([first, second])
    heard = _sound(_heard([Wanted(str(each), (each,)) for each in paths], engine, settings, progress, LEAST_SPEECH_S))
    limit = threshold if threshold is not None else heard.threshold
    cosine = heard.cosine(0, 1)
    silent = next((each for each in heard.voices if each.vector is None), None)
    reason = f"{silent.name}: {silent.reason}" if silent else _no_threshold(heard) if limit is None else ""
    return Comparison(
        first=str(first),
        second=str(second),
        cosine=cosine,
        threshold=limit,
        same=None if cosine is None or limit is None else cosine >= limit,
        reason=reason,
        engine=heard.engine,
        model=heard.model,
        revision=heard.revision,
    )


def identify_speaker(
    file: str | Path,
    among: str | Path,
    *,
    threshold: float | None = None,
    engine: str = ENGINE,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> Identification:
    """Which of some speakers speaks in a file.

    Nobody, when the nearest is not near enough, or not clearly nearer than the next.

    Args:
        file: a sound file.
        among: a folder with a file, or a folder of files, for each speaker; or ``voices``: the saved voices that were made
            from clips.
        threshold: cosine; None = the model's own.
        engine: which embeds.
        settings: limits, device, ``speakers.calibration``.
        progress: told piece by piece.

    Raises:
        UsageError: there is no such file or folder, or nobody in it.
        MediaError: a file cannot be decoded.
        EngineError: the engine is not there, or failed.
    """
    _check_threshold(threshold)
    (path,) = _existing([file])
    speakers = speakers_among(str(among), settings)
    wanted = [Wanted(str(path), (path,)), *speakers]
    heard = _sound(_heard(wanted, engine, settings, progress, LEAST_SPEECH_S))
    limit = threshold if threshold is not None else heard.threshold
    rows = [
        (heard.voices[n].name, cosine)
        for n in range(1, len(heard.voices))
        if (cosine := heard.cosine(0, n)) is not None
    ]
    scores = tuple(sorted(rows, key=lambda each: (-each[1], each[0])))
    speaker, reason = _named(heard, scores, limit)
    return Identification(str(file), speaker, reason, scores, limit, heard.engine, heard.model, heard.revision)


def calibrate_speakers(
    trials: str | Path,
    output: str | Path | None = None,
    *,
    false_accept_rate: float = 0.01,
    engine: str = ENGINE,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> Calibrated:
    """Measure from which cosine two files are one speaker's, on pairs of which it is known.

    Args:
        trials: rows ``label,path,path`` (or divided by spaces): 1 for one speaker, 0 for two.
        output: JSON to write; None = where every later command finds it by itself, if the trials are enough to show the rate
            that was asked for.
        false_accept_rate: share of pairs of two speakers that may be called one's.
        engine: which embeds.
        settings: limits and device.
        progress: told piece by piece.

    Raises:
        FaultsError: everything that is wrong with the trials, at once.
        MediaError: a file cannot be decoded, or holds no voice.
        EngineError: the engine is not there, or failed.
        OutputError: it cannot be written.
    """
    if not 0.0 < false_accept_rate < 1.0:
        raise UsageError(
            f"a false-accept rate lies between 0 and 1, not {false_accept_rate:g}", "for example --far 0.01"
        )
    target = _target(output, (".json",), settings)
    rows, left_out = read_trials(Path(trials))
    paths = list(dict.fromkeys(path for row in rows for path in (row.first, row.second)))
    check_inside(paths, settings.paths.allowed_roots)
    heard = _sound(_heard([Wanted(str(each), (each,)) for each in paths], engine, settings, progress), every=True)
    same, different = _scores(rows, {path: number for number, path in enumerate(paths)}, heard)
    rates = rates_of(same, different, false_accept_rate)
    found = Calibration(heard.engine, heard.model, heard.revision, false_accept_rate, rates)
    few = _too_few(found)
    path = target or (None if few else own_place(heard.engine, heard.revision))
    if path is not None:
        write_calibration(found, path)
    return Calibrated(found, path, (*left_out, few) if few else left_out)


def require_kept(found: Calibrated) -> None:
    """Say with an error that a calibration was not kept.

    Raises:
        QualityError: its trials are too few for the rate that was asked for.
    """
    if found.path is None:
        raise QualityError(
            f"not kept: {_too_few(found.calibration)}",
            "or ask for a higher rate (--far 0.1), or write it where you want it (-o cal.json)",
        )


def _too_few(found: Calibration) -> str:
    """Why the trials cannot show the false-accept rate, or nothing."""
    rate, count = found.asked_false_accept_rate, found.rates.different
    if count * rate >= 1:
        return ""
    return (
        f"{count} pairs of two speakers cannot show a false-accept rate of {rate:g}: none of them is accepted; "
        f"give {int(np.ceil(1 / rate))} or more"
    )


def _heard(
    wanted: Sequence[Wanted], engine: str, settings: Settings, progress: Progress, least_speech_s: float = 0.0
) -> Voiceprints:
    check_inside([path for each in wanted for path in each.files], settings.paths.allowed_roots)
    jobs = settings.jobs or len(os.sched_getaffinity(0))
    with Pool(settings, jobs=jobs, progress=progress) as pool:
        return hear_voices(
            wanted,
            pool,
            settings.limits,
            engine=engine,
            least_speech_s=least_speech_s,
            jobs=jobs,
            progress=progress,
        )


def _sound(heard: Voiceprints, every: bool = False) -> Voiceprints:
    """What was heard, if every file could be decoded; with ``every``, each must have a voice as well.

    Raises:
        MediaError: the first that could not, or has none.
    """
    for each in heard.voices:
        if each.failure is not None:
            raise each.failure
        if every and each.vector is None:
            raise MediaError(f"{each.name} has no voice: {each.reason}", "take it out of the trials")
    return heard


def _scores(
    rows: Sequence[Trial], places: dict[Path, int], heard: Voiceprints
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Cosines of the pairs of one speaker, and of those of two."""
    found: dict[bool, list[float]] = {True: [], False: []}
    for row in rows:
        found[row.same].append(heard.cosine(places[row.first], places[row.second]) or 0.0)
    return np.array(found[True]), np.array(found[False])


def _named(heard: Voiceprints, scores: Sequence[tuple[str, float]], limit: float | None) -> tuple[str, str]:
    """(speaker, why nobody)."""
    if heard.voices[0].vector is None:
        return "", f"{heard.voices[0].name}: {heard.voices[0].reason}"
    if not scores:
        return "", "none of the speakers' files has a voice"
    if limit is None:
        return "", _no_threshold(heard)
    name, best = scores[0]
    if best < limit:
        return "", f"the nearest is {name} at {best:.3f}, under the threshold {limit:.3f}"
    if len(scores) > 1 and best - scores[1][1] < NEAR:
        return "", f"{name} and {scores[1][0]} are nearly as near: {best:.3f} and {scores[1][1]:.3f}"
    return name, ""


def _no_threshold(heard: Voiceprints) -> str:
    return f"nobody has measured how near two clips of one speaker are for model {heard.model}"


def _check_threshold(threshold: float | None) -> None:
    if threshold is not None and not -1.0 <= threshold <= 1.0:
        raise UsageError(f"a threshold is a cosine of -1 to 1, not {threshold:g}")


def _existing(files: Sequence[str | Path]) -> list[Path]:
    """The files; the same one may be given twice."""
    for each in files:
        jobs_of([each])
    return [Path(each) for each in files]


def _target(output: str | Path | None, suffixes: Sequence[str], settings: Settings) -> Path | None:
    if output is None:
        return None
    path = Path(output)
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"{path} must end in {' or '.join(suffixes)}")
    check_inside([path], settings.paths.allowed_roots)
    check_output(path)
    return path
