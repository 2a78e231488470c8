"""The frames of one worker on their way from the thread that reads them to the thread that waits for them."""

from __future__ import annotations

import threading
from collections import deque

from demod_worker.wire import MAX_PAYLOAD, BrokenFrame, Frame

MOST_FRAMES = 64
MOST_BYTES = MAX_PAYLOAD
"""Payload bytes that wait at most (one frame more may be on its way): a flood stays in the worker's pipe."""


class Inbox:
    """A short queue with an end. Its end is seen by everyone who asks, as often as they ask.

    Args:
        most_frames: frames that wait before ``put`` does.
        most_bytes: payload bytes that wait before ``put`` does.
    """

    def __init__(self, most_frames: int = MOST_FRAMES, most_bytes: int = MOST_BYTES) -> None:
        self._most_frames, self._most_bytes = most_frames, most_bytes
        self._changed = threading.Condition()
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._ended = False
        self._fault: BrokenFrame | None = None

    @property
    def ended(self) -> bool:
        """True once nothing more will come."""
        with self._changed:
            return self._ended and not self._frames

    def put(self, frame: Frame) -> None:
        """Add a frame; waits while the inbox is full. After the end the frame is dropped."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or not self._full())
            if not self._ended:
                self._frames.append(frame)
                self._bytes += len(frame.payload)
                self._changed.notify_all()

    def end(self, fault: BrokenFrame | None = None, drop: bool = False) -> None:
        """Nothing more comes: the stream has ended, cleanly or with ``fault``. ``drop`` also forgets what waits."""
        with self._changed:
            if not self._ended:
                self._ended, self._fault = True, fault
            if drop:
                self._frames.clear()
                self._bytes = 0
            self._changed.notify_all()

    def get(self, timeout_s: float) -> Frame | BrokenFrame | None:
        """The next frame; at the end the fault that ended the stream, or None.

        Raises:
            TimeoutError: nothing has come for ``timeout_s`` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._frames or self._ended, timeout_s):
                raise TimeoutError
            if not self._frames:
                return self._fault
            frame = self._frames.popleft()
            self._bytes -= len(frame.payload)
            self._changed.notify_all()
            return frame

    def _full(self) -> bool:
        return len(self._frames) >= self._most_frames or self._bytes >= self._most_bytes
