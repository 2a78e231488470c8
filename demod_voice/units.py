"""Quantities as people write them: durations, sizes, decibels. One parser and one printer for each."""

from __future__ import annotations

import math
import re

_DURATION = re.compile(r"(?P<number>\d+(?:[.,]\d+)?)\s*(?P<unit>ms|s|sec|m|min|h)?", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(?P<h>\d+):)?(?P<m>\d{1,2}):(?P<s>\d{1,2}(?:\.\d+)?)")
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[kmgt]?)i?b?", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
SILENCE_DB = -200.0
"""What a level of zero reads, in dB."""


def parse_duration(text: str) -> float:
    """Seconds from ``800ms``, ``1.5s``, ``2min``, ``1h``, ``01:12`` or ``1:02:03.5``; a bare number is seconds.

    Raises:
        ValueError: not a duration; the message names the forms.
    """
    clock = _CLOCK.fullmatch(text.strip())
    if clock:
        return int(clock["h"] or 0) * 3600 + int(clock["m"]) * 60 + float(clock["s"])
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration (examples: 800ms, 1.5s, 2min, 01:12)")
    return float(match["number"].replace(",", ".")) * _SECONDS[(match["unit"] or "s").lower()]


def format_duration(seconds: float) -> str:
    """``0.8 s``, ``12.3 s``, ``4:05``, ``1:02:03``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def parse_size(text: str) -> int:
    """Bytes from ``500``, ``64k``, ``10MB``, ``2 GiB`` (powers of 1024).

    Raises:
        ValueError: not a size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size (examples: 500MB, 10GB)")
    return int(float(match["number"]) * _BYTES[match["unit"].lower()])


def format_size(num_bytes: float) -> str:
    """``512 B``, ``21.4 MB``, ``1.8 GB`` (powers of 1024)."""
    size = float(num_bytes)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"


def db_from_gain(gain: float) -> float:
    """20 log10 of an amplitude ratio; ``SILENCE_DB`` for zero."""
    return 20.0 * math.log10(gain) if gain > 10 ** (SILENCE_DB / 20) else SILENCE_DB


def gain_from_db(level_db: float) -> float:
    """The amplitude ratio of a level in dB."""
    return float(10.0 ** (level_db / 20.0))


def counted(number: int, noun: str) -> str:
    """``1 line``, ``2 lines``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
