"""The stretch of a clip that is kept: cut by whole samples, out of a WAV that stays as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from demod_voice.dataset.store import Dataset
from demod_voice.errors import MediaError
from demod_voice.media.wav import WavInfo, WavWriter, wav_info
from demod_voice.records.atomic import replacing

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a WAV file among a dataset's objects."""

    sha256: str
    """The file that it is a part of."""
    first_sample: int
    num_samples: int
    """At least 1."""
    start_s: float
    """Time of the first sample, in the recording."""
    end_s: float
    """Time after the last sample, in the recording."""

    @classmethod
    def of(cls, row: Any) -> Window:
        """The window that a journal's line holds.

        Raises:
            ValueError: it is none.
        """
        names = {"sha256": str, "first_sample": int, "num_samples": int, "start_s": float, "end_s": float}
        if not isinstance(row, Mapping) or set(row) != set(names):
            raise ValueError("the window is none")
        for name, kind in names.items():
            allowed = (int, float) if kind is float else kind
            if isinstance(row[name], bool) or not isinstance(row[name], allowed):
                raise ValueError(f"{name} of the window is no {kind.__name__}")
        if row["first_sample"] < 0 or row["num_samples"] < 1 or not _SHA256.fullmatch(row["sha256"]):
            raise ValueError("the window is none")
        return cls(**row)

    def row(self) -> dict[str, Any]:
        """As a journal's line holds it."""
        return asdict(self)

    def part(self, first_sample: int, num_samples: int, sample_rate: int) -> Window:
        """Another stretch of the same file."""
        start_s = round(self.start_s + (first_sample - self.first_sample) / sample_rate, 6)
        return Window(self.sha256, first_sample, num_samples, start_s, round(start_s + num_samples / sample_rate, 6))


def cut(dataset: Dataset, window: Window) -> str:
    """Keep a window as a clip of its own; the SHA-256 of its file, which is the whole file's for all of it.

    The samples' bytes are copied, so a cut changes none of them.

    Raises:
        MediaError: the file is not there, or is shorter than the window. OutputError: the clip cannot be written.
    """
    source = dataset.object_path(window.sha256)
    info = wav_info(source)
    if window.first_sample == 0 and window.num_samples == info.num_samples:
        return window.sha256
    made = dataset.hidden / f"cut-{window.sha256[:16]}.wav"
    with replacing(made) as temporary:
        with WavWriter(temporary, info.sample_rate, info.num_channels, info.encoding) as writer:
            writer.write_bytes(samples_of(source, info, window.first_sample, window.num_samples))
    return dataset.keep(made)


def samples_of(path: Path, info: WavInfo, first_sample: int, num_samples: int) -> bytes:
    """The bytes of a stretch of a WAV's samples.

    Raises:
        MediaError: the file is shorter than that.
    """
    width = frame_bytes(info)
    with path.open("rb") as file:
        file.seek(info.offset + first_sample * width)
        data = file.read(num_samples * width)
    if first_sample + num_samples > info.num_samples or len(data) < num_samples * width:
        raise MediaError(f"{path} is shorter than the stretch that was chosen of it")
    return data


def frame_bytes(info: WavInfo) -> int:
    """Bytes of one sample of all channels."""
    return {"pcm_s16le": 2, "pcm_s24le": 3, "pcm_f32le": 4}[info.encoding] * info.num_channels


def same_sound(source: Path, window: Window, clip: Path) -> bool:
    """True when ``clip`` holds the very samples of a window of ``source``."""
    try:
        here, there = wav_info(source), wav_info(clip)
        if there.num_samples != window.num_samples or (here.encoding, here.num_channels) != (
            there.encoding,
            there.num_channels,
        ):
            return False
        return samples_of(source, here, window.first_sample, window.num_samples) == samples_of(
            clip, there, 0, there.num_samples
        )
    except MediaError:
        return False
