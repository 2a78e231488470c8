"""Who has been promised how much of a GPU: a small file that every process of this program on this machine shares.

NVML shows memory only once it is taken, and a model takes seconds to load; two runs that start together would both see
the same free memory. A promise of a process that has ended counts for nothing. Other users' programs, and other
containers, are seen through NVML alone.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from demod_voice.config.folders import state_folder
from demod_voice.errors import OutputError
from demod_voice.records.atomic import write_json
from demod_voice.records.lock import locked

log = logging.getLogger(__name__)
OLD_S = 30 * 86400.0
"""Age from which the file of another start of the machine is removed."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Memory of a device that a worker was promised."""

    id: str
    uuid: str
    """Of the device."""
    mb: int
    """What of it NVML does not show yet, MiB."""
    engine: str
    pid: int
    """Process of this program that asked; its workers end with it."""
    started: int
    """When that process began, in clock ticks since the machine did: a number that is used again is another process."""


class Ledger:
    """The promises of this machine. Safe for threads and processes.

    Args:
        folder: where the file lies; by default a folder of the program's state.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or state_folder() / "devices") / f"{_machine()}.json"
        self._guard = threading.Lock()
        self._alone: list[Reservation] | None = None
        """The promises of this process, where the file cannot be written."""

    @contextmanager
    def opened(self) -> Iterator[list[Reservation]]:
        """The promises of everybody who lives, to be changed in place; nobody else reads them meanwhile."""
        with self._guard, ExitStack() as held:
            if self._alone is None:
                try:
                    held.enter_context(locked(self.path.with_suffix(".lock")))
                except OutputError as error:
                    self._keep_alone([], error)
            before = _read(self.path) if self._alone is None else self._alone
            entries = [each for each in before if _started(each.pid) == each.started]
            yield entries
            if entries != before:
                self._write(entries)

    def _write(self, entries: list[Reservation]) -> None:
        if self._alone is not None:
            self._alone = entries
            return
        try:
            if not self.path.exists():
                _sweep(self.path.parent)
            write_json(self.path, [asdict(each) for each in entries])
        except OutputError as error:
            self._keep_alone(entries, error)

    def _keep_alone(self, entries: list[Reservation], error: OutputError) -> None:
        """A state folder that cannot be written stops no work."""
        log.warning("GPU memory is promised without other runs knowing of it: %s", error.message)
        self._alone = entries

    def read(self) -> list[Reservation]:
        """The promises of everybody who lives."""
        with self.opened() as entries:
            return list(entries)

    def promise(self, entries: list[Reservation], uuid: str, mb: int, engine: str) -> str:
        """Add one to ``entries`` (of ``opened``); returns its id."""
        made = Reservation(secrets.token_hex(8), uuid, mb, engine, os.getpid(), _started(os.getpid()))
        entries.append(made)
        return made.id

    def shrink(self, id: str, taken_mb: int) -> None:
        """The worker has taken ``taken_mb`` MiB, which NVML shows from now on."""
        with self.opened() as entries:
            entries[:] = [replace(each, mb=max(0, each.mb - taken_mb)) if each.id == id else each for each in entries]

    def release(self, id: str) -> None:
        """The worker has ended."""
        with self.opened() as entries:
            entries[:] = [each for each in entries if each.id != id]


def promised_mb(entries: Sequence[Reservation], uuid: str) -> int:
    """MiB of a device that are promised and not taken yet."""
    return sum(each.mb for each in entries if each.uuid == uuid)


def _sweep(folder: Path) -> None:
    """Remove what earlier starts of the machine, and containers that are gone, have left."""
    for path in folder.iterdir():
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > OLD_S:
                path.unlink()


def _read(path: Path) -> list[Reservation]:
    """What the file holds; nothing for a file that is damaged or of another version."""
    try:
        return [Reservation(**each) for each in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def _started(pid: int) -> int:
    """When a process began (field 22 of /proc/PID/stat), 0 where it is not there."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0 if not _lives(pid) else 1


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _machine() -> str:
    """This start of this machine, and this space of process numbers: elsewhere they mean other processes."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:13]
        space = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        return "machine"
    return f"{boot}-{space}"
