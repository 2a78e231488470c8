"""What a take depends on, as content: the voice's files by hash, the text, the engine; never a path, name or clock."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from demod_worker.messages import Voice

from demod_voice.errors import ModelMissing
from demod_voice.models.content import content_hash
from demod_voice.records.hashing import hash_json
from demod_voice.voices.stored import model_files

Stamp = tuple[str, int, int]
"""Path, size in bytes, time of change in nanoseconds: equal stamps mean equal content."""


class ContentHashes:
    """Content hashes of models, adapters and clips; each file is read once. Safe for threads."""

    def __init__(self) -> None:
        self._known: dict[Stamp, str] = {}
        self._lock = threading.Lock()

    def of_voice(self, voice: Voice) -> dict[str, Any]:
        """The voice with a hash in the place of every path: equal values speak alike.

        Raises:
            ModelMissing: a file of it is gone.
        """
        return {
            "preset": voice.preset,
            "speaker": voice.speaker,
            "model": self.of_path(voice.model),
            "adapter": self.of_path(voice.adapter),
            "references": [self.of_path(path) for path in voice.references],
            "reference_texts": list(voice.reference_texts),
        }

    def of_path(self, path: str | None) -> str:
        """Hash of a file (with its settings beside it) or of a folder's files; empty for None.

        Raises:
            ModelMissing: it is gone.
        """
        if path is None:
            return ""
        source = Path(path)
        base = source if source.is_dir() else source.parent
        try:
            files = [(each.relative_to(base).as_posix(), self._of_file(each)) for each in model_files(source)]
        except OSError as error:
            raise ModelMissing(
                f"{path} cannot be read: {error.strerror or error}", "put it back, or choose another voice"
            ) from error
        if source.is_dir():
            return hash_json(files)
        return hash_json([sha256 for _, sha256 in files])

    def _of_file(self, path: Path) -> str:
        status = path.stat()
        stamp = (str(path), status.st_size, status.st_mtime_ns)
        with self._lock:
            known = self._known.get(stamp)
        if known is None:
            known = content_hash(path)
            with self._lock:
                self._known[stamp] = known
        return known
