"""``Clip``: the one shape in which sound travels through this program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Clip:
    """A piece of sound.

    Args:
        samples: float32 array of shape (channels, samples), nominally in -1..1.
        sample_rate: Hz.

    Raises:
        ValueError: if the array is not two-dimensional float32, or the rate is not positive.
    """

    samples: Samples
    """float32, shape (channels, samples), nominally -1..1."""
    sample_rate: int
    """Hz."""

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.dtype != np.float32:
            raise ValueError(f"a clip holds float32 (channels, samples); got {self.samples.dtype} {self.samples.shape}")
        if self.sample_rate <= 0:
            raise ValueError(f"sample rate must be positive, got {self.sample_rate}")

    @property
    def num_channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[0])

    @property
    def num_samples(self) -> int:
        """Samples in each channel."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.num_samples / self.sample_rate


def mono(samples: NDArray[np.floating], sample_rate: int) -> Clip:
    """Make a one-channel clip from a flat array of shape (samples,)."""
    return Clip(np.ascontiguousarray(samples, dtype=np.float32).reshape(1, -1), sample_rate)
