"""The process that opens foreign media: ``python -m demod_voice.media.child probe|decode ...``.

It runs under limits of time, memory and output that its parent sets, and answers one JSON object on stdout. A decoder's
crash ends this process and nothing else.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr

from demod_voice.audio.resample import QUALITY
from demod_voice.media.ingesting import describe, ingest
from demod_voice.media.reading import Unreadable, frames, opened, reason
from demod_voice.media.wav import WavWriter

HIGHEST_RATE = 48000
"""Hz: a file whose own rate is kept comes no higher."""


def main(arguments: list[str]) -> int:
    """Do one request: ``{"action", "path", "seconds", "memory", ...}`` as JSON in the first argument."""
    request = json.loads(arguments[0])
    _limit(resource.RLIMIT_CPU, int(request["seconds"]) + 1)
    _limit(resource.RLIMIT_AS, int(request["memory"]))
    try:
        answer = _ACTIONS[request["action"]](request)
    except (Unreadable, av.FFmpegError, OSError, ValueError, MemoryError) as error:
        answer = {"error": reason(error)}
    sys.stdout.write(json.dumps(answer))
    return 0


def probe(request: dict[str, Any]) -> dict[str, Any]:
    """What the file is: duration, rate, channels, codec, bit rate, tags."""
    with opened(request["path"]) as container:
        return describe(container, container.streams.audio[0])


def decode(request: dict[str, Any]) -> dict[str, Any]:
    """Decode to a WAV at the rate that is asked for, in blocks; ``channels`` 1 mixes down, 0 keeps them.

    A rate of 0 keeps the file's own.
    """
    wanted = int(request["channels"])
    with opened(request["path"]) as container:
        stream = container.streams.audio[0]
        channels = 1 if wanted == 1 else stream.codec_context.channels
        rate = int(request["sample_rate"]) or min(stream.rate, HIGHEST_RATE)
        with WavWriter(Path(request["out"]), rate, channels, request["encoding"]) as writer:
            cut = _Cut(writer, request, rate)
            for samples in _resampled(container, stream, channels, rate):
                cut.write(samples)
                if cut.done:
                    break
    cut.check()
    return {"num_samples": cut.written}


class _Cut:
    """Writes the samples from ``start_s`` to ``end_s`` (None = to the end)."""

    def __init__(self, writer: WavWriter, request: dict[str, Any], rate: int) -> None:
        self.written = 0
        self._writer = writer
        self._seen = 0
        self._rate = rate
        self._start = round(request["start_s"] * rate)
        self._end = None if request["end_s"] is None else round(request["end_s"] * rate)
        self._most = int(request["longest_s"] * rate)

    @property
    def done(self) -> bool:
        """Nothing that follows is wanted."""
        return self._end is not None and self._seen >= self._end

    def write(self, samples: Any) -> None:
        """Samples of shape (n, channels), as they follow each other."""
        first, last = max(0, self._start - self._seen), len(samples)
        if self._end is not None:
            last = min(last, self._end - self._seen)
        self._seen += len(samples)
        if self._seen > self._most:
            raise Unreadable("it is longer than the limit")
        if last > first:
            self._writer.write(np.ascontiguousarray(samples[first:last].T))
            self.written += last - first

    def check(self) -> None:
        """Refuse a file without sound, or one that ends over a second before what is asked for: players show seconds."""
        if not self._seen:
            raise Unreadable("it holds no sound")
        if not self.written or (self._end is not None and self._seen + self._rate < self._end):
            wanted = self._start if not self.written else self._end or 0
            raise Unreadable(f"it ends at {self._seen / self._rate:.2f} s, before {wanted / self._rate:.2f} s")


def _resampled(container: Any, stream: Any, channels: int, rate: int) -> Any:
    """The file's samples at ``rate``, float32 of shape (n, channels)."""
    resampler: Any = None
    source_rate = 0
    for frame, frame_rate in frames(container, stream, []):
        mixed = frame.mean(axis=1, keepdims=True) if channels == 1 and frame.shape[1] > 1 else frame
        samples = np.ascontiguousarray(mixed, dtype=np.float32)
        if resampler is None:
            source_rate = frame_rate
            resampler = soxr.ResampleStream(frame_rate, rate, channels, dtype="float32", quality=QUALITY)
        elif frame_rate != source_rate:
            raise Unreadable("its sample rate changes in the middle")
        yield resampler.resample_chunk(samples)
    if resampler is not None:
        yield resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True)


def _limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (value if hard < 0 else min(value, hard), hard))


_ACTIONS = {"probe": probe, "decode": decode, "ingest": ingest}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
