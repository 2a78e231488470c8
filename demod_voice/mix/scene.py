"""A whole mix as data: tracks of clips, where they stand, how loud they are, and what gives way to what."""

from __future__ import annotations

from dataclasses import dataclass

from demod_voice.mix.curves import LEVEL, Curve
from demod_voice.mix.panning import EQUAL_POWER
from demod_voice.mix.sources import Placement


@dataclass(frozen=True, slots=True)
class Track:
    """Clips that belong together: a speaker, a music bed, the effects."""

    name: str
    """Unique in a scene; names its stem."""
    placements: tuple[Placement, ...]
    """In any order; they may overlap each other."""
    position: float | None = None
    """-1 (left) to 1 (right) of a mono track; None = its own two channels, or the middle."""
    gain_db: float = 0.0
    curve: Curve = LEVEL
    """Gain over time, on top of ``gain_db``."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is mixed."""

    tracks: tuple[Track, ...]
    sample_rate: int
    num_samples: int
    num_channels: int = 1
    room_tone_dbfs: float | None = None
    """RMS of shaped noise under everything; None = silence between the clips."""
    seed: int = 0
    """Of the room tone."""
    pan_law: str = EQUAL_POWER
