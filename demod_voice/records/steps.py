"""Steps and run folders: finished work is recorded by content, and is never done again.

A run folder (``X.demod/`` beside an output ``X.mp3``) holds outputs and one record per step under ``steps/``. A record
is written after the step's outputs are in place, so a kill at any moment leaves either a finished step or none.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demod_voice.records.atomic import TEMPORARY_MARK, flush, output_error, write_json
from demod_voice.records.hashing import hash_file, hash_json

Make = Callable[[Mapping[str, Path]], "Mapping[str, Any] | None"]
"""Makes a step's outputs at the given temporary paths; returns facts to keep in the record (JSON), or None."""


@dataclass(frozen=True, slots=True)
class Step:
    """A named piece of work: what goes in, what comes out, and which version of the code does it."""

    name: str
    """Unique in its run folder; also the record's file name (letters, digits, ``.-_``)."""
    version: int
    """Raised by hand when the same inputs give other bytes."""
    outputs: tuple[str, ...]
    """File names relative to the run folder; ``../X.mp3`` is the folder's sibling."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Label -> content hash."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Everything else that the outputs depend on, JSON."""

    @property
    def key(self) -> str:
        """Hash of everything above: equal keys mean equal outputs."""
        return hash_json([self.name, self.version, list(self.outputs), dict(self.inputs), dict(self.params)])


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A finished step."""

    key: str
    hashes: Mapping[str, str]
    """Output file name -> SHA-256."""
    facts: Mapping[str, Any]
    """What the maker returned."""
    reused: bool
    """True when it was found finished (an observation, never part of a result)."""


class RunFolder:
    """The folder in which one output is made, and the truth for resuming it.

    Args:
        path: the folder; made when missing.
        durable: outputs are brought to the disk before they are recorded. Without it a loss of power may cost finished
            steps (never their truth: a record whose outputs are not those bytes counts as none).

    Raises:
        OutputError: the folder cannot be made.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self.path = path
        self._durable = durable
        try:
            (path / "steps").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(path, error) from error
        self._sweep()
        self.created = first_used(path)
        self.observed: dict[str, Any] = {}
        """What is worth keeping of this run alone (devices that were used): no result depends on it."""

    def run(self, step: Step, make: Make) -> StepRecord:
        """Return the record of ``step``, doing it first when it is not already finished.

        Raises:
            OutputError: an output cannot be written. Whatever ``make`` raises passes through, and nothing is recorded.
        """
        found = self.finished(step)
        if found is not None:
            return found
        temporary = {name: self._temporary(name) for name in step.outputs}
        try:
            facts = dict(make(temporary) or {})
            hashes = {name: hash_file(path) for name, path in temporary.items()}
            for name, path in temporary.items():
                (self.path / name).parent.mkdir(parents=True, exist_ok=True)
                if self._durable:
                    flush(path)
                path.replace(self.path / name)
        except OSError as error:
            raise output_error(self.path / (step.outputs[0] if step.outputs else step.name), error) from error
        finally:
            for path in temporary.values():
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        write_json(self._record(step.name), {"key": step.key, "hashes": hashes, "facts": facts})
        return StepRecord(step.key, hashes, facts, reused=False)

    def finished(self, step: Step) -> StepRecord | None:
        """The record of ``step`` if it was finished with this very key and its outputs are still those bytes."""
        try:
            stored = json.loads(self._record(step.name).read_text())
            if stored["key"] != step.key:
                return None
            hashes = {name: hash_file(self.path / name) for name in step.outputs}
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if hashes != stored["hashes"]:
            return None
        return StepRecord(step.key, hashes, stored["facts"], reused=True)

    def remove_if_empty(self, precious: Collection[str] = ()) -> None:
        """Remove the folder when nothing in it is worth keeping: no take, no record, no word of an engine.

        Args:
            precious: names of files directly in the folder that are worth keeping too.
        """
        files = [path for path in self.path.rglob("*") if path.is_file() and path.stat().st_size]
        if not any(path.parent != self.path or path.suffix == ".log" or path.name in precious for path in files):
            shutil.rmtree(self.path, ignore_errors=True)

    def _record(self, name: str) -> Path:
        return self.path / "steps" / f"{name}.json"

    def _temporary(self, name: str) -> Path:
        """A path inside the run folder (so that a sweep finds it) that keeps the output's suffix."""
        flat = name.replace("/", "_").lstrip("._")
        return self.path / f"{TEMPORARY_MARK}{os.getpid()}-{flat}"

    def _sweep(self) -> None:
        """Remove what killed runs left half-written. Only the holder of the folder's lock makes a RunFolder."""
        for path in self.path.rglob(f"{TEMPORARY_MARK}*"):
            path.unlink(missing_ok=True)


def first_used(folder: Path) -> str:
    """The moment a work folder was first used, ISO 8601 UTC, kept in it; ``SOURCE_DATE_EPOCH`` beats it.

    Raises:
        OutputError: it cannot be kept.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdigit():
        return _iso(int(epoch))
    path = folder / "created.json"
    try:
        return str(json.loads(path.read_text())["created"])
    except (OSError, ValueError, KeyError, TypeError):
        created = _iso(int(time.time()))
        write_json(path, {"created": created})
        return created


def _iso(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
