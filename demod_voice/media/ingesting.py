"""The decoder's side of ``media.recording``: runs in the child process."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from demod_voice.audio.resample import QUALITY
from demod_voice.media.reading import Position, Unreadable, frames, opened, tag_size
from demod_voice.media.wav import WavWriter

BLOCK = 1 << 16
"""Frames that are worked on at once: packets are far shorter."""
LONGEST_S = 24 * 3600
SHORTFALL_S = 1.0
"""A file may end so much before what its header says (or 1 %): encoders pad, and players show seconds."""
LEFT_OVER, LEFT_OVER_BYTES = 0.1, 1 << 16
"""A file may hold so much after its last sound: tags, pictures, an index."""
DENSE = frozenset({"mp3", "aac", "flac", "wav"})
"""Containers in which one packet follows the other."""
ONE_CHANNEL = "it has one channel, and no left and right: that one is used"
SPARE_BYTES = 16
"""Some writers count the header twice."""
OGG_PAGE, OGG_LAST = 1 << 16, 4
"""Longest page, and the bit of the last one. Source: RFC 3533, 6."""
_COUNT_S = 0.01
_FRAME = {True: 1152, False: 576}
"""Samples of an MP3's frame at 32 kHz and over, and under it. Source: ISO/IEC 11172-3 and 13818-3."""


def ingest(request: dict[str, Any]) -> dict[str, Any]:
    """Decode a recording whole: a float WAV and the clipped samples for each target."""
    with opened(request["path"]) as container:
        stream = container.streams.audio[0]
        declared = _declared_s(request["path"], container, stream)
        info = describe(container, stream)
        tracks = _Tracks(request)
        damaged: list[str] = []
        position = Position(request["path"])
        with tracks:
            for block, rate in _blocks(container, stream, damaged, position):
                tracks.push(block, rate)
        left = _left_over(request["path"], container, position)
        if _cut_short(request["path"], info["container"]):
            raise Unreadable(f"it is truncated: its end is missing, after {tracks.seen / max(1, tracks.rate):.1f} s")
        if not tracks.rate:
            raise Unreadable("it holds no sound")
        info["duration_s"], info["sample_rate"] = tracks.seen / tracks.rate, tracks.rate
    _refuse(info, declared, left, position)
    notes = _notes(info, declared, damaged, left)
    if info["num_channels"] == 1 and any(channel != "mix" for channel, *_ in request["targets"]):
        notes.append(ONE_CHANNEL)
    return {"info": info, **tracks.facts(), "notes": notes}


def describe(container: Any, stream: Any) -> dict[str, Any]:
    """What a file says of itself, as the fields of ``MediaInfo``."""
    duration = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
    return {
        "duration_s": duration,
        "sample_rate": stream.rate,
        "num_channels": stream.codec_context.channels,
        "codec": stream.codec_context.name,
        "container": container.format.name,
        "bit_rate": container.bit_rate or 0,
        "tags": {str(key): str(value) for key, value in container.metadata.items()},
    }


class _Tracks:
    """The targets of one decode."""

    def __init__(self, request: dict[str, Any]) -> None:
        self._request = request
        self._out_rate = int(request["sample_rate"])
        self._stack = ExitStack()
        self._made: list[_Track] = []
        self.rate = 0
        self.seen = 0

    def __enter__(self) -> _Tracks:
        return self

    def __exit__(self, *error: Any) -> None:
        if error[0] is None and self.rate:
            for track in self._made:
                track.finish()
        self._stack.__exit__(*error)

    def push(self, block: NDArray[np.float32], rate: int) -> None:
        """Samples of shape (n, channels) at the file's own rate."""
        if not self.rate:
            self.rate = rate
            level = float(self._request["clipping_level"])
            for channel, wav, clipped in self._request["targets"]:
                writer = self._stack.enter_context(WavWriter(Path(wav), self._out_rate, 1, "pcm_f32le"))
                counts = self._stack.enter_context(Path(clipped).open("wb"))  # noqa: SIM115
                self._made.append(_Track(channel, writer, counts, rate, self._out_rate, level))
        elif rate != self.rate:
            raise Unreadable("its sample rate changes in the middle")
        self.seen += len(block)
        if self.seen > LONGEST_S * rate:
            raise Unreadable("it is longer than 24 hours")
        for track in self._made:
            track.push(block)

    def facts(self) -> dict[str, Any]:
        """What was counted."""
        return {
            "num_samples": self._made[0].written,
            "clipped_samples": [each.clipped for each in self._made],
            "dc_offset": [round(each.total / max(1, self.seen), 7) for each in self._made],
        }


