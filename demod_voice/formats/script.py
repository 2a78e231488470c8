"""An episode script as data: what the Markdown, JSON and YAML readers give, and what ``episode`` renders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demod_voice.text.spans import Span


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
    source: str = ""
    """The cast file where it is defined; empty = the script."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A stretch of a sound file that stands in a script like a spoken line."""

    path: str
    """As written; relative to the script."""
    start_s: float = 0.0
    end_s: float | None = None
    """None = to the file's end."""
    clean: bool = False
    """Steady noise is to be taken out."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A sound effect."""

    path: str
    """As written; relative to the script."""
    line: int
    """Where it stands in the script, 1-based."""
    gain_db: float = 0.0
    wait: bool = False
    """The next line waits until it has ended; else it is heard below."""


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """One line that somebody says."""

    speaker: str
    text: str
    """As written, without markup; of a recording, its transcript, or empty."""
    line: int
    """1-based line in the script's file."""
    pause_before_s: float | None = None
    """Silence asked for before this line (``[pause 800ms]``); replaces the natural pause."""
    hints: Mapping[str, Any] = field(default_factory=dict)
    """Per-line hints (``anchor_idx``), JSON values; part of the line's id."""
    spans: tuple[Span, ...] = ()
    """The same text in stretches, when markup asks for more than words; else empty."""
    overlap_s: float = 0.0
    """It begins this long before the line before it ends."""
    interrupt: bool = False
    """It cuts the line before it off: that one fades out as this one begins."""
    backchannel: bool = False
    """It is spoken under the line before it ("mm-hm"), and takes no time of its own."""
    recording: Recording | None = None
    effects: tuple[Effect, ...] = ()
    """Effects that stand before this line."""


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
class ChapterNote:
    """What apps show beside a chapter."""

    image: str = ""
    """Address of a picture, or its name beside the episode."""
    url: str = ""
    """Address of a page."""


@dataclass(frozen=True, slots=True)
class MixSource:
    """A mix as it is written: the reader of mixes says what is wrong with it (``formats.mix_file``)."""

    values: Mapping[str, Any]
    """As loaded: ``place_of`` finds the lines of its keys."""
    line: int | None
    folder: Path
    """Sound files in it are relative to this folder."""
    source: str
    """The file where it stands; empty = the script."""


@dataclass(frozen=True, slots=True)
class Show:
    """What the episodes of a show have in common: ``show.yaml``."""

    path: Path | None = None
    """The file; None = there is none."""
    title: str = ""
    author: str = ""
    email: str = ""
    link: str = ""
    """Address of the show's page."""
    language: str = ""
    description: str = ""
    categories: tuple[str, ...] = ()
    explicit: bool = False
    owner: str = ""
    image: str = ""
    """Address of the cover in the feed."""
    guid: str = ""
    copyright: str = ""
    cover: Path | None = None
    """Picture that goes into each file."""
    cast: Mapping[str, SpeakerSpec] = field(default_factory=dict)
    lexicons: tuple[Path, ...] = ()
    mixes: tuple[MixSource, ...] = ()


NO_SHOW = Show()


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
    context_turns: int | None = None
    """Earlier turns that a line goes on from; 0 = its voice's anchors alone; None = as configured."""
    trailing_pause_s: float = 0.0
    trailing_effects: tuple[Effect, ...] = ()
    """Effects after the last line."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What is published with it: author, album (the show), date, description, cover, episode, season ..."""
    chapter_notes: Mapping[str, ChapterNote] = field(default_factory=dict)
    """Title of a chapter -> its picture and link."""
    sha256: str = ""
    """Hash of the bytes that this was read from; the file may have changed since."""
    lexicons: tuple[Path, ...] = ()
    """Files of pronunciations, the show's first: the later one wins."""
    mixes: tuple[MixSource, ...] = ()
    """The show's mix, then the script's own: the later one wins."""
    show: Show = NO_SHOW
