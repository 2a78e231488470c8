"""A saved voice as data: what stands in ``voice.json``, and what of it travels to an engine.

The folder's name is the voice's name, so that a rename is one rename. Files inside the folder are named relative to
it; a model too large to copy is named by its absolute path. Every file carries its SHA-256.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from demod_worker.messages import BadMessage, Voice, from_json

from demod_voice.errors import UsageError

SCHEMA = 1
RECORD = "voice.json"
CONSENT_WORDS = ("self", "public-domain", "unknown")
"""What ``--consent`` takes besides a file: one's own voice, a voice in the public domain, not known."""
CONSENT_FILE = "file"
PRESET_CONSENT = "preset"
"""Shown for a voice that its engine brings along: nobody's voice was taken by the user."""
UNSAID_CONSENT = "unknown"


@dataclass(frozen=True, slots=True)
class Consent:
    """Who agreed that this voice is used."""

    kind: str = UNSAID_CONSENT
    """``self``, ``public-domain``, ``unknown``, ``file`` or ``preset``."""
    file: str = ""
    """Name of the copied statement inside the voice's folder, when ``kind`` is ``file``."""
    sha256: str = ""
    """Hash of that statement."""

    @property
    def label(self) -> str:
        """One phrase for tables and manifests: ``self``, ``file sha256:1f2e...``."""
        return f"{CONSENT_FILE} sha256:{self.sha256}" if self.kind == CONSENT_FILE else self.kind


@dataclass(frozen=True, slots=True)
class StoredPath:
    """A model or adapter, a file or a folder, that the voice needs."""

    path: str
    """Relative to the voice's folder when it was copied, else absolute."""
    files: dict[str, str]
    """Each file of it -> SHA-256; named like ``path``."""
    num_bytes: int = 0

    @property
    def copied(self) -> bool:
        """True when it lies inside the voice's folder."""
        return not Path(self.path).is_absolute()


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference clip: 24 kHz mono WAV inside the voice's folder."""

    file: str
    sha256: str
    duration_s: float
    text: str = ""
    """Its transcript, or empty."""


@dataclass(frozen=True, slots=True)
class VoiceRecord:
    """The content of ``voice.json``."""

    engine: str
    preset: str | None = None
    model: StoredPath | None = None
    speaker: str | None = None
    """Speaker inside the model, by name or number; ``"0"`` is a speaker."""
    references: tuple[Reference, ...] = ()
    adapter: StoredPath | None = None
    language: str = ""
    """BCP 47, or empty for the line's own."""
    speed: float = 1.0
    pitch: float = 1.0
    volume_db: float = 0.0
    style: dict[str, Any] = field(default_factory=dict)
    consent: Consent = field(default_factory=Consent)
    licence: str = ""
    schema: int = SCHEMA

    @property
    def cloned(self) -> bool:
        """True when it was taken from somebody's recordings (reference clips or an adapter)."""
        return bool(self.references) or self.adapter is not None

    @property
    def kind(self) -> str:
        """``clone``, ``adapter``, ``model`` or ``preset``: what the voice is made of."""
        if self.adapter is not None:
            return "adapter"
        if self.references:
            return "clone"
        return "model" if self.model is not None else "preset"

    def stored_files(self) -> Iterator[tuple[str, str]]:
        """(name, SHA-256) of every file but ``voice.json``; absolute names lie outside the folder."""
        for stored in (self.model, self.adapter):
            if stored is not None:
                yield from sorted(stored.files.items())
        for reference in self.references:
            yield reference.file, reference.sha256
        if self.consent.file:
            yield self.consent.file, self.consent.sha256


@dataclass(frozen=True, slots=True)
class SavedVoice:
    """A voice of the store."""

    name: str
    folder: Path
    record: VoiceRecord

    def for_engine(self) -> Voice:
        """The voice as an engine takes it, with absolute paths."""
        record = self.record
        return Voice(
            preset=record.preset,
            model=self._absolute(record.model),
            speaker=record.speaker,
            references=tuple(str(self.folder / each.file) for each in record.references),
            reference_texts=tuple(each.text for each in record.references) if _told(record) else (),
            adapter=self._absolute(record.adapter),
        )

    def missing_files(self) -> list[str]:
        """The files that it needs and that are not there any more."""
        return [name for name, _ in self.record.stored_files() if not (self.folder / name).is_file()]

    def _absolute(self, stored: StoredPath | None) -> str | None:
        return None if stored is None else str(self.folder / stored.path)


def read_record(text: str, source: str) -> VoiceRecord:
    """The record in the text of a ``voice.json``.

    Raises:
        UsageError: it is not JSON, a field is missing or ill-typed, or it names a file outside the voice's folder.
    """
    try:
        data = json.loads(text)
        record = from_json(VoiceRecord, data)
    except (ValueError, RecursionError) as error:
        what = str(error) if isinstance(error, BadMessage) else f"not JSON: {error}"
        raise UsageError(f"{source}: {what}", "remove the voice and add it again") from error
    if record.schema > SCHEMA:
        raise UsageError(f"{source}: written by a newer demod-voice (schema {record.schema})", "update demod-voice")
    for name in _inside_names(record):
        if not is_inside(name):
            raise UsageError(f"{source}: {name!r} leads out of the voice's folder", "do not use this voice")
    return record


def is_inside(name: str) -> bool:
    """True when a relative POSIX file name stays inside the folder that it is looked up in."""
    path = PurePosixPath(name)
    ordinary = name != "" and "\\" not in name and "\0" not in name and not path.is_absolute()
    return ordinary and ".." not in path.parts and str(path) == name and path.parts != ()


def _inside_names(record: VoiceRecord) -> Iterator[str]:
    """Every name that must lie inside the folder: all but those of a model that was not copied."""
    for stored in (record.model, record.adapter):
        if stored is not None and stored.copied:
            yield stored.path
            yield from stored.files
    for reference in record.references:
        yield reference.file
    if record.consent.file:
        yield record.consent.file


def _told(record: VoiceRecord) -> bool:
    return any(each.text for each in record.references)
