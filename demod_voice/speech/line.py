"""A line before an engine is asked: the job, its chunks, its key, and the requests that it becomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from demod_voice.engines.types import EngineInfo, SpeechRequest
from demod_voice.records.hashing import hash_json, seed_from
from demod_voice.speech.guards import length_bounds_s
from demod_voice.speech.identity import ContentHashes
from demod_voice.speech.prepare import PREPARE_VERSION
from demod_voice.voices.resolved import ResolvedVoice

SPEECH_VERSION = 1
"""Raised by hand when trimming, joining or gain give other bytes; part of every take's key."""
ROOM = 1.25
"""An engine may run this much over the longest believable length before it is told to stop, so that it is seen."""


@dataclass(frozen=True, slots=True)
class LineJob:
    """One line to speak."""

    id: str
    """Names the line among others of the same voice; with the seed it makes the seed of each attempt."""
    text: str
    """As written."""
    voice: ResolvedVoice
    language: str = ""
    """BCP 47."""
    seed: int = 0
    """Base seed: the episode's, or the speaker's."""
    hints: Mapping[str, Any] = field(default_factory=dict)
    """Wishes of the script about this line; what no engine honours yet is told as a degradation."""


@dataclass(frozen=True, slots=True)
class Line:
    """A job with everything that is made of it before an engine is asked."""

    job: LineJob
    chunks: tuple[str, ...]
    identity: Mapping[str, Any]
    """All that the take depends on, but the seed."""

    @property
    def info(self) -> EngineInfo:
        """The engine that speaks it."""
        return self.job.voice.engine

    def seed(self, attempt: int) -> int:
        """Seed of an attempt; 0 for an engine that has no use for one, so that its takes are shared."""
        return seed_from(self.job.seed, self.job.id, attempt) if self.info.seeded else 0

    def key(self, attempt: int) -> str:
        """Hash of everything that the take of an attempt depends on."""
        return self.key_of(self.seed(attempt))

    def key_of(self, seed: int) -> str:
        """Hash of everything that a take made with ``seed`` depends on."""
        return hash_json({**self.identity, "seed": seed if self.info.seeded else None})


def identity(job: LineJob, chunks: tuple[str, ...], threads: int, hashes: ContentHashes) -> dict[str, Any]:
    """All that a take depends on but its seed: content only, never a path, a name for people, a clock or a device.

    Raises:
        ModelMissing: a file of the voice is gone.
    """
    voice, info = job.voice, job.voice.engine
    return {
        "versions": [SPEECH_VERSION, PREPARE_VERSION],
        "engine": [info.name, info.output_version, threads],
        "voice": hashes.of_voice(voice.voice),
        "chunks": list(chunks),
        "language": job.language,
        "speed": _honoured(voice, "speed"),
        "pitch": _honoured(voice, "pitch"),
        "volume_db": float(voice.volume_db),
        "style": dict(voice.style),
    }


def requests(line: Line, attempt: int) -> Iterator[SpeechRequest]:
    """What the engine is asked for each chunk; the chunks after the first have seeds of their own."""
    job, voice = line.job, line.job.voice
    speed = _honoured(voice, "speed")
    seed = line.seed(attempt)
    for number, text in enumerate(line.chunks):
        yield SpeechRequest(
            text=text,
            language=job.language,
            voice=voice.voice,
            seed=seed if number == 0 or not line.info.seeded else seed_from(seed, number),
            speed=speed,
            pitch=_honoured(voice, "pitch"),
            style=dict(voice.style),
            max_s=length_bounds_s(text, speed)[1] * ROOM,
        )


def _honoured(voice: ResolvedVoice, what: str) -> float:
    """The ratio that the engine is asked for: 1 when it cannot do it."""
    return float(getattr(voice, what)) if what in voice.engine.honours else 1.0


def unhonoured(job: LineJob) -> tuple[str, ...]:
    """What a job asks for that neither its engine nor the core does yet."""
    voice = job.voice
    ratios = [what for what in ("speed", "pitch") if getattr(voice, what) != 1.0 and what not in voice.engine.honours]
    return (*ratios, *(f"hint.{name}" for name in sorted(job.hints)))