class _Track:
    """One channel on its way to its WAV."""

    def __init__(self, channel: str, writer: WavWriter, counts: Any, rate: int, out_rate: int, level: float) -> None:
        self._channel, self._writer, self._file = channel, writer, counts
        self._level = np.float32(level)
        self._resampler = soxr.ResampleStream(rate, out_rate, 1, dtype="float32", quality=QUALITY)
        self._rate = rate
        self._counted = 0
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self.written = 0
        self.clipped = 0
        self.total = 0.0

    def push(self, block: NDArray[np.float32]) -> None:
        """Samples of shape (n, channels)."""
        chosen = self._chosen(block)
        self._count(chosen)
        mono = chosen.mean(axis=1, dtype=np.float32) if chosen.shape[1] > 1 else chosen[:, 0]
        self.total += float(mono.sum(dtype=np.float64))
        self._write(self._resampler.resample_chunk(np.ascontiguousarray(mono)))

    def finish(self) -> None:
        """What the resampler still holds, and the last counts."""
        self._write(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        self._file.write(np.minimum(self._counts, 65535).astype("<u2").tobytes())

    def _chosen(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._channel == "mix":
            return block
        number = 0 if self._channel == "left" else min(1, block.shape[1] - 1)
        return block[:, number : number + 1]

    def _count(self, samples: NDArray[np.float32]) -> None:
        """Clipped samples of every channel that is used, by hundredths of a second."""
        loud = np.flatnonzero((np.abs(samples) >= self._level).any(axis=1))
        last = self._counted + len(samples)
        first_bin = int(self._counted / (self._rate * _COUNT_S))
        bins = math.ceil(last / (self._rate * _COUNT_S)) - first_bin
        made = np.zeros(max(bins, len(self._counts)), np.int64)
        made[: len(self._counts)] += self._counts
        if len(loud):
            places = ((loud + self._counted) / (self._rate * _COUNT_S)).astype(np.int64) - first_bin
            np.add.at(made, places, 1)
        self.clipped += len(loud)
        self._counted = last
        whole = int(last / (self._rate * _COUNT_S)) - first_bin
        self._file.write(np.minimum(made[:whole], 65535).astype("<u2").tobytes())
        self._counts = made[whole:]

    def _write(self, made: NDArray[np.float32]) -> None:
        if len(made):
            self._writer.write(made.reshape(1, -1))
            self.written += len(made)


def _blocks(
    container: Any, stream: Any, damaged: list[str], position: Position
) -> Iterator[tuple[NDArray[np.float32], int]]:
    """The file's own samples in blocks of about ``BLOCK`` frames, shape (n, channels)."""
    waiting: list[NDArray[np.float32]] = []
    held, current = 0, 0
    for samples, rate in frames(container, stream, damaged, position):
        if rate != current and held:
            yield np.concatenate(waiting), current
            waiting, held = [], 0
        current = rate
        waiting.append(samples)
        held += len(samples)
        if held >= BLOCK:
            yield np.concatenate(waiting), rate
            waiting, held = [], 0
    if held:
        yield np.concatenate(waiting), current


def _declared_s(path: str, container: Any, stream: Any) -> float | None:
    """The length that a header states; None where libav only estimates it from the bit rate."""
    if container.format.name == "mp3":
        frames = _counted(path)
        return frames * _FRAME[stream.rate >= 32000] / stream.rate if frames else None
    if "aac" in container.format.name and "mp4" not in container.format.name:
        return None
    duration = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
    return duration or None


def _counted(path: str) -> int:
    """Frames that an MP3's first frame says follow it; 0 when it says nothing. Joined MP3s hold more.

    Source: the headers of Xing (flags, then the count where bit 0 is set) and VBRI (the count at byte 14).
    """
    with Path(path).open("rb") as file:
        file.seek(tag_size(file.read(10)))
        start = file.read(4096)
    for mark, at in ((b"Xing", 8), (b"Info", 8), (b"VBRI", 14)):
        place = start.find(mark)
        if place >= 0 and (mark == b"VBRI" or (start[place + 7 : place + 8] and start[place + 7] & 1)):
            return int.from_bytes(start[place + at : place + at + 4], "big")
    return 0


def _left_over(path: str, container: Any, position: Position) -> float:
    """The share of the file after its last sound, where that is more than tags and an index take; else 0."""
    size = Path(path).stat().st_size
    if container.streams.video or not position.end or size - position.end < LEFT_OVER_BYTES:
        return 0.0
    share = (size - position.end) / size
    return share if share > LEFT_OVER else 0.0


def _cut_short(path: str, container: str) -> bool:
    """True for a WAV whose header claims more than there is, and for an Ogg file without a last page."""
    with Path(path).open("rb") as file:
        head = file.read(12)
        size = Path(path).stat().st_size
        if container == "wav" and head[:4] == b"RIFF":
            claimed = int.from_bytes(head[4:8], "little")
            return claimed not in (0, 0xFFFFFFFF) and claimed + 8 > size + SPARE_BYTES
        if container == "ogg":
            file.seek(max(0, size - OGG_PAGE))
            tail = file.read()
            last = tail.rfind(b"OggS")
            return last >= 0 and len(tail) > last + 5 and not tail[last + 5] & OGG_LAST
    return False


def _refuse(info: dict[str, Any], declared: float | None, left: float, position: Position) -> None:
    seen_s = info["duration_s"]
    if declared is not None and seen_s + max(SHORTFALL_S, declared * 0.01) < declared:
        raise Unreadable(f"it is truncated: its header says {declared:.1f} s, and it ends at {seen_s:.1f} s")
    if info["container"] in DENSE and position.holes > LEFT_OVER_BYTES:
        raise Unreadable(f"it is damaged: {position.holes} bytes in the middle of it hold no sound")
    if left and "mp4" not in info["container"]:
        raise Unreadable(f"it is damaged: after {seen_s:.1f} s, nothing of the last {left:.0%} of the file can be read")


def _notes(info: dict[str, Any], declared: float | None, damaged: list[str], left: float) -> list[str]:
    notes, seen_s = [], info["duration_s"]
    if damaged:
        notes.append(f"{len(damaged)} damaged packets were left out ({damaged[0]})")
    if left:
        notes.append(f"the last {left:.0%} of the file hold no sound that can be read")
    if declared is not None and seen_s > declared + max(SHORTFALL_S, declared * 0.01) and info["container"] != "ogg":
        notes.append(f"its header says {declared:.1f} s, and it holds {seen_s:.1f} s: all of it is used")
    return notes
