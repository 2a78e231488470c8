"""A ledger: very many finished pieces of work, by the hash of what they depend on, in one SQLite file.

Steps have a file each, which a hundred thousand rows of a batch cannot have. Entries are brought to the disk together,
at most once a second; a kill loses those of the last second, and never tears one. Only one process may have the file
open: its holder has a lock of its own (``records.lock``).
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, TypeVar

from demod_voice.errors import OutputError
from demod_voice.records.atomic import output_error
from demod_voice.records.boots import boot_id
from demod_voice.records.reserve import Reserve

INTERVAL_S = 1.0
"""Shortest time between two commits, each of which waits for the disk."""
LOG_PAGES = 4000
"""So many pages of 4 KiB are collected before they are moved from the log into the file, which waits for the disk too."""
SCHEMA = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS sessions (id INTEGER PRIMARY KEY, boot TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY, session INTEGER NOT NULL, entry TEXT NOT NULL);
"""
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a ledger knows of a key."""

    value: Mapping[str, Any]
    trusted: bool
    """It was written since this machine was started: a file that looks as it did then is the same."""


class Ledger:
    """Entries by key, in a file. Safe for threads.

    Args:
        path: of the file; made when missing. A damaged one is moved aside, and nothing of it is known any more.
        tell: called with a line for a person when that happened.
        boot: of this start of the machine.

    Raises:
        OutputError: the file cannot be made or opened.
    """

    def __init__(self, path: Path, tell: Callable[[str], None] = lambda _: None, boot: str | None = None) -> None:
        self.path = path
        self._tell = tell
        self._boot = boot_id() if boot is None else boot
        self._lock = threading.RLock()
        self._waiting: dict[bytes, str] = {}
        """Entries that are not on the disk yet."""
        self._committed = time.monotonic()
        self._open_sound()
        self._reserve = Reserve(path.with_name(f"{path.name}.reserve"))

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it. An error that is on its way already is not replaced by that of a full disk."""
        if error is None:
            self.close()
        else:
            with suppress(OutputError):
                self.close()

    def get(self, key: str) -> Entry | None:
        """The entry of a key (lower-case hex), or None.

        Raises:
            OutputError: the file cannot be read.
        """
        name = bytes.fromhex(key)
        with self._lock:
            if name in self._waiting:
                return Entry(json.loads(self._waiting[name]), bool(self._boot))
            found = self._guarded(lambda: self._find(name))
        return None if found is None else Entry(json.loads(found[1]), found[0] in self._trusted)

    def put(self, key: str, value: Mapping[str, Any]) -> None:
        """Keep an entry (JSON); it is on the disk within ``INTERVAL_S`` where ``tick`` is called so often.

        Raises:
            OutputError: the disk is full.
        """
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        with self._lock:
            self._waiting[bytes.fromhex(key)] = text
            self.tick()

    def tick(self) -> None:
        """Commit, unless that was done less than ``INTERVAL_S`` ago.

        Raises:
            OutputError: the disk is full.
        """
        with self._lock:
            if time.monotonic() - self._committed >= INTERVAL_S:
                self.commit()

    def commit(self) -> None:
        """Bring every entry to the disk.

        Raises:
            OutputError: the disk is full; the entries are kept in memory and tried again.
        """
        with self._lock:
            if self._waiting:
                self._guarded(self._write_somehow)
                self._waiting.clear()
            self._committed = time.monotonic()

    def close(self) -> None:
        """Commit and close the file.

        Raises:
            OutputError: the disk is full: the last entries are lost, where no room could be held back for them.
        """
        with self._lock:
            try:
                self.commit()
            finally:
                with suppress(sqlite3.Error):
                    self._database.close()
                self._reserve.give()

    def _open_sound(self) -> None:
        try:
            self._open()
        except sqlite3.Error as error:
            if not _is_damage(error):
                self._fail(error)
            self._begin_again()

    def _open(self) -> None:
        self._database = sqlite3.connect(self.path, timeout=1.0, isolation_level=None, check_same_thread=False)
        try:
            run = self._database.execute
            run("PRAGMA locking_mode=EXCLUSIVE")
            run("PRAGMA journal_mode=WAL")
            run("PRAGMA synchronous=FULL")
            run(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
            version = run("PRAGMA user_version").fetchone()[0]
            if version not in (0, SCHEMA):
                raise _Unknown(f"its form is {version}")
            self._database.executescript(_TABLES)
            run(f"PRAGMA user_version={SCHEMA}")
            self._trusted = self._sessions()
        except BaseException:
            self._database.close()
            raise
        self._session: int | None = None

    def _sessions(self) -> set[int]:
        """Those since this start of the machine; none where it has no name."""
        if not self._boot:
            return set()
        return {number for (number,) in self._database.execute("SELECT id FROM sessions WHERE boot=?", (self._boot,))}

    def _begin_again(self) -> None:
        """Move the damaged file aside and begin an empty one."""
        with suppress(sqlite3.Error, AttributeError):
            self._database.close()
        aside = _free_name(self.path)
        try:
            self.path.replace(aside)
            for each in ("-wal", "-shm"):
                self.path.with_name(self.path.name + each).unlink(missing_ok=True)
        except OSError as error:
            raise output_error(self.path, error) from error
        self._tell(f"{self.path} is damaged: it was moved to {aside.name}, and finished work is done again")
        try:
            self._open()
        except sqlite3.Error as error:
            self._fail(error)

    def _find(self, name: bytes) -> tuple[int, str] | None:
        with closing(self._database.execute("SELECT session, entry FROM entries WHERE key=?", (name,))) as found:
            row: tuple[int, str] | None = found.fetchone()
        return row

    def _write_somehow(self) -> None:
        """Write; on a full disk, into the room that was held back."""
        try:
            self._write()
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_FULL or not self._reserve.give():
                raise
            self._write()

    def _write(self) -> None:
        with closing(self._database.cursor()) as cursor:
            cursor.execute("BEGIN")
            try:
                session = self._session
                if session is None:
                    cursor.execute("INSERT INTO sessions (boot) VALUES (?)", (self._boot,))
                    session = int(cursor.lastrowid or 0)
                rows = ((name, session, text) for name, text in self._waiting.items())
                cursor.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", rows)
                cursor.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    cursor.execute("ROLLBACK")
                raise
        self._session = session
        if self._boot:
            self._trusted.add(session)

    def _guarded(self, work: Callable[[], _T]) -> _T:
        """Do it; in an empty file where this one turns out to be damaged."""
        try:
            return work()
        except sqlite3.Error as error:
            if not _is_damage(error):
                self._fail(error)
        self._begin_again()
        try:
            return work()
        except sqlite3.Error as error:
            self._fail(error)

    def _fail(self, error: sqlite3.Error) -> NoReturn:
        """Raise what a person can act on; its cause is an OS error, as with any other file."""
        code = _code(error)
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            what = f"{self.path} is open in another program"
            raise OutputError(what, "close it and run the same command again") from error
        number = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_READONLY: errno.EROFS}.get(code, 0)
        number = errno.EACCES if code == sqlite3.SQLITE_CANTOPEN and self.path.parent.is_dir() else number
        cause = OSError(number, os.strerror(number) if number else str(error))
        raise output_error(self.path, cause) from cause


class _Unknown(sqlite3.DatabaseError):
    """A file that this program did not write, or a later version of it."""

    sqlite_errorcode = sqlite3.SQLITE_NOTADB


def _is_damage(error: sqlite3.Error) -> bool:
    return _code(error) in _DAMAGED


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return aside
