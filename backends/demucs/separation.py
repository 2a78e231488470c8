"""The dialogue of a recording, made segment by segment: whatever its length, a few segments are in memory.

It is what ``demucs.apply.apply_model`` makes of the whole recording (tested): overlapping segments under a triangle, divided by
the sum of the triangles; the same for each shift, and the mean of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from demod_worker.worker import OutOfMemory
from model_files import VOICE, Bag
from wave_files import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_SHIFT_S = 0.5
"""A shifted pass begins up to so much before the recording."""
LEVEL_BLOCK = 1 << 17
FLOOR = 1e-8
"""Added to the deviation, so that silence is divided by something. Source: demucs 4.1.0, ``api.Separator``."""


@dataclass(frozen=True)
class Scale:
    """A recording's own mean and deviation, which the networks are freed of."""

    mean: float
    deviation: float


class Separator:
    """Makes the dialogue of one recording.

    Args:
        bag: the networks, on their device.
        device: where they are.
        overlap: share of a segment that the next one covers too.
        source: the recording.
        tell: called after each segment with the share that is done; may raise to stop.
    """

    def __init__(self, bag: Bag, device: str, overlap: float, source: Source, tell: Callable[[float], None]) -> None:
        self._bag, self._device, self._source, self._tell = bag, device, source, tell
        segment = _segment_s(bag)
        self.segment = int(bag.models[0].samplerate * segment)
        self.stride = max(1, int((1 - overlap) * self.segment))
        self._seconds = segment
        self._done = 0

    def blocks(self, shifts: int, seed: int) -> Iterator[NDArray[np.float32]]:
        """The dialogue in order, shape (channels, n) with any n; in all as long as the recording.

        Raises:
            OutOfMemory: a segment does not fit.
        """
        import torch

        # Networks that shift their position codes at random take them from here.
        random.seed(seed)
        torch.manual_seed(seed)
        scale = scale_of(self._source)
        most = int(MOST_SHIFT_S * self._source.sample_rate)
        source = random.Random(seed)
        begins = [source.randint(0, most) - most for _ in range(shifts)] or [0]
        passes = [_Ordered(self._segments(begin, scale)) for begin in begins]
        at, length = 0, self._source.num_samples
        self._passes = len(passes)
        while at < length:
            count = min(self.stride, length - at)
            yield sum(each.take(count) for each in passes) / len(passes)
            at += count

    def _segments(self, begin: int, scale: Scale) -> Iterator[NDArray[np.float32]]:
        """Finished samples of one pass, from the recording's first on.

        Args:
            begin: where the first segment begins, 0 or less.
            scale: of the recording.
        """
        import numpy as np

        end = self._source.num_samples
        half = self.segment // 2
        triangle = np.concatenate([np.arange(1, half + 1), np.arange(self.segment - half, 0, -1)]).astype(np.float32)
        triangle /= triangle.max()
        kept = np.zeros((self._source.num_channels, self.segment), np.float32)
        weight = np.zeros(self.segment, np.float32)
        for at in range(begin, end, self.stride):
            length = min(self.segment, end - at)
            kept[:, :length] += triangle[:length] * self._dialogue(at, length, scale)
            weight[:length] += triangle[:length]
            done = self.stride if at + self.stride < end else length
            part = kept[:, :done] / weight[:done]
            yield part[:, max(0, -at) :]
            kept = np.concatenate([kept[:, done:], np.zeros_like(kept[:, :done])], axis=1)
            weight = np.concatenate([weight[done:], np.zeros(done, np.float32)])
            self._done += done
            self._tell(min(1.0, self._done / self._passes / max(1, end - begin)))

    def _dialogue(self, at: int, length: int, scale: Scale) -> NDArray[np.float32]:
        """The dialogue of one segment, shape (channels, length)."""
        import numpy as np
        import torch
        from demucs.apply import TensorChunk, apply_model

        room = self.segment - length
        sound = self._source.read(at - room // 2, at - room // 2 + self.segment)
        scaled = (sound - scale.mean) / scale.deviation
        outside = np.arange(at - room // 2, at - room // 2 + self.segment)
        scaled[:, (outside < 0) | (outside >= self._source.num_samples)] = 0.0
        stereo = torch.from_numpy(np.ascontiguousarray(np.broadcast_to(scaled, (2, self.segment))).astype(np.float32))[
            None
        ]
        chunk = TensorChunk(stereo, room // 2, length)
        voice = self._bag.models[0].sources.index(VOICE)
        made = np.zeros((2, length), np.float32)
        try:
            for model, weight in zip(self._bag.models, self._bag.weights, strict=True):
                if weight:
                    found: Any = apply_model(
                        model, chunk, shifts=0, split=False, device=self._device, segment=self._seconds
                    )
                    made += weight * found[0, voice].cpu().numpy()
        except torch.OutOfMemoryError as error:
            raise OutOfMemory(f"a segment of {self._seconds:g} s does not fit on {self._device}: {error}") from error
        mixed = made if self._source.num_channels == 2 else made.mean(axis=0, keepdims=True)
        found_dialogue: NDArray[np.float32] = (mixed * scale.deviation + scale.mean).astype(np.float32)
        return found_dialogue


def _segment_s(bag: Bag) -> Any:
    """Seconds that are heard at once: the bag's, but no more than a hybrid transformer was trained on."""
    from demucs.htdemucs import HTDemucs

    own = [each.segment for each in bag.models]
    most = [each.segment for each in bag.models if isinstance(each, HTDemucs)]
    return min([bag.segment, *most]) if bag.segment else min(own)


def scale_of(source: Source) -> Scale:
    """Mean and deviation of the recording's mean channel, in two passes over it."""
    import numpy as np

    if not source.num_samples:
        return Scale(0.0, 1.0)

    def total(of: Callable[[Any], Any]) -> float:
        edges = range(0, source.num_samples, LEVEL_BLOCK)
        blocks = (source.read(at, min(source.num_samples, at + LEVEL_BLOCK)) for at in edges)
        return sum(float(of(block.astype(np.float64).mean(axis=0)).sum()) for block in blocks)

    mean = total(lambda block: block) / source.num_samples
    squares = total(lambda block: (block - mean) ** 2)
    return Scale(mean, (squares / max(1, source.num_samples - 1)) ** 0.5 + FLOOR)


class _Ordered:
    """An iterator of pieces, taken in whatever lengths are wanted."""

    def __init__(self, pieces: Iterator[NDArray[np.float32]]) -> None:
        self._pieces = pieces
        self._waiting: NDArray[np.float32] | None = None

    def take(self, count: int) -> NDArray[np.float32]:
        """The next ``count`` samples, shape (channels, count)."""
        import numpy as np

        parts = [] if self._waiting is None else [self._waiting]
        while sum(each.shape[1] for each in parts) < count:
            parts.append(next(self._pieces))
        whole = np.concatenate(parts, axis=1)
        self._waiting = whole[:, count:]
        return whole[:, :count]
