"""Where a mono sound stands between two loudspeakers."""

from __future__ import annotations

import math

EQUAL_POWER, LINEAR = "equal-power", "linear"
LAWS = (EQUAL_POWER, LINEAR)


def pan_gains(position: float, law: str = EQUAL_POWER) -> tuple[float, float]:
    """Gains of the left and the right channel.

    Args:
        position: -1 (left) to 1 (right).
        law: ``equal-power`` keeps the loudness of a voice that moves (sine and cosine, -3 dB in the middle);
            ``linear`` is (1 - p) / 2 and (1 + p) / 2, which is 6 dB down in the middle.

    Raises:
        ValueError: unknown law, or a position outside -1..1.
    """
    if not -1.0 <= position <= 1.0:
        raise ValueError(f"a position is between -1 and 1, got {position}")
    if law == LINEAR:
        return (1.0 - position) / 2.0, (1.0 + position) / 2.0
    if law != EQUAL_POWER:
        raise ValueError(f"unknown panning law {law!r} (known: {', '.join(LAWS)})")
    angle = (position + 1.0) * math.pi / 4.0
    return math.cos(angle), math.sin(angle)
