"""A line before an engine is asked: the job, its pieces, its key, and the requests that it becomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demod_worker.messages import ContextTurn

from demod_voice.config.settings import Settings
from demod_voice.engines.options import audible_options
from demod_voice.engines.types import EngineInfo, SpeechRequest
from demod_voice.records.hashing import hash_json, seed_from
from demod_voice.speech.guards import length_bounds_s
from demod_voice.speech.identity import ContentHashes
from demod_voice.speech.job import LineJob
from demod_voice.speech.manner import plain_manner
from demod_voice.speech.pieces import Piece, Pieces
from demod_voice.speech.prepare import PREPARE_VERSION

SPEECH_VERSION = 1
"""Raised by hand when trimming, joining or gain give other bytes; part of every take's key."""
ROOM = 1.25
"""An engine may run this much over the longest believable length before it is told to stop, so that it is seen."""


@dataclass(frozen=True, slots=True)
class Line:
    """A job with everything that is made of it before an engine is asked."""

    job: LineJob
    made: Pieces
    identity: Mapping[str, Any]
    """All that the take depends on, but the seed; empty where nobody asks for its key."""
    batch: str = ""
    """Hash of the lines that its first attempt is spoken together with."""

    @property
    def info(self) -> EngineInfo:
        """The engine that speaks it."""
        return self.job.voice.engine

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """What the engine is asked for, in order."""
        return self.made.pieces

    @property
    def plain(self) -> bool:
        """All of it is said in the voice's own manner."""
        plain = plain_manner(self.job.voice, self.job.language)
        return all(piece.manner == plain for piece in self.pieces)

    @property
    def chunks(self) -> tuple[str, ...]:
        """The texts, as the engine gets them."""
        return tuple(piece.text for piece in self.pieces)

    def seed(self, attempt: int) -> int:
        """Seed of an attempt; 0 for an engine that has no use for one, so that its takes are shared."""
        return seed_from(self.job.seed, self.job.id, attempt) if self.info.seeded else 0

    def key(self, attempt: int) -> str:
        """Hash of everything that the take of an attempt depends on."""
        return self.key_of(self.seed(attempt), self.batch if attempt == 0 else "")

    def key_of(self, seed: int, batch: str = "") -> str:
        """Hash of everything that a take made with ``seed`` (in a batch) depends on."""
        together = {"batch": batch} if batch else {}
        return hash_json({**self.identity, **together, "seed": seed if self.info.seeded else None})


def identity(job: LineJob, pieces: Sequence[Piece], settings: Settings, hashes: ContentHashes) -> dict[str, Any]:
    """All that a take depends on but its seed: content only, never a path, a name for people, a clock or a device.

    Raises:
        ModelMissing: a file of the voice is gone.
        UsageError: an option of the engine is wrong.
    """
    voice, info = job.voice, job.voice.engine
    plain = plain_manner(voice, job.language)
    found = {
        "versions": [SPEECH_VERSION, PREPARE_VERSION],
        "engine": [info.name, info.output_version, settings.engines.threads],
        "voice": hashes.of_voice(voice.voice),
        "chunks": [piece.text for piece in pieces],
        "language": job.language,
        "speed": plain.speed,
        "pitch": plain.pitch,
        "volume_db": plain.volume_db,
        "style": dict(voice.style),
    }
    options = audible_options(info, settings)
    if options:
        found["options"] = options
    if job.context:
        found["context"] = [[turn.speaker, turn.text, turn.sha256] for turn in job.context]
    if not all(piece.manner == plain for piece in pieces):
        found["manners"] = [{**piece.manner.content, "gap_s": piece.gap_s} for piece in pieces]
    return found


def requests(line: Line, attempt: int, context: tuple[ContextTurn, ...] = ()) -> Iterator[SpeechRequest]:
    """What the engine is asked for each piece; the pieces after the first have seeds of their own.

    Args:
        line: the line.
        attempt: from 0.
        context: the job's turns, as an engine takes them.
    """
    voice = line.job.voice
    seed = line.seed(attempt)
    for number, piece in enumerate(line.pieces):
        manner = piece.manner
        yield SpeechRequest(
            text=piece.text,
            language=manner.language,
            voice=voice.voice,
            seed=seed if number == 0 or not line.info.seeded else seed_from(seed, number),
            speed=manner.speed,
            pitch=manner.pitch,
            style=manner.style(voice),
            max_s=length_bounds_s(piece.text, manner.speed)[1] * ROOM,
            foreign=manner.foreign,
            context=context,
        )


def unhonoured(job: LineJob, wanting: Sequence[str] = ()) -> tuple[str, ...]:
    """What a job asks for that neither its engine nor the core does; ``wanting`` is what its spans do not get."""
    voice = job.voice
    ratios = [what for what in ("speed", "pitch") if getattr(voice, what) != 1.0 and what not in voice.engine.honours]
    context = ["context"] if job.turns and not voice.engine.context else []
    return (*ratios, *context, *(f"hint.{name}" for name in sorted(job.hints)), *wanting)
