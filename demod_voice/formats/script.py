"""An episode script as data: what the Markdown, JSON and YAML readers give, and what ``episode`` renders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class SpeakerSpec:
    """A speaker of a script, as the script describes it."""

    name: str
    line: int | None
    """Where it is defined, 1-based."""
    voice: str = ""
    """Name of a saved voice, or a voice of the engine (``en-us+f3``)."""
    engine: str = ""
    """Empty = the saved voice's engine, else the configured default."""
    model: str = ""
    """Path or name of a model (A105's ``speakers: {name: model path}``)."""
    speaker: str = ""
    """Speaker inside a multi-speaker model, by name or number; ``"0"`` is a speaker."""
    language: str = ""
    speed: float = 1.0
    pitch: float = 1.0
    volume_db: float = 0.0
    seed: int | None = None
    style: Mapping[str, Any] = field(default_factory=dict)
    """Engine-specific settings, JSON values."""


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """One line that somebody says."""

    speaker: str
    text: str
    """As written, without markup."""
    line: int
    """1-based line in the script's file."""
    pause_before_s: float | None = None
    """Silence asked for before this line (``[pause 800ms]``); replaces the natural pause."""
    hints: Mapping[str, Any] = field(default_factory=dict)
    """Per-line hints (``anchor_idx``), JSON values; part of the line's id."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines that belong together."""

    lines: tuple[ScriptLine, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """A titled part; a script without ``##`` has one, with an empty title."""

    title: str
    paragraphs: tuple[Paragraph, ...]
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """A whole episode."""

    title: str
    language: str
    """BCP 47, or empty for the configured one."""
    speakers: Mapping[str, SpeakerSpec]
    chapters: tuple[Chapter, ...]
    source: str
    """The file's name, for messages."""
    episode_id: str = ""
    """A108; empty = made from the title."""
    seed: int | None = None
    trailing_pause_s: float = 0.0
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Tags: author, description, date, album."""
