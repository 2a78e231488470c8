"""A row's record in the ledger: how it is written, and when it still counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from demod_voice.batch.types import DONE, FAILED, Finished, Job
from demod_voice.records.hashing import hash_file
from demod_voice.records.ledger import Entry, Ledger

_OWN = ("number", "key", "output")
"""What the row says itself."""
_KEPT = tuple(each.name for each in fields(Finished) if each.name not in _OWN)
_EMPTY: Mapping[str, Any] = {"status": "", "facts": {}}
"""What a record need not say, and is looked at."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Which records count."""

    attempts: Callable[[str], int] = lambda _: 1
    """How many attempts a flawed output of an engine must be the best of."""
    retry_failed: bool = False
    """Failed rows are tried again."""


def keep(ledger: Ledger, record: Finished) -> None:
    """Write the record of a row.

    Raises:
        OutputError: the disk is full.
    """
    values = {name: getattr(record, name) for name in _KEPT}
    ledger.put(record.key, {name: value for name, value in values.items() if value not in ("", 0, 0.0, {})})


def known(ledger: Ledger, job: Job, rules: Rules) -> Finished | None:
    """The record of a job that is finished; None where it is to be done.

    An output counts when it looks as it did when it was written, and the machine was not started since: then nothing
    was lost. Else its bytes are hashed.

    Raises:
        OutputError: the ledger cannot be read, or written.
    """
    entry = ledger.get(job.key)
    record = None if entry is None else _read(entry.value, job)
    if entry is None or record is None:
        return None
    if record.status == FAILED:
        return None if rules.retry_failed else record
    if record.status != DONE or (record.best_of and record.best_of < rules.attempts(record.engine)):
        return None
    return _verified(ledger, entry, record, job.output)


def _verified(ledger: Ledger, entry: Entry, record: Finished, output: Path) -> Finished | None:
    try:
        seen = output.stat()
        if seen.st_size != record.num_bytes or not _all_there(output, record.facts.get("files", {})):
            return None
        if entry.trusted and seen.st_mtime_ns == record.mtime_ns:
            return record
        if hash_file(output) != record.sha256:
            return None
    except OSError:
        return None
    again = replace(record, mtime_ns=seen.st_mtime_ns)
    keep(ledger, again)
    return again


def _all_there(output: Path, files: Mapping[str, int]) -> bool:
    """Whether what belongs to an output lies beside it: name -> bytes. Their content is looked at by who makes them.

    Raises:
        OSError: one of them is gone.
    """
    return all(output.with_name(name).stat().st_size == size for name, size in files.items())


def _read(value: Mapping[str, Any], job: Job) -> Finished | None:
    """A record as it was written; None where it was not (another version's)."""
    whole = {**_EMPTY, **value, "number": job.row.number, "key": job.key, "output": job.shown}
    if not isinstance(whole["status"], str) or not isinstance(whole["facts"], dict):
        return None
    try:
        return Finished(**whole)
    except TypeError:
        return None
