"""Stand-in."""

from __future__ import annotations

from collections.abc import Sequence

from demod_voice.formats.dataset_manifest import Segment


def choose_anchors(segments: Sequence[Segment], count: int) -> tuple[Segment, ...]:
    """None yet."""
    return tuple(each for each in segments if not each.quarantined and each.split == "train")[:count]
