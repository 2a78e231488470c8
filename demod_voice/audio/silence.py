"""Long pauses made shorter: which stretches of a recording stay, and where each of them comes to lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Kept:
    """A stretch that stays."""

    start_s: float
    """In the recording."""
    end_s: float
    new_start_s: float
    """In what is made of it."""

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return self.end_s - self.start_s


def shortened(
    speech: Sequence[tuple[float, float]], duration_s: float, longest_s: float, left_s: float
) -> tuple[Kept, ...]:
    """What stays when every pause of more than ``longest_s`` is made ``left_s`` long, its middle taken out.

    Args:
        speech: start and end of each stretch of speech, seconds, in order.
        duration_s: of the recording.
        longest_s: pauses up to this length are left alone, at the ends of the recording too.
        left_s: what is left of a longer one, half of it on each side; at most ``longest_s``.

    Raises:
        ValueError: a length below 0, or ``left_s`` over ``longest_s``.
    """
    if not 0.0 <= left_s <= longest_s:
        raise ValueError(f"a pause over {longest_s:g} s cannot be shortened to {left_s:g} s")
    if not speech:
        return (Kept(0.0, duration_s, 0.0),)
    half = left_s / 2.0
    cuts: list[tuple[float, float]] = []
    if speech[0][0] > longest_s:
        cuts.append((0.0, speech[0][0] - half))
    for (_, end_s), (start_s, _) in pairwise(speech):
        if start_s - end_s > longest_s:
            cuts.append((end_s + half, start_s - half))
    if duration_s - speech[-1][1] > longest_s:
        cuts.append((speech[-1][1] + half, duration_s))
    kept, place, new = [], 0.0, 0.0
    for start_s, end_s in [*cuts, (duration_s, duration_s)]:
        if start_s > place:
            kept.append(Kept(place, start_s, new))
            new += start_s - place
        place = max(place, end_s)
    return tuple(kept)
