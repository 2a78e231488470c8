"""The waist between features and engines: a ``SpeechRequest`` goes in, a ``Speech`` comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from demod_worker.messages import Voice, Word

from demod_voice.audio.clip import Clip


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """One utterance for one engine. The text is already prepared (``demod_voice.speech`` does that)."""

    text: str
    language: str = ""
    """BCP 47 tag, or empty for the voice's own."""
    voice: Voice = field(default_factory=Voice)
    seed: int = 0
    """0..2**31-1."""
    speed: float = 1.0
    """Ratio of the voice's own rate."""
    pitch: float = 1.0
    """Ratio of the voice's own pitch."""
    volume_db: float = 0.0
    style: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Engine-specific settings, JSON values."""
    max_s: float | None = None
    foreign: bool = False
    """In another language than the line that it belongs to."""


@dataclass(frozen=True, slots=True)
class Speech:
    """What an engine made of one request."""

    clip: Clip
    """At the engine's own rate."""
    words: tuple[Word, ...]
    """Word times from the clip's start, or empty."""
    encoding: str
    """``pcm_s16le`` or ``pcm_f32le``: what the engine sent, so that a take can be kept without loss."""
    model: str
    model_revision: str
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """An engine as its ``engine.toml`` describes it."""

    name: str
    """``[a-z][a-z0-9]*``."""
    summary: str
    folder: Path
    version: str
    """The engine's own version, for people."""
    output_version: int
    """Raised by hand when the same request gives other bytes; part of every take's key."""
    operations: tuple[str, ...]
    command: tuple[str, ...] = ("{python}", "worker.py")
    embedded: bool = False
    """Installs itself on first use."""
    languages: tuple[str, ...] = ()
    """BCP 47 primary tags, or empty for any."""
    normalises_text: bool = False
    """The engine reads numbers and abbreviations itself, so it gets raw text."""
    max_chars: int = 0
    """Longest text of one utterance; 0 = no limit."""
    max_batch: int = 1
    determinism: str = "none"
    """``bytes``, ``same-batch`` or ``none``."""
    seeded: bool = True
    """False: the seed changes nothing, so it is left out of a take's key and takes are shared between episodes."""
    clones: bool = False
    """It speaks with a voice taken from reference clips, so consent is asked for."""
    needs_model: bool = False
    """It has no voice of its own: a saved voice or a model must be named."""
    words_per_minute: float = 155.0
    """Typical rate of English prose at speed 1; an estimate for people, no result depends on it."""
    streams: bool = False
    word_times: bool = False
    honours: tuple[str, ...] = ()
    """Of ``speed pitch volume phonemes``: what it does itself."""
    styles: tuple[str, ...] = ()
    """Manners of speaking that it has (``whisper``), asked for as ``style.delivery``."""
    cancel_grace_s: float = 2.0
    """Seconds between a cancel and the end of the process, when the engine stays silent."""
    gpu: bool = False
    """It can compute on a CUDA device."""
    python_range: str = ""
    """Python versions of its environment (``>=3.11,<3.14``); empty = the program's own."""
    drop: tuple[str, ...] = ()
    """Files of the installed environment that cannot load and are removed (patterns below site-packages)."""
    install_mb: int = 0
    """Size of the installed environment in MB, said before it is installed."""
    licence: str = ""
    """Licence of the engine's code."""
    model_licence: str = ""
    """Licence of its default model, or ``per voice``."""
    model_source: str = ""
    requires_acceptance: bool = False
