"""The waist between features and engines: a ``SpeechRequest`` goes in, a ``Speech`` comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from demod_worker.messages import ContextTurn, Voice, Word

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
    context: tuple[ContextTurn, ...] = ()
    """Earlier turns, the oldest first, for an engine that continues a conversation."""


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
class EngineOption:
    """A setting that only one engine has: a table ``[options.NAME]`` of its engine.toml."""

    default: str
    doc: str
    """One sentence for people."""
    choices: tuple[str, ...] = ()
    """All values that it may have; empty = any text."""
    audible: bool = True
    """Another value gives other bytes, so it is part of what a take is made of."""


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
    language_chars: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Primary language tag -> its own longest text of one utterance; the others have ``max_chars``."""
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
    context: bool = False
    """It continues a conversation: anchors and earlier turns change how it speaks."""
    honours: tuple[str, ...] = ()
    """Of ``speed pitch volume phonemes``: what it does itself."""
    styles: tuple[str, ...] = ()
    """Manners of speaking that it has (``whisper``), asked for as ``style.delivery``."""
    cancel_grace_s: float = 2.0
    """Seconds between a cancel and the end of the process, when the engine stays silent."""
    gpu: bool = False
    """It can compute on a CUDA device."""
    input_rate: int = 0
    """Hz of the WAVs that it is given to separate; 0 = 16000, as every other operation on recordings."""
    memory_mb: int = 0
    """Main memory that a worker takes with its default model, MB."""
    gpu_memory_mb: int = 0
    """GPU memory that a worker takes with its default model, MB: what placement counts with."""
    gpu_memory_limit: str = "placement"
    """How a limit of GPU memory is held: ``torch`` or ``onnxruntime`` (in the worker), or ``placement`` alone."""
    options: Mapping[str, EngineOption] = field(default_factory=lambda: MappingProxyType({}))
    """Its own settings, by name."""
    default_model: str = ""
    """Name, in the model registry, of the model that is loaded when a voice names none; empty: it brings its own, or a
    voice must name one."""
    model_places: tuple[str, ...] = ()
    """Where else that model may lie: paths with ``$VARIABLE``, ``~`` and ``*``, tried in order."""
    python_range: str = ""
    """Python versions of its environment (``>=3.11,<3.14``); empty = the program's own."""
    drop: tuple[str, ...] = ()
    """Files of the installed environment that cannot load and are removed (patterns below site-packages)."""
    drop_cpu: tuple[str, ...] = ()
    """The same, removed only beside a torch without CUDA."""
    torch: bool = False
    """Its environment holds torch, so it is made for a CPU, for CUDA or for ROCm."""
    install_mb: int = 0
    """Size of the installed environment in MB, said before it is installed."""
    cuda_mb: int = 0
    """MB that its CUDA build adds."""
    licence: str = ""
    """Licence of the engine's code."""
    model_licence: str = ""
    """Licence of its default model, or ``per voice``."""
    model_source: str = ""
    requires_acceptance: bool = False
