"""What a row's output depends on, as one hash: inputs only, so that it costs little and is known before anything is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from demod_voice.config.settings import Settings
from demod_voice.records.hashing import hash_bytes, hash_file, hash_json
from demod_voice.speech.line import SPEECH_VERSION
from demod_voice.speech.prepare import PREPARE_VERSION
from demod_voice.speech.reading import Reading

ROW_VERSION = 1
"""Raised by hand when joining, loudness or encoding of a row give other bytes."""
ID_LENGTH = 16
"""Hex digits of the id of a row that has none."""


class RowKeys:
    """Hashes of rows.

    Args:
        settings: bit rates, loudness, licence policy.
        reading: markup and pronunciations; the lexicon is read once.
    """

    def __init__(self, settings: Settings, reading: Reading) -> None:
        lexicon = hash_file_or_nothing(reading.lexicon)
        common = {
            "versions": [ROW_VERSION, SPEECH_VERSION, PREPARE_VERSION],
            "reading": [reading.markup, lexicon],
        }
        self._common = hash_json(common)
        self._encode, self._loudness = asdict(settings.encode), asdict(settings.loudness)

    def of(self, voice: str, text: str, id: str, output: str, facts: Mapping[str, Any]) -> str:
        """The key of a row.

        Args:
            voice: identity of its voice.
            text: as written.
            id: of the row.
            output: as results name it.
            facts: seed, format, loudness; settings that a row has no use for are no part of its key.
        """
        encode = None if facts["format"] == "wav" else self._encode
        loudness = None if facts["loudness"] is None else self._loudness
        return hash_json([self._common, voice, text, id, output, facts, encode, loudness])


def batch_hash(keys: Iterable[str]) -> str:
    """What is spoken together, in its order."""
    return hash_json(["batch", *keys])


def key_in_batch(key: str, batch: str) -> str:
    """The key of a row whose bytes depend on its batch."""
    return hash_bytes(f"{key} {batch}".encode())


def row_id(id: str, output: str) -> str:
    """A row's id: what it says, else a name that its output has given it."""
    return id or hash_bytes(output.encode())[:ID_LENGTH]


def hash_file_or_nothing(path: Any) -> str:
    """Hash of a file; empty for None or a file that cannot be read, which whoever reads it tells."""
    if path is None:
        return ""
    try:
        return hash_file(path)
    except OSError:
        return ""
