"""Music and effects of an episode: decoded once, measured once, kept in the run folder by their content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from demod_voice.config.settings import Limits
from demod_voice.errors import MediaError
from demod_voice.media.foreign import decode
from demod_voice.media.wav import read_blocks, wav_info
from demod_voice.mix.loudness import NO_LOUDNESS, Meter
from demod_voice.records.hashing import hash_file
from demod_voice.records.progress import Progress
from demod_voice.records.steps import RunFolder, Step

SOUND_VERSION = 1
FOLDER = "sounds"
NAME_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Sound:
    """A decoded sound file."""

    path: Path
    """WAV at the episode's rate."""
    sha256: str
    """Of the file that it was decoded from."""
    num_samples: int
    lufs: float
    """Integrated loudness; of a sound of less than 400 ms that of its loudest moment."""
    loudest_lufs: float
    """Highest momentary loudness."""
    rms_dbfs: float


def read_sounds(
    files: Iterable[Path], run: RunFolder, sample_rate: int, limits: Limits, progress: Progress
) -> dict[Path, Sound]:
    """Decode and measure sound files; what an earlier run has decoded is kept.

    Args:
        files: anything that libav reads.
        run: where the decoded files are kept.
        sample_rate: Hz of the result.
        limits: what a decoder may cost.
        progress: told how far the work is.

    Raises:
        MediaError: a file cannot be decoded, or is silent.
    """
    wanted = list(dict.fromkeys(files))
    if not wanted:
        return {}
    progress.start("sounds", len(wanted), "files")
    found = {}
    for path in wanted:
        found[path] = _read(path, run, sample_rate, limits)
        progress.advance("sounds")
    progress.finish("sounds")
    return found


def kept_length_s(work: Path, sha256: str) -> float | None:
    """Seconds of a sound that a work folder has decoded; None when it is not there any more.

    Args:
        work: the folder, of an episode that was rendered.
        sha256: of the file that it was decoded from.
    """
    for path in sorted((work / FOLDER).glob(f"{sha256[:NAME_LENGTH]}-*.wav")):
        with suppress(MediaError, OSError):
            return wav_info(path).duration_s
    return None


def _read(path: Path, run: RunFolder, sample_rate: int, limits: Limits) -> Sound:
    sha256 = hash_file(path)
    name = f"{FOLDER}/{sha256[:NAME_LENGTH]}-{sample_rate}.wav"
    step = Step(f"sound.{sha256[:NAME_LENGTH]}-{sample_rate}", SOUND_VERSION, (name,), {"file": sha256}, {})

    def make(paths: Mapping[str, Path]) -> Mapping[str, Any]:
        decode(path, paths[name], sample_rate, limits, channels=0)
        return _measured(paths[name])

    facts = run.run(step, make).facts
    if facts["loudest_lufs"] <= NO_LOUDNESS:
        raise MediaError(f"{path} is silent", "choose another file")
    return Sound(run.path / name, sha256, **facts)


def _measured(path: Path) -> dict[str, Any]:
    """The level of a WAV; silence is added to a short one, as 400 ms is the shortest that can be measured."""
    info = wav_info(path)
    if info.num_channels > 2:
        raise MediaError(f"a sound of {info.num_channels} channels cannot be mixed", "mix it to stereo first")
    meter = Meter(info.sample_rate, info.num_channels, peaks=False)
    for block in read_blocks(path, 1 << 18):
        meter.push(block)
    rms_dbfs = meter.rms_dbfs()
    meter.push(np.zeros((info.num_channels, info.sample_rate // 2), np.float32))
    loudest = meter.loudest()
    lufs = meter.integrated()
    return {
        "num_samples": info.num_samples,
        "lufs": round(lufs if lufs > NO_LOUDNESS else loudest, 3),
        "loudest_lufs": round(loudest, 3),
        "rms_dbfs": round(rms_dbfs, 3),
    }
