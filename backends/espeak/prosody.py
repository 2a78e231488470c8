"""Ratios of speed and pitch as the library's parameters.

Source of the pitch formula: SetPitch2 in espeak-ng's synthesize.c. A voice has a base B and a range R (its ``pitch``
line: base = (low - 9) Hz, range = (high - low) * 108 / 4096 Hz). With parameters pitch p and range g, and t(p) = the
library's table, which is 2^((p - 50) / 50), a point c of the intonation lies at

    F = B t(p) - 18 R (g / 50 - 1) + c / 2 R g / 50

Asking for r times that, for every c, gives g' = r g and t = r + 18 (r - 1) R / B. Measured on four voices by
autocorrelation: true within 2 % where both parameters are inside 0..100, which is about 0.6 to 1.7.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from catalogue import Choice
from demod_worker.messages import SpeakItem
from demod_worker.worker import BadRequest

WORDS_A_MINUTE = 175
SLOWEST, FASTEST = 80, 900
"""Words a minute between which the length was measured to follow the parameter (7 % at most)."""
HIGHEST_PITCH = 100
WIDEST = 99
NORMAL = 50
DEFAULT_BASE, DEFAULT_RANGE = 71.0, 4104 / 4096
"""Hz; espeak-ng's VoiceReset."""
_PITCH_LINE = re.compile(r"^\s*pitch\s+(-?\d+)\s+(-?\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Prosody:
    """Parameters of the library."""

    rate: int
    """Words a minute."""
    pitch: int
    """0-100."""
    pitch_range: int
    """0-99."""
    degraded: tuple[str, ...]
    """What could not be met."""


def prosody(item: SpeakItem, data: Path, choice: Choice) -> Prosody:
    """The parameters for an item.

    Args:
        item: speed, pitch and style.
        data: the library's data folder.
        choice: the voice that will speak.

    Raises:
        BadRequest: a ratio that is not positive, or a pitch range outside 0..100.
    """
    wide = item.style.get("pitch_range", NORMAL)
    if isinstance(wide, bool) or not isinstance(wide, (int, float)) or not 0 <= wide <= 100:
        raise BadRequest(f"style.pitch_range must be a number from 0 to 100, got {wide!r}")
    for name, ratio in (("speed", item.speed), ("pitch", item.pitch)):
        if not math.isfinite(ratio) or ratio <= 0:
            raise BadRequest(f"{name} must be a positive number, got {ratio!r}")
    rate = round(WORDS_A_MINUTE * item.speed)
    pitch, pitch_range = _pitch(item.pitch, wide, *_voice_pitch(data, choice))
    kept_rate = min(max(rate, SLOWEST), FASTEST)
    kept_pitch = min(max(pitch, 0), HIGHEST_PITCH)
    degraded = []
    if kept_rate != rate:
        degraded.append(f"speed: {kept_rate / WORDS_A_MINUTE:.2f} in place of {item.speed:g}")
    if kept_pitch != pitch or (pitch_range > WIDEST + 1 and wide <= NORMAL):
        degraded.append(f"pitch: {item.pitch:g} is beyond what the voice can do")
    return Prosody(kept_rate, kept_pitch, min(pitch_range, WIDEST), tuple(degraded))


def _pitch(ratio: float, wide: float, base: float, span: float) -> tuple[int, int]:
    """The parameters that raise every point of the intonation by ``ratio``, unclamped."""
    table = ratio + 18 * (ratio - 1) * span / base
    pitch = NORMAL + NORMAL * math.log2(table) if table > 0 else -1
    return round(pitch), round(wide * ratio)


@lru_cache(maxsize=64)
def _voice_pitch(data: Path, choice: Choice) -> tuple[float, float]:
    """Base and range of a voice, Hz: the last ``pitch`` line of its own file and its variant's."""
    base, span = DEFAULT_BASE, DEFAULT_RANGE
    files = [data / "lang" / choice.entry.identifier]
    files += [data / "voices" / "!v" / choice.variant] if choice.variant else []
    for file in files:
        for low, high in _PITCH_LINE.findall(file.read_text(errors="replace") if file.is_file() else ""):
            base, span = float(int(low) - 9), (int(high) - int(low)) * 108 / 4096
    return max(base, 1.0), max(span, 0.0)
