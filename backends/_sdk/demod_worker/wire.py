"""Frames of worker protocol 1: one JSON object on one line, then exactly ``payload_length`` raw bytes.

Both sides use this file. Anything that is not a frame raises ``BrokenFrame``; nobody resynchronises.
Python 3.9, standard library only.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Callable, Dict, Optional

MAX_LINE = 1 << 20
"""Longest JSON line in bytes, its newline included."""
MAX_PAYLOAD = 64 << 20
"""Largest payload in bytes."""


class BrokenFrame(ValueError):
    """The stream does not hold a frame here; it cannot be read any further."""


@dataclass(frozen=True)
class Frame:
    """One message."""

    type: str
    id: Optional[int] = None
    """The request that it belongs to."""
    data: Dict[str, Any] = field(default_factory=dict)
    payload: bytes = b""


def encode_frame(frame: Frame) -> bytes:
    """The bytes of a frame.

    Raises:
        BrokenFrame: the line or the payload is over its limit, or ``data`` is not JSON.
    """
    head: Dict[str, Any] = {"type": frame.type}
    if frame.id is not None:
        head["id"] = frame.id
    if frame.data:
        head["data"] = frame.data
    if frame.payload:
        head["payload_length"] = len(frame.payload)
    try:
        line = json.dumps(head, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8") + b"\n"
    except (TypeError, ValueError) as error:
        raise BrokenFrame(f"{frame.type}: not JSON: {error}") from error
    if len(line) > MAX_LINE:
        raise BrokenFrame(f"{frame.type}: a line of {len(line)} bytes is over the limit of {MAX_LINE}")
    if len(frame.payload) > MAX_PAYLOAD:
        raise BrokenFrame(f"{frame.type}: a payload of {len(frame.payload)} bytes is over the limit of {MAX_PAYLOAD}")
    return line + frame.payload


def read_frame(stream: BinaryIO) -> Optional[Frame]:
    """The next frame, or None at a clean end of the stream.

    Raises:
        BrokenFrame: a stray or truncated line, a wrong type, a limit that is passed.
    """
    line = stream.readline(MAX_LINE + 1)
    if not line:
        return None
    if len(line) > MAX_LINE:
        raise BrokenFrame(f"a line of over {MAX_LINE} bytes")
    if not line.endswith(b"\n"):
        raise BrokenFrame(f"the stream ends inside a line: {_shown(line)}")
    head = _head(line)
    length = _whole(head, "payload_length", line) or 0
    if length > MAX_PAYLOAD:
        raise BrokenFrame(f"a payload of {length} bytes is over the limit of {MAX_PAYLOAD}")
    payload = _exactly(stream, length)
    return Frame(head["type"], _whole(head, "id", line), head.get("data", {}), payload)


class FrameWriter:
    """Writes frames, each in one piece, from any thread."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, frame: Frame, before: Optional[Callable[[int], None]] = None) -> None:
        """Write one frame and flush it; ``before`` is told its bytes first.

        Raises:
            BrokenFrame: it is no valid frame. OSError: nobody reads.
        """
        data = encode_frame(frame)
        if before is not None:
            before(len(data))
        with self._lock:
            self._stream.write(data)
            self._stream.flush()


def _head(line: bytes) -> Dict[str, Any]:
    try:
        head = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BrokenFrame(f"not a JSON line: {_shown(line)}") from error
    if not isinstance(head, dict) or not isinstance(head.get("type"), str):
        raise BrokenFrame(f"not an object with a type: {_shown(line)}")
    if not isinstance(head.get("data", {}), dict):
        raise BrokenFrame(f"data is not an object: {_shown(line)}")
    return head


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _whole(head: Dict[str, Any], name: str, line: bytes) -> Optional[int]:
    value = head.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BrokenFrame(f"{name} is not a whole number: {_shown(line)}")
    return value


def _exactly(stream: BinaryIO, length: int) -> bytes:
    parts = []
    missing = length
    while missing:
        part = stream.read(missing)
        if not part:
            raise BrokenFrame(f"the stream ends {missing} bytes before the payload's end")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _shown(line: bytes) -> str:
    return repr(line[:120].decode("utf-8", "replace"))
