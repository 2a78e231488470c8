"""WAV files in blocks of frames: 16-bit or 32-bit float in, 32-bit float out. (Python's own module knows no floats.)"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO

from demod_worker.worker import BadRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PCM, FLOAT = 1, 3
WIDTHS = {PCM: 2, FLOAT: 4}
"""WAVE format tag -> bytes of a sample."""
HEADER_BYTES = 44
LARGEST = (1 << 32) - 1 - HEADER_BYTES


@dataclass(frozen=True)
class Source:
    """A recording that can be read anywhere."""

    path: str
    sample_rate: int
    num_channels: int
    num_samples: int
    """Per channel."""
    tag: int
    offset: int
    """Where the samples begin, bytes."""

    def read(self, begin: int, end: int) -> NDArray[np.float32]:
        """Samples ``begin <= n < end``, shape (channels, end - begin); what lies outside the recording is silence."""
        import numpy as np

        found = np.zeros((self.num_channels, end - begin), np.float32)
        first, last = max(0, begin), min(self.num_samples, end)
        if first >= last:
            return found
        frame = WIDTHS[self.tag] * self.num_channels
        with open(self.path, "rb") as file:
            file.seek(self.offset + first * frame)
            data = file.read((last - first) * frame)
        if len(data) < (last - first) * frame:
            raise BadRequest(f"{self.path} is shorter than its header says")
        flat: Any = np.frombuffer(data, "<i2" if self.tag == PCM else "<f4").astype(np.float32)
        if self.tag == PCM:
            flat /= np.float32(32768.0)
        found[:, first - begin : last - begin] = flat.reshape(-1, self.num_channels).T
        return found


def open_source(path: str, sample_rate: int) -> Source:
    """The header of a recording.

    Raises:
        BadRequest: it is missing, no WAV, of another rate, or has more than two channels.
    """
    try:
        with open(path, "rb") as file:
            found = _parsed(file, path)
    except (OSError, struct.error) as error:
        raise BadRequest(f"{path} cannot be read: {error}") from error
    if found.sample_rate != sample_rate or found.num_channels not in (1, 2):
        raise BadRequest(
            f"{path} must have {sample_rate} Hz and one or two channels; it has {found.sample_rate} Hz and "
            f"{found.num_channels}"
        )
    return found


def _parsed(file: BinaryIO, path: str) -> Source:
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise BadRequest(f"{path} is no WAV")
    shape = None
    while len(chunk := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", chunk)
        if name == b"fmt ":
            tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", file.read(size)[:16])
            if bits != 8 * WIDTHS.get(tag, 0) or not channels:
                raise BadRequest(f"{path} must hold 16-bit or 32-bit float samples")
            shape = (rate, channels, tag)
        elif name == b"data" and shape is not None:
            rate, channels, tag = shape
            return Source(path, rate, channels, size // (WIDTHS[tag] * channels), tag, file.tell())
        else:
            file.seek(size + size % 2, 1)
    raise BadRequest(f"{path} is a WAV without sound")


class FloatWriter:
    """Writes a 32-bit float WAV whose length is known; a context manager."""

    def __init__(self, path: Path, source: Source) -> None:
        self._path = path
        size = source.num_samples * source.num_channels * 4
        if size > LARGEST:
            raise BadRequest(f"{source.path} is too long: a stem of it would be over 4 GB", "separate it in parts")
        frame = source.num_channels * 4
        fmt = struct.pack(
            "<HHIIHH", FLOAT, source.num_channels, source.sample_rate, source.sample_rate * frame, frame, 32
        )
        self._header = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<I", 16) + fmt
        self._header += b"data" + struct.pack("<I", size)

    def __enter__(self) -> FloatWriter:
        try:
            self._file = self._path.open("wb")
            self._file.write(self._header)
        except OSError as error:
            raise BadRequest(f"{self._path} cannot be written: {error}") from error
        return self

    def write(self, samples: NDArray[np.float32]) -> None:
        """Append samples of shape (channels, n)."""
        try:
            self._file.write(samples.T.astype("<f4").tobytes())
        except OSError as error:
            raise BadRequest(f"{self._path} cannot be written: {error}") from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is not None:
            self._path.unlink(missing_ok=True)
