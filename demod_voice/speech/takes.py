"""Takes on disk: ``<key>.wav`` and ``<key>.json`` in a folder, whole or absent, the WAV verified by its hash."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from demod_worker.messages import BadMessage, Word, from_json

from demod_voice.audio.clip import Clip
from demod_voice.media.wav import write_wav
from demod_voice.records.atomic import output_error, replacing, write_json
from demod_voice.records.hashing import hash_file

SCHEMA = 1
NAME_LENGTH = 32
"""Hex digits of the key in a file's name: 128 bits."""


@dataclass(frozen=True, slots=True)
class Take:
    """One spoken line, checked and on disk."""

    path: Path
    """The WAV: the engine's own samples at its own rate."""
    key: str
    sha256: str
    """Hash of the WAV."""
    sample_rate: int
    num_samples: int
    words: tuple[Word, ...]
    """Word times from the take's start, or empty."""
    engine: str
    engine_output_version: int
    model: str
    model_revision: str
    seed: int
    """0 when the engine has no use for one."""
    attempt: int
    degraded: tuple[str, ...]
    """What was asked for and not given."""
    spoken: bool
    """True when it was spoken just now (an observation)."""
    cached: bool
    """True when it came from the speech cache (an observation)."""
    text_spoken: str
    """The text as the engine got it."""
    locked: bool = False
    """True when a person decided that it stays."""


@dataclass(frozen=True, slots=True)
class TakeRecord:
    """The content of a take's JSON file: results only, a function of the key."""

    key: str
    sha256: str
    engine: str
    output_version: int
    model: str
    model_revision: str
    seed: int
    attempt: int
    sample_rate: int
    num_samples: int
    encoding: str
    chunks: tuple[str, ...]
    """SHA-256 of each chunk's text."""
    trimmed_s: tuple[tuple[float, ...], ...]
    """Seconds of silence cut off before and after, of each chunk."""
    words: tuple[Word, ...] = ()
    degraded: tuple[str, ...] = ()
    best_of: int = 0
    """Of how many attempts this flawed take is the best; 0 for a good one, and where another attempt changes nothing."""
    schema: int = SCHEMA

    def stands(self, attempts: int) -> bool:
        """False for a flawed take when more attempts are allowed now than were made: a better one may be among them."""
        return self.best_of == 0 or self.best_of >= attempts


def take_files(folder: Path, key: str) -> tuple[Path, Path]:
    """The WAV and the JSON of a take."""
    name = key[:NAME_LENGTH]
    return folder / f"{name}.wav", folder / f"{name}.json"


def write_take(folder: Path, clip: Clip, encoding: str, facts: dict[str, Any]) -> TakeRecord:
    """Write a take's WAV, then its record; ``facts`` are the record's other fields.

    Raises:
        OutputError: the folder cannot be written; nothing is left half-written.
    """
    wav, record_path = take_files(folder, facts["key"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    with replacing(wav) as temporary:
        write_wav(temporary, clip, encoding)
        sha256 = hash_file(temporary)
    record = take_record(clip, encoding, sha256, facts)
    write_json(record_path, asdict(record))
    return record


def take_record(clip: Clip, encoding: str, sha256: str, facts: Mapping[str, Any]) -> TakeRecord:
    """The record of a take whose WAV has the hash ``sha256``; ``facts`` are the fields that the sound does not tell."""
    return TakeRecord(
        sha256=sha256, sample_rate=clip.sample_rate, num_samples=clip.num_samples, encoding=encoding, **facts
    )


def read_take(folder: Path, key: str) -> TakeRecord | None:
    """The record of a finished take; None when there is none, or its WAV is not the bytes that were recorded."""
    wav, record_path = take_files(folder, key)
    try:
        record = parse_record(record_path.read_text(encoding="utf-8"))
        if record.key != key or hash_file(wav) != record.sha256:
            return None
    except (OSError, ValueError):
        return None
    return record


def told_take(folder: Path, key: str) -> TakeRecord | None:
    """The record of a take whose files are there; its sound is verified when it is used (``read_take``)."""
    wav, record_path = take_files(folder, key)
    try:
        return parse_record(record_path.read_text(encoding="utf-8")) if wav.is_file() else None
    except (OSError, ValueError):
        return None


def parse_record(text: str) -> TakeRecord:
    """The record in a take's JSON.

    Raises:
        ValueError: it is not one.
    """
    record = from_json(TakeRecord, json.loads(text))
    if record.schema != SCHEMA:
        raise BadMessage(f"schema {record.schema}")
    return record
