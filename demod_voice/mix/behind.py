"""A meter that listens on a thread of its own, so that metering costs no time where there is a second processor.

numpy and scipy leave the interpreter free while they work on a block. Blocks are heard in the order in which they are
pushed, so the numbers are those of the meter alone.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from demod_voice.audio.clip import Samples
from demod_voice.mix.loudness import Meter

AHEAD = 4
"""Blocks that may wait: what bounds the memory."""


class Listener:
    """Push blocks into it as into a ``Meter``; after the ``with`` block ``meter`` has heard all of them.

    Args:
        meter: what hears the blocks. It must not be used before the end of the ``with`` block.
    """

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="meter")
        self._waiting: deque[Future[None]] = deque()

    def push(self, samples: Samples) -> None:
        """Let the meter hear float32 samples of shape (channels, n), which must not be changed afterwards."""
        self._waiting.append(self._executor.submit(self.meter.push, samples))
        if len(self._waiting) > AHEAD:
            self._waiting.popleft().result()

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is None:
            for each in self._waiting:
                each.result()
