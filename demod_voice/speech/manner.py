"""How a stretch of a line is said: what its engine is asked for, what is done to its sound here, what is not met.

An engine that honours a ratio gets the product of the voice's and the stretch's. For one that does not, the core
stretches the sound, and moves its pitch within a few semitones. The level is always exact gain on the samples.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from demod_voice.audio.clip import Clip
from demod_voice.audio.tempo import FASTEST, HIGHEST, LOWEST, SLOWEST, shift_pitch, stretch
from demod_voice.engines.types import EngineInfo
from demod_voice.speech.joining import amplify
from demod_voice.text.spans import Span
from demod_voice.voices.resolved import ResolvedVoice

EMPHASIS = {"strong": (0.9, 1.05, 2.0), "moderate": (0.95, 1.03, 1.0), "reduced": (1.08, 0.97, -2.0)}
"""Level of emphasis -> ratio of speed, ratio of pitch, dB. Our own choice, small enough to sound like the same speaker;
all three, because length and pitch carry stress more than level does (Fry, Experiments in the perception of stress,
1958)."""
DELIVERY = "delivery"
"""Style key by which an engine is asked for one of its ``styles``."""


@dataclass(frozen=True, slots=True)
class Manner:
    """What one request asks of the engine, and what is done to the sound that comes back."""

    language: str
    """BCP 47."""
    speed: float = 1.0
    """Ratio asked of the engine."""
    pitch: float = 1.0
    """Ratio asked of the engine."""
    volume_db: float = 0.0
    """Gain on the samples."""
    tempo: float = 1.0
    """Ratio by which the core stretches the sound."""
    shift: float = 1.0
    """Ratio by which the core moves the pitch."""
    delivery: str = ""
    """One of the engine's styles."""
    foreign: bool = False
    """The language is not the line's."""

    @property
    def content(self) -> dict[str, Any]:
        """What a take depends on."""
        return asdict(self)

    def style(self, voice: ResolvedVoice) -> dict[str, Any]:
        """The voice's style, with this manner's."""
        return {**voice.style, **({DELIVERY: self.delivery} if self.delivery else {})}

    def applied(self, clip: Clip) -> Clip:
        """The engine's sound with everything done that the core does."""
        if self.shift != 1.0:
            clip = shift_pitch(clip, self.shift)
        if self.tempo != 1.0:
            clip = stretch(clip, self.tempo)
        return amplify(clip, self.volume_db)


def plain_manner(voice: ResolvedVoice, language: str) -> Manner:
    """The manner of a line without markup: the voice's own, as far as its engine honours it."""
    return Manner(language, _honoured(voice, "speed"), _honoured(voice, "pitch"), float(voice.volume_db))


def manner_of(span: Span, voice: ResolvedVoice, language: str) -> tuple[Manner, tuple[str, ...]]:
    """The manner of a stretch, and what of its wishes is not met."""
    info = voice.engine
    plain = plain_manner(voice, language)
    rate, pitch, gain_db = EMPHASIS.get(span.emphasis, (1.0, 1.0, 0.0))
    made, wanting = _paced(plain, info, span.rate * rate)
    made, more = _pitched(made, info, span.pitch * pitch)
    wanting += more
    if span.volume_db or gain_db:
        made = replace(made, volume_db=plain.volume_db + span.volume_db + gain_db)
    if span.language and _primary(span.language) != _primary(language):
        if speaks(info, span.language):
            made = replace(made, language=span.language, foreign=True)
        else:
            wanting += (f"language.{span.language}",)
    if span.style:
        if span.style in info.styles:
            made = replace(made, delivery=span.style)
        else:
            wanting += (f"style.{span.style}",)
    return made, wanting


def speaks(info: EngineInfo, language: str) -> bool:
    """True when the engine names the language, or names none."""
    return not info.languages or _primary(language) in {_primary(each) for each in info.languages}


def _paced(plain: Manner, info: EngineInfo, rate: float) -> tuple[Manner, tuple[str, ...]]:
    if rate == 1.0:
        return plain, ()
    if "speed" in info.honours:
        return replace(plain, speed=plain.speed * rate), ()
    kept = min(max(rate, SLOWEST), FASTEST)
    return replace(plain, tempo=kept), () if kept == rate else (f"rate: {kept:g} in place of {rate:g}",)


def _pitched(plain: Manner, info: EngineInfo, ratio: float) -> tuple[Manner, tuple[str, ...]]:
    if ratio == 1.0:
        return plain, ()
    if "pitch" in info.honours:
        return replace(plain, pitch=plain.pitch * ratio), ()
    kept = min(max(ratio, LOWEST), HIGHEST)
    return replace(plain, shift=kept), () if kept == ratio else (f"pitch: {kept:g} in place of {ratio:g}",)


def _honoured(voice: ResolvedVoice, what: str) -> float:
    """The ratio that the engine is asked for: 1 when it cannot do it."""
    return float(getattr(voice, what)) if what in voice.engine.honours else 1.0


def _primary(language: str) -> str:
    return language.replace("_", "-").split("-")[0].lower()
