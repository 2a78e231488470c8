"""Fetch one file so that nothing is lost: what has come stays, a cut connection goes on where it was, the whole is checked.

``huggingface_hub`` (2.4) downloads to a name of each process's own and removes it when it fails, so a kill at 99 % of two
gigabytes costs all of them: therefore this is ours, over a plain HTTP client.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from demod_voice.models.entries import PART
from demod_voice.models.hub import Hub, HubTrouble, RemoteFile, Trouble
from demod_voice.records.atomic import flush
from demod_voice.records.hashing import BLOCK, hash_file

ATTEMPTS = 5
"""Failures in a row, each with less than ``LEAST_GAIN`` new bytes, after which it is given up."""
LEAST_GAIN = 64 << 10
FIRST_PAUSE_S = 0.5
"""Pause after the first failure; each further one is twice as long."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to fetch."""

    source: str
    commit: str
    remote: RemoteFile
    target: Path
    sha256: str = ""
    """What the registry says; empty = it does not know."""


def patiently(work: Callable[[], T], tell: Callable[[str], None]) -> T:
    """Do ``work``; when the hub fails in a way that may pass, wait and do it again. An absent hub is told at once.

    Raises:
        HubTrouble: the last one.
    """
    for attempt in range(ATTEMPTS):
        try:
            return work()
        except HubTrouble as trouble:
            if not trouble.kind.passing or trouble.kind is Trouble.OFFLINE or attempt == ATTEMPTS - 1:
                raise
            _wait(trouble, attempt, tell)
    raise AssertionError("unreachable")


def fetch(hub: Hub, wanted: Wanted, advance: Callable[[float], None], tell: Callable[[str], None]) -> str:
    """Fetch a file to ``wanted.target``, going on with what is there; return its SHA-256.

    Args:
        hub: where from.
        wanted: what.
        advance: told the bytes that are there (negative where a part turned out to be useless).
        tell: told about failures that are waited for.

    Raises:
        HubTrouble: it cannot be had, or is not what it should be. What has come stays.
        OSError: the disk is full, or the folder cannot be written.
    """
    part = wanted.target.with_name(wanted.target.name + PART)
    wanted.target.parent.mkdir(parents=True, exist_ok=True)
    for last in (False, True):
        fresh = not part.exists()
        _complete(hub, wanted, part, advance, tell)
        digest = hash_file(part)
        fault = _fault(part, wanted, digest)
        if not fault:
            flush(part)
            part.replace(wanted.target)
            return digest
        advance(-part.stat().st_size)
        part.unlink()
        if fresh or last:
            raise HubTrouble(Trouble.WRONG, fault)
        tell(f"{wanted.remote.path}: what was there of it does not fit; it is fetched anew")
    raise AssertionError("unreachable")


def kept_hash(wanted: Wanted) -> str:
    """SHA-256 of a file that an earlier pull has finished; empty, and the file gone, when it is not as it should be.

    Raises:
        OSError: it cannot be read.
    """
    if not wanted.target.exists():
        return ""
    digest = hash_file(wanted.target)
    if not _fault(wanted.target, wanted, digest):
        return digest
    wanted.target.unlink()
    return ""


def blob_id(path: Path) -> str:
    """Git's id of a file: SHA-1 of ``blob <size>\\0`` and its bytes. Source: git-hash-object(1)."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _complete(
    hub: Hub, wanted: Wanted, part: Path, advance: Callable[[float], None], tell: Callable[[str], None]
) -> None:
    """Bring ``part`` to its whole length."""
    size = wanted.remote.size
    part.touch()
    have = part.stat().st_size
    advance(have)
    failures = 0
    while have < size:
        before = have
        trouble = HubTrouble(Trouble.BROKEN, f"the connection to {hub.url} was cut")
        try:
            _append(hub, wanted, part, advance)
        except HubTrouble as error:
            trouble = error
        have = part.stat().st_size
        if have >= size:
            break
        failures = 0 if have - before >= LEAST_GAIN else failures + 1
        if not trouble.kind.passing or failures >= ATTEMPTS:
            raise trouble
        _wait(trouble, failures, tell)


def _append(hub: Hub, wanted: Wanted, part: Path, advance: Callable[[float], None]) -> None:
    """Read what the hub sends behind what is there, at most up to the file's length."""
    start = part.stat().st_size
    with (
        hub.blocks(wanted.source, wanted.commit, wanted.remote.path, start) as (begins, blocks),
        part.open("r+b") as out,
    ):
        if begins != start:
            advance(begins - start)
            out.truncate(begins)
        out.seek(begins)
        left = wanted.remote.size - begins
        for block in blocks:
            out.write(block[:left])
            advance(min(len(block), left))
            left -= len(block)
            if left <= 0:
                return  # what comes after the promised length is not wanted


def _wait(trouble: HubTrouble, failures: int, tell: Callable[[str], None]) -> None:
    pause = trouble.wait_s or FIRST_PAUSE_S * 2**failures
    tell(f"{trouble.detail}; trying again in {pause:.0f} s" if pause >= 1 else f"{trouble.detail}; trying again")
    time.sleep(pause)


def _fault(part: Path, wanted: Wanted, digest: str) -> str:
    """What is wrong with a file that has its length; empty when nothing is."""
    remote = wanted.remote
    if part.stat().st_size != remote.size:
        return f"{remote.path} has {part.stat().st_size} bytes, not {remote.size}"
    if remote.sha256 and digest != remote.sha256:
        return f"{remote.path} is not what the hub said it is (sha256 {digest[:16]}..., not {remote.sha256[:16]}...)"
    if remote.blob and blob_id(part) != remote.blob:
        return f"{remote.path} is not what the hub said it is (its git id differs)"
    if wanted.sha256 and digest != wanted.sha256:
        return f"{remote.path} is not the file that the registry names (sha256 {digest[:16]}...)"
    return ""
