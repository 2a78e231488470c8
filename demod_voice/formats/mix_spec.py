"""The mix of an episode as data: what ``mix.yaml``, a script's ``mix:`` and a show's give, and what ``episode`` builds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Music:
    """A piece of music under the speech, or beside it."""

    file: str
    """Relative to the file that names it."""
    start_s: float = 0.0
    """On the episode's time line, after an intro."""
    end_s: float | None = None
    """None = to the episode's end."""
    loop: bool = True
    """Begins again, with a crossfade, for as long as it is wanted."""
    crossfade_s: float = 2.0
    fade_in_s: float = 1.0
    fade_out_s: float = 3.0
    level_db: float = -8.0
    """Its loudness against the speech's, where nobody speaks."""
    duck_amount: float = 0.3
    """What is left of its amplitude under speech: 0.3 is 10.5 dB down; 1 is no ducking."""


@dataclass(frozen=True, slots=True)
class Sting:
    """Music before the first word or after the last one."""

    file: str
    level_db: float = 0.0
    """Its loudness against the speech's."""
    overlap_s: float = 1.0
    """How long it is heard together with the speech, fading."""


@dataclass(frozen=True, slots=True)
class TimedEffect:
    """A sound at a time."""

    file: str
    at_s: float
    """On the episode's time line, after an intro."""
    level_db: float = 0.0
    """Its loudest moment against the speech's loudness."""


@dataclass(frozen=True, slots=True)
class Compression:
    """The compressor of the voices."""

    threshold_db: float = -24.0
    """dBFS of the followed level."""
    ratio: float = 2.5
    attack_s: float = 0.010
    release_s: float = 0.150


@dataclass(frozen=True, slots=True)
class RoomTone:
    """What is heard where nothing is."""

    level_dbfs: float = -50.0
    """RMS of the finished show's."""
    file: str = ""
    """A recording of a room, looped; empty = shaped noise."""


@dataclass(frozen=True, slots=True)
class Ducking:
    """A speaker who speaks under another one."""

    depth_db: float = -6.0
    attack_s: float = 0.080
    release_s: float = 0.300
    primary: str = ""
    """Never gives way; empty = who took the turn last, and never a back-channel."""


@dataclass(frozen=True, slots=True)
class MixSpec:
    """Everything that can be said about a mix. Source: A081, A082, A089-A093."""

    channels: int = 0
    """1 or 2; 0 = 2 where there are positions, music or effects."""
    preset: str = ""
    """A row of the table of targets (``apple``, ``acx``)."""
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None
    positions: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Speaker -> -1 (left) to 1 (right)."""
    pan_law: str = "equal-power"
    high_pass_hz: float = 70.0
    de_ess: float = 0.3
    compressor: Compression | None = None
    room_tone: RoomTone | None = field(default_factory=RoomTone)
    match_levels: bool = True
    duck: Ducking = field(default_factory=Ducking)
    music: tuple[Music, ...] = ()
    intro: Sting | None = None
    outro: Sting | None = None
    effects: tuple[TimedEffect, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """Every sound file that is named, once, in reading order."""
        stings = [each.file for each in (self.intro, self.outro) if each is not None]
        room = [self.room_tone.file] if self.room_tone is not None and self.room_tone.file else []
        every = [*(each.file for each in self.music), *stings, *(each.file for each in self.effects), *room]
        return tuple(dict.fromkeys(every))
