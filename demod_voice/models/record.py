"""``model.json``: what a whole model on this machine is made of, where it came from, and who accepted its licence.

It is written last. Sizes, times and hashes let later runs know the content of gigabytes without reading them.
"""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demod_voice.engines.default_model import RECORD
from demod_voice.models.entries import ModelEntry
from demod_voice.records.atomic import write_json

FORMAT = "demod-voice model 1"


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """One file as it was when the model became whole."""

    path: str
    """In the model's folder, with ``/``."""
    size: int
    """Bytes."""
    sha256: str
    mtime_ns: int
    """Its time of change: while size and time are these, its content is."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who said yes to a licence (an observation)."""

    licence: str
    by: str
    """User name on this machine."""
    at: str
    """UTC, ISO 8601."""
    how: str
    """``--accept-licence cpml`` or ``COQUI_TOS_AGREED=1``."""


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A model that is whole."""

    name: str
    engine: str
    source: str
    revision: str
    """Commit; empty for files that were carried by hand and whose commit nobody knows."""
    pinned: bool
    """The commit is the one that the registry names."""
    licence: str
    licence_url: str
    load: str
    """File that the engine is given; empty = the folder."""
    languages: tuple[str, ...]
    files: tuple[RecordedFile, ...]
    accepted: Acceptance | None
    made_by: str
    """``pull`` or ``import``."""
    made_at: str
    """UTC, ISO 8601."""

    @property
    def num_bytes(self) -> int:
        """Bytes of all files."""
        return sum(each.size for each in self.files)


def now() -> str:
    """This moment, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def user() -> str:
    """The name of who runs this; its number where the machine knows no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def write_record(
    folder: Path, entry: ModelEntry, revision: str, hashes: Mapping[str, str], accepted: Acceptance | None, made_by: str
) -> ModelRecord:
    """Write the record of the files that lie in ``folder``; ``hashes``: path -> sha256, as it was read just now.

    Raises:
        OutputError: it cannot be written.
        OSError: a file of it is gone.
    """
    files = []
    for path, sha256 in hashes.items():
        status = (folder / path).stat()
        files.append(RecordedFile(path, status.st_size, sha256, status.st_mtime_ns))
    record = ModelRecord(
        name=entry.name,
        engine=entry.engine,
        source=entry.source,
        revision=revision,
        pinned=entry.pinned and revision == entry.revision,
        licence=entry.licence,
        licence_url=entry.licence_url,
        load=entry.load,
        languages=entry.languages,
        files=tuple(files),
        accepted=accepted,
        made_by=made_by,
        made_at=now(),
    )
    write_json(folder / RECORD, {"format": FORMAT, **asdict(record)})
    return record


def read_record(folder: Path) -> ModelRecord | None:
    """The record in ``folder``; None where there is none, or one that this program did not write."""
    try:
        told = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return _record(told) if told.pop("format") == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _record(told: dict[str, Any]) -> ModelRecord:
    files = tuple(RecordedFile(**each) for each in told.pop("files"))
    accepted = told.pop("accepted")
    languages = tuple(told.pop("languages"))
    return ModelRecord(
        **told, files=files, languages=languages, accepted=Acceptance(**accepted) if accepted is not None else None
    )
