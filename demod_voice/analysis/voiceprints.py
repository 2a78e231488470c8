"""Whose voice sound files hold: each file (or each speaker's files) as one vector, heard in pieces of some seconds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demod_voice.analysis.listening import RATE, listening_slice
from demod_voice.analysis.speakers import ENGINE, Embeddings, centre, cosine, embed_clips
from demod_voice.analysis.speech_amount import speech_up_to
from demod_voice.config.settings import Limits
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineBrokenProtocol, MediaError
from demod_voice.media.foreign import WHOLE, Stretch, decode, probe
from demod_voice.media.wav import wav_info
from demod_voice.records.progress import SILENT, Progress

PIECE_S = 10.0
"""A file is heard in pieces of this length: models are trained on a few seconds."""
MOST_PIECES = 6
"""Pieces of one file: its first minute and a half at most says who speaks."""
LONG_S, LONG_BYTES = 600.0, 16 << 20
"""A file of so many seconds and bytes is a whole recording."""
LEAST_SPEECH_S = 1.0
"""Of less speech, or of a noise, a model makes a vector too, and it says nothing."""
NEAR = 0.05
"""Cosine by which the nearest speaker must be nearer than the next; else nobody knows who it is."""
GROUP = 32
"""Voices that are decoded and heard before the next ones: pieces on the disk stay few."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A voice to be heard."""

    name: str
    """What results call it."""
    files: tuple[Path, ...]
    """Anything that libav reads; all of one speaker."""


@dataclass(frozen=True, slots=True)
class Voiceprint:
    """One voice."""

    name: str
    vector: NDArray[np.float32] | None
    """Shape (dimension,), length 1; None without a voice."""
    heard_s: float = 0.0
    """Seconds that were heard."""
    reason: str = ""
    """Why there is no vector."""
    failure: MediaError | None = None
    """A file of it that cannot be used."""


@dataclass(frozen=True, slots=True)
class Voiceprints:
    """Voices of one model: they may be compared with each other, and with no others."""

    voices: tuple[Voiceprint, ...]
    engine: str
    model: str = ""
    revision: str = ""
    threshold: float | None = None
    """Cosine from which two are one speaker's; None when nobody has measured it for this model."""
    degraded: tuple[str, ...] = ()

    def cosine(self, first: int, second: int) -> float | None:
        """How near two voices are, -1..1; None when one of them is not known."""
        a, b = self.voices[first].vector, self.voices[second].vector
        return None if a is None or b is None else round(float(cosine(a, b)[0, 0]), 6)


def voice_pieces(clip: Path, stem: Path, limits: Limits) -> Iterator[Path]:
    """A file as 16 kHz WAVs of about ``PIECE_S``, at most ``MOST_PIECES`` of them from its beginning.

    Args:
        clip: anything that libav reads.
        stem: where the WAVs go, a name without suffix.
        limits: of decoding.

    Raises:
        MediaError: it cannot be decoded.
    """
    whole = stem.with_name(f"{stem.name}.wav")
    decode(clip, whole, RATE, limits, encoding="pcm_s16le", stretch=_heard_of(clip, limits))
    length_s = wav_info(whole).duration_s
    count = max(1, min(MOST_PIECES, round(length_s / PIECE_S)))
    heard_s = min(length_s, 1.5 * PIECE_S * count)
    for number in range(count):
        begin_s, end_s = (heard_s * at / count for at in (number, number + 1))
        yield listening_slice(whole, begin_s, end_s, stem.with_name(f"{stem.name}.{number}.wav"))
    whole.unlink()


def _heard_of(clip: Path, limits: Limits) -> Stretch:
    """What is decoded of a file: of a recording of hours its beginning alone, since no more of it is heard."""
    if not clip.is_file() or clip.stat().st_size < LONG_BYTES or probe(clip, limits).duration_s < LONG_S:
        return WHOLE
    return Stretch(0.0, 1.5 * PIECE_S * MOST_PIECES)


