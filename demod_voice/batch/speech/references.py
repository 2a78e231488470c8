"""Recordings that rows take their voices from: known by content, made into clips once, kept in the work folder."""

from __future__ import annotations

import threading
from pathlib import Path

from demod_voice.config.settings import Limits
from demod_voice.errors import DemodError, MediaError, ModelMissing, UsageError
from demod_voice.media.foreign import probe
from demod_voice.media.wav import wav_info
from demod_voice.records.atomic import output_error, replacing
from demod_voice.records.hashing import hash_file
from demod_voice.records.progress import SILENT, Progress
from demod_voice.voices.references import LONGEST_S, SHORTEST_S, prepare_reference

FOLDER = "references"
"""Of the clips, in the work folder."""
MOST_KEPT = 65536
"""Recordings whose hashes and faults are remembered."""
LOCKS = 64
"""Recordings that may be made into clips at the same time; two that share a lock wait for each other."""
NAME_LENGTH = 32
"""Hex digits of the recording's hash in a clip's name."""
_Stamp = tuple[int, int]


class References:
    """The recordings of one batch. Safe for threads.

    Args:
        folder: where the clips are kept; made when the first one is.
        limits: what decoding may cost.
        progress: told what a person should know of a recording.
    """

    def __init__(self, folder: Path, limits: Limits, progress: Progress = SILENT) -> None:
        self._folder = folder
        self._limits = limits
        self._progress = progress
        self._hashes: dict[Path, tuple[_Stamp, str]] = {}
        self._faults: dict[Path, tuple[str, str] | None] = {}
        self._busy = [threading.Lock() for _ in range(LOCKS)]

    def sha256(self, source: Path) -> str:
        """Hash of a recording; each is read once while it does not change.

        Raises:
            ModelMissing: it is gone, or cannot be read.
        """
        try:
            status = source.stat()
            stamp = (status.st_size, status.st_mtime_ns)
            known = self._hashes.get(source)
            if known is None or known[0] != stamp:
                if len(self._hashes) >= MOST_KEPT:
                    self._hashes.clear()
                known = self._hashes[source] = (stamp, hash_file(source))
        except OSError as error:
            raise _gone(source, error.strerror or str(error)) from error
        return known[1]

    def clip(self, sha256: str) -> Path:
        """Where the clip of a recording lies once it is made."""
        return self._folder / f"{sha256[:NAME_LENGTH]}.wav"

    def bring(self, source: Path, sha256: str) -> Path:
        """The clip of a recording, made now where it is not there.

        Raises:
            ModelMissing: the recording is gone, or is not what it was.
            MediaError, UsageError: no voice can be taken from it.
            OutputError: the clip cannot be written.
        """
        clip = self.clip(sha256)
        with self._busy[int(sha256[:8], 16) % LOCKS]:
            if not clip.exists():
                self._make(source, sha256, clip)
        return clip

    def fault(self, source: Path) -> tuple[str, str] | None:
        """(what, remedy) of a recording that is no sound, or has no fitting length; by its header alone."""
        if source not in self._faults:
            if len(self._faults) >= MOST_KEPT:
                self._faults.clear()
            self._faults[source] = self._look(source)
        return self._faults[source]

    def _look(self, source: Path) -> tuple[str, str] | None:
        try:
            length_s = _length_s(source, self._limits)
        except DemodError as error:
            return f"reference {error.message}", error.hint or "give a sound file, such as a WAV of clear speech"
        if SHORTEST_S <= length_s <= LONGEST_S:
            return None
        return f"reference {source}: {length_s:.2f} s is no fitting length", "6 to 12 s of clear speech are best"

    def _make(self, source: Path, sha256: str, clip: Path) -> None:
        try:
            clip.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(clip, error) from error
        with replacing(clip) as unfinished:
            try:
                report = prepare_reference(source, unfinished, self._limits)
            except UsageError as error:
                raise _gone(source, "it does not exist") from error
            if report.fault:
                raise UsageError(f"reference {source}: {report.fault}", "6 to 12 s of clear speech are best")
            if self.sha256(source) != sha256:
                raise _gone(source, "it has changed since the batch began")
        for warning in report.warnings:
            self._progress.note(f"reference {source}: {warning}")


def _length_s(source: Path, limits: Limits) -> float:
    """Seconds of a recording: of a plain WAV by its header, of anything else by a child that looks."""
    try:
        return wav_info(source).duration_s
    except MediaError:
        return probe(source, limits).duration_s


def _gone(source: Path, why: str) -> ModelMissing:
    """Told by its name alone: it is a result, and where the recording lies is another place on each machine."""
    return ModelMissing(
        f"reference {source.name} cannot be read: {why}", "put it back and run again with --retry-failed"
    )
