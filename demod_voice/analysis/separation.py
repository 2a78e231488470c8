"""A recording as its dialogue and its background, which sum up to it sample by sample.

The engine hears a copy at its own rate; its dialogue is brought back to the recording's rate, and the background is what is
left of the recording without it. Everything goes in blocks: a recording of hours needs little memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from demod_worker.messages import SeparateRequest

from demod_voice.audio.clip import Samples
from demod_voice.audio.resample import QUALITY
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineBrokenProtocol, MediaError
from demod_voice.media.wav import WavWriter, read_blocks, wav_info
from demod_voice.mix.loudness import LoudnessReport, Meter, report
from demod_voice.records.progress import SILENT, Progress

ENGINE = "demucs"
DIALOGUE, BACKGROUND = "dialogue", "background"
STEMS = (DIALOGUE, BACKGROUND)
GRID = float(1 << 22)
"""The dialogue is rounded to multiples of 2**-22 (-132 dBFS): a 16-bit recording is then exactly the sum of its stems."""
BLOCK = 1 << 18


@dataclass(frozen=True, slots=True)
class Stem:
    """One part of a recording."""

    name: str
    """``dialogue`` or ``background``."""
    path: Path
    levels: LoudnessReport


@dataclass(frozen=True, slots=True)
class Separation:
    """What became of a recording."""

    stems: tuple[Stem, ...]
    sample_rate: int
    num_channels: int
    duration_s: float
    engine: str
    model: str
    model_revision: str
    degraded: tuple[str, ...] = ()
    """What was asked and not had, a phrase each."""


def separate_recording(
    recording: Path,
    heard: Path,
    targets: dict[str, Path],
    pool: Pool,
    *,
    engine: str = ENGINE,
    shifts: int = 0,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Separation:
    """Write stems of a recording, 32-bit float WAVs at its own rate.

    Args:
        recording: a WAV of one or two channels that this program wrote.
        heard: the same at the engine's ``input_rate``; may be the same file.
        targets: stem -> the file to write; ``dialogue``, ``background`` or both.
        pool: runs the engine.
        engine: which one.
        shifts: passes that are averaged; more takes longer and sounds a little better.
        seed: of the shifts.
        progress: told in seconds of the recording.

    Raises:
        EngineNotInstalled: the engine is not there.
        EngineError: it failed.
        MediaError: the recording cannot be read, or is too long.
        OutputError: a stem cannot be written.
    """
    info = wav_info(recording)
    step, told = "separate", 0.0
    progress.start(step, info.duration_s, "s")

    def tell(done: float) -> None:
        nonlocal told
        progress.advance(step, max(0.0, done - told) * info.duration_s)
        told = max(told, done)

    with tempfile.TemporaryDirectory(prefix="separate-", dir=recording.parent) as folder:
        found = pool.separate(engine, SeparateRequest(str(heard), folder, shifts, seed), tell)
        name = found.stems.get(DIALOGUE, "")
        stem = Path(folder) / Path(name).name
        if not name or not stem.is_file():
            raise EngineBrokenProtocol(f"engine {engine} wrote no dialogue")
        stems = _written(recording, _at_rate(stem, info.sample_rate), targets)
    progress.finish(step)
    return Separation(
        stems,
        info.sample_rate,
        info.num_channels,
        round(info.duration_s, 6),
        engine,
        found.model,
        found.model_revision,
        found.degraded,
    )


def _written(recording: Path, dialogue: Iterator[Samples], targets: dict[str, Path]) -> tuple[Stem, ...]:
    """Divide the recording, block by block."""
    info = wav_info(recording)
    meters = {name: Meter(info.sample_rate, info.num_channels) for name in targets}
    speech = _Lengths(dialogue, info.num_channels)
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(WavWriter(path, info.sample_rate, info.num_channels, "pcm_f32le"))
            for name, path in targets.items()
        }
        for block in read_blocks(recording, BLOCK):
            said = (np.rint(speech.take(block.shape[1]).astype(np.float64) * GRID) / GRID).astype(np.float32)
            parts = {DIALOGUE: said, BACKGROUND: block - said}
            for name, writer in writers.items():
                writer.write(parts[name])
                meters[name].push(parts[name])
    return tuple(Stem(name, path, report(meters[name], info.duration_s)) for name, path in targets.items())


def _at_rate(stem: Path, sample_rate: int) -> Iterator[Samples]:
    """The blocks of a WAV at another rate."""
    info = wav_info(stem)
    if info.sample_rate == sample_rate:
        yield from read_blocks(stem, BLOCK)
        return
    stream = soxr.ResampleStream(info.sample_rate, sample_rate, info.num_channels, "float32", QUALITY)
    for block in read_blocks(stem, BLOCK):
        yield stream.resample_chunk(np.ascontiguousarray(block.T)).reshape(-1, info.num_channels).T
    nothing = np.zeros((0, info.num_channels), np.float32)
    yield stream.resample_chunk(nothing, last=True).reshape(-1, info.num_channels).T


class _Lengths:
    """Blocks of whatever lengths are asked for; silence when there are no more."""

    def __init__(self, blocks: Iterator[Samples], num_channels: int) -> None:
        self._blocks = blocks
        self._waiting = np.zeros((num_channels, 0), np.float32)

    def take(self, count: int) -> Samples:
        """The next ``count`` samples, shape (channels, count)."""
        parts: list[Samples] = [self._waiting]
        have = self._waiting.shape[1]
        while have < count and (block := next(self._blocks, None)) is not None:
            if block.shape[0] != self._waiting.shape[0]:
                raise MediaError(f"the stems have {block.shape[0]} channels, the recording {self._waiting.shape[0]}")
            parts.append(block)
            have += block.shape[1]
        whole = np.concatenate(parts, axis=1)
        self._waiting = whole[:, count:]
        short = count - min(count, have)
        return np.pad(whole[:, :count], ((0, 0), (0, short))) if short else whole[:, :count]


def check_stems(stems: Sequence[str]) -> tuple[str, ...]:
    """The stems that are wanted, in the order of ``STEMS``; all of them when none is named.

    Raises:
        ValueError: one is unknown.
    """
    wrong = [each for each in stems if each not in STEMS]
    if wrong:
        raise ValueError(f"there is no stem {wrong[0]!r}")
    return tuple(each for each in STEMS if each in stems or not stems)
