"""Whose segments are kept: clips of the target speakers, and how near each segment is to them.

``--speaker-refs DIR`` holds the clips of one speaker, or a folder for each of several, named like them. The threshold is
``dataset.gates.speaker_score_min``, or the embedding model's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demod_voice.analysis.speakers import ENGINE, Embeddings, centre, cosine, embed_clips
from demod_voice.analysis.voiceprints import NEAR, voice_pieces
from demod_voice.config.settings import Settings
from demod_voice.dataset.sources import SUFFIXES
from demod_voice.engines.pool import Pool
from demod_voice.errors import UsageError
from demod_voice.records.hashing import hash_file
from demod_voice.records.progress import SILENT, Progress

VOICELESS = -1.0
"""Score of a segment in which the model finds no voice."""


@dataclass(frozen=True, slots=True)
class Target:
    """A speaker whose segments are wanted."""

    name: str
    clips: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """How near a segment is to the targets."""

    speaker: str
    """The nearest target, or empty: nobody's."""
    score: float
    """Cosine to it, -1..1. Between two targets it is held under the threshold."""


def find_targets(folder: Path, name: str = "") -> tuple[Target, ...]:
    """The target speakers of a folder.

    Args:
        folder: clips of one speaker, or a folder of clips for each.
        name: of the one speaker; empty = the folder's name.

    Raises:
        UsageError: it is no folder, holds no clip, or both clips and folders of clips.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", "give a folder with clips of the speaker")
    own = _clips(folder)
    inner = [Target(each.name, _clips(each)) for each in sorted(folder.iterdir()) if each.is_dir()]
    inner = [each for each in inner if each.clips and not each.name.startswith(".")]
    if own and inner:
        raise UsageError(
            f"{folder} holds clips, and folders of clips ({inner[0].name})", "put each speaker's clips in a folder"
        )
    if not own and not inner:
        raise UsageError(
            f"{folder} holds no clip of a speaker", "put sound files of the speaker in it, 6 s or more in all"
        )
    return (Target(name or folder.resolve().name, own),) if own else tuple(inner)


def hash_targets(targets: Sequence[Target]) -> tuple[str, ...]:
    """Names and contents: what a result depends on."""
    return tuple(f"{each.name}:{hash_file(clip)}" for each in targets for clip in each.clips)


class TargetSpeakers:
    """Knows the target speakers' voices. Make one with ``learn``."""

    def __init__(self, names: Sequence[str], centres: NDArray[np.float32], threshold: float, heard: Embeddings) -> None:
        self.names = tuple(names)
        self.threshold = threshold
        """Cosine from which a segment is a target's."""
        self.notes: tuple[str, ...] = heard.degraded
        self._centres = centres
        self._model = (heard.model, heard.revision)

    @classmethod
    def learn(
        cls,
        targets: Sequence[Target],
        settings: Settings,
        pool: Pool,
        scratch: Path,
        *,
        engine: str = ENGINE,
        jobs: int = 1,
        progress: Progress = SILENT,
    ) -> TargetSpeakers:
        """Hear the targets' clips.

        Args:
            targets: at least one.
            settings: the threshold, and limits of decoding.
            pool: runs the engine.
            scratch: a folder for decoded clips.
            engine: embeds.
            jobs: requests at once; changes nothing.
            progress: told clip by clip.

        Raises:
            EngineNotInstalled: the engine is not there.
            EngineError: it failed.
            MediaError: a clip cannot be decoded.
            UsageError: a speaker's clips hold no voice, or no threshold is known.
        """
        pieces = [list(_pieces(each, number, settings, scratch)) for number, each in enumerate(targets)]
        heard = embed_clips([path for own in pieces for path in own], pool, engine, jobs=jobs, progress=progress)
        for path in (path for own in pieces for path in own):
            path.unlink(missing_ok=True)
        bounds = np.cumsum([0, *map(len, pieces)])
        centres = [
            _centre(each, heard.vectors[begin:end])
            for each, begin, end in zip(targets, bounds[:-1], bounds[1:], strict=True)
        ]
        threshold = settings.dataset.gates.speaker_score_min or heard.threshold
        if threshold is None:
            raise UsageError(
                f"nobody has measured how near two clips of one speaker are for model {heard.model}",
                "set dataset.gates.speaker_score_min, or measure it: demod-voice speaker calibrate TRIALS",
            )
        return cls([each.name for each in targets], np.stack(centres), threshold, heard)

    def score(
        self, clips: Sequence[Path], pool: Pool, *, engine: str = ENGINE, jobs: int = 1, progress: Progress = SILENT
    ) -> list[Scored]:
        """Whose each clip is.

        Args:
            clips: WAVs that this program wrote.
            pool: runs the engine.
            engine: the one that the targets were learnt with.
            jobs: requests at once; changes nothing.
            progress: told clip by clip.

        Raises:
            EngineError: the engine failed.
            UsageError: it has another model than the targets were learnt with.
        """
        if not clips:
            return []
        heard = embed_clips(clips, pool, engine, jobs=jobs, progress=progress)
        if (heard.model, heard.revision) != self._model:
            raise UsageError(
                f"engine {engine} changed its model from {self._model[0]} to {heard.model}", "run it again"
            )
        return [self._scored(row) for row in cosine(heard.vectors, self._centres)]

    def _scored(self, row: NDArray[np.float32]) -> Scored:
        if np.isnan(row).any():
            return Scored("", VOICELESS)
        order = np.argsort(-row, kind="stable")
        best = round(float(row[order[0]]), 4)
        if len(row) > 1 and best - float(row[order[1]]) < NEAR:
            return Scored("", min(best, round(self.threshold - 0.0001, 4)))
        return Scored(self.names[order[0]] if best >= self.threshold else "", best)


def _clips(folder: Path) -> tuple[Path, ...]:
    found = (path for path in sorted(folder.iterdir()) if path.suffix.lower().lstrip(".") in SUFFIXES)
    return tuple(path for path in found if path.is_file() and not path.name.startswith("."))


def _pieces(target: Target, number: int, settings: Settings, scratch: Path) -> Iterator[Path]:
    """A target's clips as WAVs of some seconds."""
    for place, clip in enumerate(target.clips):
        yield from voice_pieces(clip, scratch / f"reference-{number}-{place}", settings.limits)


def _centre(target: Target, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    try:
        return centre(vectors)
    except ValueError:
        raise UsageError(
            f"no voice is found in the clips of {target.name}",
            "give clips of 3 s or more in which only that speaker speaks",
        ) from None
