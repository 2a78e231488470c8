"""What the messages of one request must keep to: the order of sound and results, item by item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demod_worker.messages import ENCODINGS
from demod_worker.wire import Frame

ITEM_MESSAGES = ("audio-start", "audio-chunk", "item-done", "item-error")


class SpeechRules:
    """Watches the messages of one request.

    Args:
        asked: the request's data; its ``items`` are the numbers that may be answered.
    """

    def __init__(self, asked: Mapping[str, Any]) -> None:
        items = asked.get("items", ())
        self._asked: set[Any] = {each.get("item") for each in items if isinstance(each, Mapping)}
        self._frame_bytes: dict[int, int] = {}
        self._ended: set[int] = set()

    def fault(self, frame: Frame) -> str | None:
        """What is wrong with this message, or None."""
        if frame.type == "progress":
            return None
        if frame.type == "done":
            missing = self._asked - self._ended
            return f"done, but item {min(missing)} was not answered" if missing else None
        if frame.type not in ITEM_MESSAGES:
            return f"an unknown message {frame.type!r}"
        item = frame.data.get("item")
        if not isinstance(item, int) or isinstance(item, bool) or item not in self._asked:
            return f"{frame.type} for item {item!r}, which was not asked for"
        if item in self._ended:
            return f"{frame.type} for item {item} after its end"
        return self._item_fault(frame, item)

    def _item_fault(self, frame: Frame, item: int) -> str | None:
        if frame.type == "audio-start":
            return self._start(item, frame.data)
        if frame.type == "audio-chunk":
            size = self._frame_bytes.get(item)
            if size is None:
                return f"audio for item {item} that was not started"
            return f"{len(frame.payload)} bytes are not whole frames" if len(frame.payload) % size else None
        self._ended.add(item)
        return None

    def _start(self, item: int, data: Mapping[str, Any]) -> str | None:
        rate, channels, encoding = data.get("rate"), data.get("channels"), data.get("encoding")
        if item in self._frame_bytes:
            return f"audio of item {item} started twice"
        known = isinstance(encoding, str) and encoding in ENCODINGS
        if not known or not _within(rate, 1000, 768_000) or not _within(channels, 1, 8):
            return f"audio-start with rate {rate!r}, encoding {encoding!r}, channels {channels!r}"
        self._frame_bytes[item] = ENCODINGS[str(encoding)] * int(channels or 1)
        return None


def _within(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
