"""Whose voice a clip has: vectors of an embedding model, and how near they are to each other.

Vectors of different models are never compared, and the cosine from which two clips are one speaker's is the model's own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from demod_worker.messages import EmbedRequest, EmbedResult
from numpy.typing import NDArray

from demod_voice.analysis.calibration import calibrated
from demod_voice.analysis.listening import listening_copy
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineBrokenProtocol
from demod_voice.records.progress import SILENT, Progress

ENGINE = "ecapa"
BATCH = 16
"""Clips of one request."""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The voices of some clips."""

    vectors: NDArray[np.float32]
    """Shape (clips, dimension), each row of length 1; a row of NaN for a clip without a voice."""
    model: str
    revision: str = ""
    threshold: float | None = None
    """Cosine from which two clips are one speaker's: as calibrated here, else as the engine says; None when nobody has
    measured it for this model."""
    reasons: tuple[str, ...] = ()
    """For each clip why it has no vector, or empty."""
    degraded: tuple[str, ...] = ()


def embed_clips(
    clips: Sequence[Path], pool: Pool, engine: str = ENGINE, *, jobs: int = 1, progress: Progress = SILENT
) -> Embeddings:
    """A vector for the voice of each clip.

    Args:
        clips: WAVs that this program wrote, any rate; at least one.
        pool: runs the engine.
        engine: which one.
        jobs: requests at once; changes nothing.
        progress: told clip by clip.

    Raises:
        EngineNotInstalled: the engine is not there; says the command that helps.
        EngineError: it failed.
        MediaError: a clip cannot be read.
        UsageError: the calibration that the settings name is of another model.
        ValueError: there is no clip.
    """
    if not clips:
        raise ValueError("no clip, no voice")
    step = "compare voices"
    progress.start(step, len(clips), "clips")

    def one(begin: int) -> tuple[EmbedResult, NDArray[np.float32]]:
        found = _embedded(clips[begin : begin + BATCH], Path(folder) / str(begin), pool, engine)
        progress.advance(step, len(found[1]))
        return found

    with tempfile.TemporaryDirectory(prefix="demod-voice-") as folder, ThreadPoolExecutor(max(1, jobs)) as threads:
        parts = list(threads.map(one, range(0, len(clips), BATCH)))
    progress.finish(step)
    first = parts[0][0]
    if any(
        (each.model, each.model_revision, each.dimension) != (first.model, first.model_revision, first.dimension)
        for each, _ in parts
    ):
        raise EngineBrokenProtocol(f"engine {engine} changed its model between two requests")
    reasons = [each.reasons or ("",) * len(rows) for each, rows in parts]
    calibration = calibrated(engine, first.model, first.model_revision, pool.settings)
    return Embeddings(
        np.concatenate([rows for _, rows in parts]),
        first.model,
        first.model_revision,
        calibration.threshold if calibration else first.same_speaker,
        tuple(reason for part in reasons for reason in part),
        tuple(dict.fromkeys(said for each, _ in parts for said in each.degraded)),
    )


def cosine(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """How near voices are, -1..1: shape (n, m) for (n, d) and (m, d); NaN where a clip has no vector."""
    a, b = np.atleast_2d(first).astype(np.float64), np.atleast_2d(second).astype(np.float64)
    lengths = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)[None, :]
    found: NDArray[np.float32] = (a @ b.T / np.maximum(lengths, 1e-12)).astype(np.float32)
    return found


def centre(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """One voice for several clips of a speaker: the mean of their vectors, of length 1, shape (d,).

    Raises:
        ValueError: no clip has a vector.
    """
    known = vectors[~np.isnan(vectors).any(axis=1)]
    if not len(known):
        raise ValueError("none of the clips has a voice")
    mean = known.astype(np.float64).mean(axis=0)
    found: NDArray[np.float32] = (mean / max(1e-12, float(np.linalg.norm(mean)))).astype(np.float32)
    return found


def _embedded(clips: Sequence[Path], folder: Path, pool: Pool, engine: str) -> tuple[EmbedResult, NDArray[np.float32]]:
    folder.mkdir()
    heard = tuple(str(listening_copy(clip, folder / f"{n}.wav").absolute()) for n, clip in enumerate(clips))
    out = folder / "vectors.f32"
    result = pool.embed(engine, EmbedRequest(heard, str(out)))
    numbers = np.fromfile(out, "<f4").astype(np.float32) if out.is_file() else np.zeros(0, np.float32)
    if result.dimension <= 0 or len(numbers) != len(clips) * result.dimension:
        raise EngineBrokenProtocol(
            f"engine {engine}: {len(numbers)} numbers for {len(clips)} clips of dimension {result.dimension}"
        )
    if result.reasons and len(result.reasons) != len(clips):
        raise EngineBrokenProtocol(f"engine {engine}: {len(result.reasons)} reasons for {len(clips)} clips")
    return result, numbers.reshape(len(clips), result.dimension)
