"""A long recording, decoded for work on its sound: one channel as float WAV, and where the file itself was clipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demod_voice.config.settings import Limits
from demod_voice.media.foreign import MediaInfo, ask

CLIPPED_S = 0.01
"""Seconds of one count of clipped samples."""


@dataclass(frozen=True, slots=True)
class Target:
    """One channel to be written."""

    channel: str
    """``mix``, ``left`` or ``right``; a file of one channel gives that one, and a note."""
    wav: Path
    """float32 WAV, mono."""
    clipped: Path
    """uint16, little-endian: clipped samples in each ``CLIPPED_S`` at the file's own rate."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What was found while decoding."""

    info: MediaInfo
    """``duration_s`` is what was decoded, not what the header says."""
    num_samples: int
    """Of each WAV."""
    clipped_samples: tuple[int, ...]
    """For each target, at the file's own rate."""
    dc_offset: tuple[float, ...]
    """Mean of each target's samples, full scale 1."""
    notes: tuple[str, ...] = ()


def ingest(
    path: Path,
    targets: Sequence[Target],
    sample_rate: int,
    limits: Limits,
    *,
    clipping_level: float = 0.999,
    watch: Callable[[], None] | None = None,
) -> Ingested:
    """Decode a recording whole, in blocks.

    Args:
        path: anything that libav reads.
        targets: what is written; the caller gives temporary names.
        sample_rate: Hz of the WAVs.
        limits: what the decoder may cost.
        clipping_level: amplitude from which a sample counts as clipped.
        watch: called now and then while the WAVs grow, and once after the end.

    Raises:
        UsageError: it does not exist. MediaError: it is no sound file, damaged, encrypted, or ends before its own header
            says; names the file and says why.
    """
    request = {
        "action": "ingest",
        "sample_rate": sample_rate,
        "clipping_level": clipping_level,
        "targets": [[each.channel, str(each.wav), str(each.clipped)] for each in targets],
    }
    answer = ask(request, path, limits, watch)
    return Ingested(
        MediaInfo(**answer["info"]),
        answer["num_samples"],
        tuple(answer["clipped_samples"]),
        tuple(answer["dc_offset"]),
        tuple(answer["notes"]),
    )


def plain(info: MediaInfo) -> Mapping[str, Any]:
    """An info as JSON."""
    return {
        "duration_s": info.duration_s,
        "sample_rate": info.sample_rate,
        "num_channels": info.num_channels,
        "codec": info.codec,
        "container": info.container,
        "bit_rate": info.bit_rate,
        "tags": dict(info.tags),
    }
