"""Text that others saved: in whatever encoding it is. Read by subtitles and transcripts."""

from __future__ import annotations

from pathlib import Path

from demod_voice.errors import Fault, FaultsError, UsageError
from demod_voice.units import format_size

LARGEST = 20_000_000
"""Bytes: a hundred hours of subtitles have ten million."""
_CONTROL = [chr(code) for code in range(32) if chr(code) not in "\t\n\v\f\r"]
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\0\0", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def read_foreign_text(path: Path, kind: str, hint: str, notes: list[Fault]) -> str:
    """A file's text with ``\\n`` after each line: as its byte-order mark says, else UTF-8, UTF-16, or Windows-1252.

    Args:
        path: the file.
        kind: what it should be, in the plural, for messages.
        hint: what to give instead.
        notes: what was guessed or lost is put here.

    Raises:
        UsageError: it does not exist, cannot be read or is too large.
        FaultsError: it is no text.
    """
    text = _decoded(_data(path, kind, hint), notes)
    if sum(map(text.count, _CONTROL)) > len(text) // 100:
        raise FaultsError(str(path), [Fault(None, f"is a binary file, no {kind}", hint)])
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")


def _data(path: Path, kind: str, hint: str) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"the {kind} {path} are no file", hint)
        size = path.stat().st_size
        if size > LARGEST:
            raise UsageError(f"{path} is {format_size(size)}, too large for {kind}", f"at most {format_size(LARGEST)}")
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"the {kind} {path} do not exist") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"the {kind} {path} cannot be read: {getattr(error, 'strerror', error)}") from error


def _decoded(data: bytes, notes: list[Fault]) -> str:
    encoding = marked_encoding(data) or wide_encoding(data) or "utf-8"
    text = data.decode(encoding, "replace").removeprefix("\ufeff")
    broken = text.count("\ufffd")
    if encoding == "utf-8" and broken > sum(char > "\x7f" for char in text) - broken:
        notes.append(Fault(None, "is not UTF-8, and was read as Windows-1252", "save it as UTF-8"))
        return data.decode("cp1252", "replace")
    if broken:
        notes.append(Fault(None, f"is not whole {encoding.upper()}: {broken} characters are lost"))
    return text


def marked_encoding(data: bytes) -> str:
    """The encoding that a byte-order mark names; empty without one. UTF-8 is named without ``-sig``."""
    return next((name for mark, name in _BOMS if data.startswith(mark)), "")


def wide_encoding(data: bytes) -> str:
    """UTF-16 without its mark, which no text needs to be: every second byte of Western text is zero. Else empty."""
    head = data[:4096]
    zeros = head[0::2].count(0), head[1::2].count(0)
    if max(zeros) * 5 < len(head) or min(zeros) * 10 > max(zeros):
        return ""
    return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
