"""The lines of a text file of any size, one at a time: never more than one record of it is held."""

from __future__ import annotations

import codecs
import io
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from demod_voice.errors import UsageError
from demod_voice.formats.foreign_text import marked_encoding, wide_encoding

MOST_RECORD_CHARS = 2_000_000
"""A longer record is a fault of its row: mostly a quote that is never closed."""
_HEAD = 4096
"""Bytes that tell the encoding."""
_PIECE = 1 << 16
"""Characters of an endless line that are read at once, to be thrown away."""
_MARKED = 0xDC00
"""A byte that is no text stands as this and its value: half a character, which no encoding can mean."""
_HALF = re.compile("[\ud800-\udfff]")
_BEFORE = 16
"""Characters told before a wrong byte, so that its place can be searched for."""
_ERRORS = "demod_voice.marked"


class Lines:
    """Lines with ``\\n`` after each, whatever ended them in the file.

    Args:
        file: text with universal newlines.
    """

    def __init__(self, file: TextIO) -> None:
        self.encoding = file.encoding
        self._read = file.readline
        self._again: deque[str] = deque()
        self.number = 0
        """Of the line that was taken last, 1-based."""
        self.comments = 0
        """Lines below the header that a reader left out."""

    def take(self) -> str:
        """The next line; empty at the end. One over ``MOST_RECORD_CHARS`` is cut there, and its rest is skipped."""
        self.number += 1
        if self._again:
            return self._again.popleft()
        line = self._read(MOST_RECORD_CHARS + 1)
        if len(line) > MOST_RECORD_CHARS and line[-1] != "\n":
            self._skip()
        return line

    def give_back(self, lines: Sequence[str]) -> None:
        """Take these lines, the last that were taken, once more."""
        self._again.extendleft(reversed(lines))
        self.number -= len(lines)

    def _skip(self) -> None:
        """Read to the end of the line that has begun."""
        while (piece := self._read(_PIECE)) and piece[-1] != "\n":
            pass


@contextmanager
def open_lines(path: Path, encoding: str = "", tap: Callable[[Any], object] | None = None) -> Iterator[Lines]:
    """Open a text file: as its byte-order mark says, else in ``encoding``, else as UTF-16 or UTF-8, as it looks.

    Bytes that are no text in that encoding stand for themselves in the lines, where ``wrong_byte`` finds them.

    Args:
        path: the file.
        encoding: a name that Python knows; empty = not said.
        tap: given every block of bytes that is read.

    Raises:
        UsageError: it cannot be read, is no text, or there is no such encoding.
    """
    try:
        with _Tapped(path) as raw:
            name = _encoding(path, raw.read(_HEAD) or b"", encoding)
            raw.seek(0)
            raw.tap = tap
            buffered = io.BufferedReader(raw, 1 << 17)
            with io.TextIOWrapper(buffered, encoding=name, errors=_ERRORS) as file:
                yield Lines(file)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error


def is_whole(text: str) -> bool:
    """True when every byte of it was text."""
    return text.isascii() or _HALF.search(text) is None


def wrong_byte(text: str) -> str:
    """The first byte of ``text`` that is no text, and what stands before it, in words."""
    found = _HALF.search(text)
    if found is None:
        return ""
    before = text[max(0, found.start() - _BEFORE) : found.start()].rpartition("\n")[2]
    code = ord(found[0])
    what = f"byte 0x{code - _MARKED:02X}" if 0 <= code - _MARKED <= 0xFF else f"half a character (U+{code:04X})"
    return f"{what} after {before!r}" if before else what


def plain(text: str) -> str:
    """``text`` with the replacement character for what is no text, and for NUL."""
    return _HALF.sub("\ufffd", text).replace("\0", "\ufffd")


class _Tapped(io.FileIO):
    """A file whose reader is overheard."""

    tap: Callable[[Any], object] | None = None

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer) or 0
        if self.tap is not None and count:
            self.tap(memoryview(buffer)[:count])
        return count


def _encoding(path: Path, head: bytes, given: str) -> str:
    if head.startswith(b"PK\x03\x04"):
        raise UsageError(f"{path} is a spreadsheet or an archive, not text", "save it as CSV (UTF-8)")
    marked = marked_encoding(head)
    if marked:
        return "utf-8-sig" if marked == "utf-8" else marked
    return _known(given) if given else wide_encoding(head) or "utf-8"


def _known(name: str) -> str:
    """``name``, when text can be read in it.

    Raises:
        UsageError: it cannot.
    """
    try:
        io.TextIOWrapper(io.BytesIO(b"a"), encoding=name, errors=_ERRORS).read()
    except (LookupError, ValueError) as error:
        raise UsageError(f"there is no encoding {name!r}", "for example: --encoding cp1252, or utf-16") from error
    return name


def _mark(error: UnicodeError) -> tuple[str, int]:
    """What stands for bytes that are no text."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(_MARKED + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_ERRORS, _mark)