def hear_voices(
    wanted: Sequence[Wanted],
    pool: Pool,
    limits: Limits,
    *,
    engine: str = ENGINE,
    least_speech_s: float = 0.0,
    jobs: int = 1,
    progress: Progress = SILENT,
) -> Voiceprints:
    """A vector for each voice. A file that cannot be used is told in its voice, and stops no other.

    Args:
        wanted: the voices, at least one.
        pool: runs the engine.
        limits: of decoding.
        engine: which one.
        least_speech_s: a voice with less speech than that has no vector; 0 = speech is not looked for.
        jobs: files that are decoded, and requests that run, at once; changes nothing.
        progress: told piece by piece.

    Raises:
        EngineNotInstalled: the engine is not there.
        EngineError: it failed.
    """
    voices: list[Voiceprint] = []
    known: Embeddings | None = None
    for begin in range(0, len(wanted), GROUP):
        with tempfile.TemporaryDirectory(prefix="demod-voice-") as folder:
            part, place = wanted[begin : begin + GROUP], Path(folder)
            prints, heard = _group(part, place, pool, limits, engine, least_speech_s, jobs, progress)
        if known and heard and (known.model, known.revision) != (heard.model, heard.revision):
            raise EngineBrokenProtocol(f"engine {engine} changed its model between two requests")
        voices += prints
        known = known or heard
    if known is None:
        return Voiceprints(tuple(voices), engine)
    return Voiceprints(tuple(voices), engine, known.model, known.revision, known.threshold, known.degraded)


def _group(
    wanted: Sequence[Wanted],
    folder: Path,
    pool: Pool,
    limits: Limits,
    engine: str,
    least_speech_s: float,
    jobs: int,
    progress: Progress,
) -> tuple[list[Voiceprint], Embeddings | None]:
    """Some voices at once, and what was heard of all of them."""
    with ThreadPoolExecutor(max(1, jobs)) as threads:
        made = list(threads.map(partial(_decoded, folder=folder, limits=limits), range(len(wanted)), wanted))
    pieces = [path for each in made if not isinstance(each, MediaError) for path in each]
    heard = embed_clips(pieces, pool, engine, jobs=jobs, progress=progress) if pieces else None
    prints, at = [], 0
    for each, own in zip(wanted, made, strict=True):
        if isinstance(own, MediaError) or heard is None:
            failure = own if isinstance(own, MediaError) else None
            prints.append(Voiceprint(each.name, None, reason=failure.message if failure else "", failure=failure))
            continue
        rows = slice(at, at := at + len(own))
        found = _print(each.name, heard.vectors[rows], heard.reasons[rows], own)
        prints.append(_with_speech(found, own, least_speech_s, folder, pool))
    return prints, heard


def _with_speech(found: Voiceprint, pieces: Sequence[Path], least_s: float, folder: Path, pool: Pool) -> Voiceprint:
    """The voice, without its vector where there is too little speech."""
    if found.vector is None or not least_s:
        return found
    speech_s = speech_up_to(pieces, least_s, folder, pool)
    if speech_s >= least_s:
        return found
    return replace(found, vector=None, reason=f"{speech_s:.1f} s of speech, and {least_s:g} s are needed")


def _decoded(number: int, wanted: Wanted, folder: Path, limits: Limits) -> list[Path] | MediaError:
    try:
        return [
            piece
            for place, clip in enumerate(wanted.files)
            for piece in voice_pieces(clip, folder / f"{number}-{place}", limits)
        ]
    except MediaError as error:
        return error


def _print(name: str, vectors: NDArray[np.float32], reasons: Sequence[str], pieces: Sequence[Path]) -> Voiceprint:
    with_voice = [path for path, row in zip(pieces, vectors, strict=True) if not np.isnan(row).any()]
    if not with_voice:
        return Voiceprint(name, None, reason=next(filter(None, reasons), "no voice"))
    heard_s = round(sum(wav_info(path).duration_s for path in with_voice), 3)
    return Voiceprint(name, centre(vectors), heard_s)
