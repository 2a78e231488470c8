"""Sound files from outside: probed and decoded only in a child process with limits. A crash there is a ``MediaError``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import demod_voice
from demod_voice.config.settings import Limits
from demod_voice.errors import MediaError, UsageError
from demod_voice.records.atomic import replacing
from demod_voice.units import parse_size

BASE_MEMORY = 1 << 30
"""Address space that Python, numpy and libav take before the first sample; the limit comes on top."""
LONGEST_S = 24 * 3600
WATCH_S = 0.1
"""Seconds between two looks at what a child has written so far."""


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a sound file says of itself."""

    duration_s: float
    sample_rate: int
    num_channels: int
    codec: str
    container: str
    bit_rate: int
    tags: Mapping[str, str] = field(default_factory=dict)


def probe(path: Path, limits: Limits) -> MediaInfo:
    """What a file is.

    Raises:
        UsageError: it does not exist. MediaError: it is no sound file; names it and says why.
    """
    return MediaInfo(**ask({"action": "probe"}, path, limits))


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a file, cut to the sample."""

    start_s: float = 0.0
    end_s: float | None = None
    """None = to the file's end."""


WHOLE = Stretch()


def decode(
    path: Path,
    out_wav: Path,
    sample_rate: int,
    limits: Limits,
    channels: int = 1,
    encoding: str = "pcm_f32le",
    stretch: Stretch = WHOLE,
) -> None:
    """Decode a file to a WAV.

    Args:
        path: anything that libav reads.
        out_wav: written whole or not at all.
        sample_rate: Hz of the result; soxr HQ resamples. 0 keeps the file's own, up to 48 kHz.
        limits: what the decoder may cost.
        channels: 1 mixes down; 0 keeps what there is.
        encoding: of the WAV.
        stretch: what of it is kept.

    Raises:
        UsageError: it does not exist. MediaError: it cannot be decoded, or ends before the stretch does; names it and
            says why.
        OutputError: the WAV cannot be written.
    """
    with replacing(out_wav) as temporary:
        request = {
            "action": "decode",
            "out": str(temporary),
            "sample_rate": sample_rate,
            "channels": channels,
            "encoding": encoding,
            "longest_s": LONGEST_S,
            "start_s": stretch.start_s,
            "end_s": stretch.end_s,
        }
        ask(request, path, limits)


def ask(request: dict[str, Any], path: Path, limits: Limits, watch: Callable[[], None] | None = None) -> dict[str, Any]:
    """Have the child process do one request with a file.

    Args:
        request: as JSON; its ``action`` is one of the child's.
        path: the foreign file.
        limits: what the child may cost.
        watch: called now and then while it works, and once after the end.

    Raises:
        UsageError: the file does not exist. MediaError: it cannot be used; names it and says why.
    """
    if not path.is_file():
        raise UsageError(f"{path} does not exist" if not path.exists() else f"{path} is not a file")
    memory = parse_size(limits.media_memory) + BASE_MEMORY
    full = {**request, "path": str(path.resolve()), "seconds": limits.media_seconds, "memory": memory}
    command = [sys.executable, "-m", "demod_voice.media.child", json.dumps(full)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment())
    with child:
        try:
            output = _output(child, limits.media_seconds, watch)
        except subprocess.TimeoutExpired:
            child.kill()
            seconds = f"{limits.media_seconds:g} s"
            raise MediaError(f"{path} was not decoded within {seconds}", "raise limits.media_seconds") from None
        except BaseException:
            child.kill()
            raise
    try:
        answer = json.loads(output)
    except ValueError:
        how = f"signal {-child.returncode}" if child.returncode < 0 else f"exit code {child.returncode}"
        raise MediaError(f"{path} cannot be decoded: the decoder died ({how})") from None
    if "error" in answer:
        raise MediaError(f"{path} cannot be used: {answer['error']}")
    return dict(answer)


def _output(child: subprocess.Popen[bytes], seconds: float, watch: Callable[[], None] | None) -> bytes:
    """What the child prints until it ends.

    Raises:
        subprocess.TimeoutExpired: it takes longer than ``seconds``.
    """
    if watch is None:
        return child.communicate(timeout=seconds)[0]
    deadline = time.monotonic() + seconds
    while True:
        try:
            output = child.communicate(timeout=min(WATCH_S, max(0.01, deadline - time.monotonic())))[0]
        except subprocess.TimeoutExpired:
            if time.monotonic() >= deadline:
                raise
            watch()
        else:
            watch()
            return output


def _environment() -> dict[str, str]:
    """The child finds this program where this process found it."""
    package = str(Path(demod_voice.__file__).resolve().parent.parent)
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH", "")])])
    return {**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
