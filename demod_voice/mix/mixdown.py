"""Sum a scene in blocks to a float WAV, measured on the way; each track can be written as a stem beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from demod_voice.audio.clip import Samples
from demod_voice.media.wav import WavWriter
from demod_voice.mix.ahead import THREADS
from demod_voice.mix.behind import Listener
from demod_voice.mix.loudness import Heard, Meter, report
from demod_voice.mix.panning import pan_gains
from demod_voice.mix.room_tone import room_tone
from demod_voice.mix.scene import Scene, Track
from demod_voice.mix.sources import ClipSource
from demod_voice.units import gain_from_db

BLOCK = 1 << 17
"""Samples of the time line that are held at once."""
ROOM = "room"
"""The name of the room tone's stem."""


def mixdown(scene: Scene, out: Path, stems: Mapping[str, Path] | None = None) -> Heard:
    """Sum the tracks into a float WAV of exactly ``scene.num_samples``; memory does not grow with it.

    Args:
        scene: what to mix.
        out: WAV, ``pcm_f32le``.
        stems: track name (or ``ROOM``) -> float WAV of that track alone, as it goes into the sum.

    Returns:
        What was measured.

    Raises:
        MediaError: a clip cannot be read.
        OutputError: a file cannot be written.
    """
    meter = Meter(scene.sample_rate, scene.num_channels)
    with ExitStack() as stack:
        writer = stack.enter_context(WavWriter(out, scene.sample_rate, scene.num_channels, "pcm_f32le"))
        beside = {
            name: stack.enter_context(WavWriter(path, scene.sample_rate, scene.num_channels, "pcm_f32le"))
            for name, path in (stems or {}).items()
        }
        listener = stack.enter_context(Listener(meter))
        for blocks in _blocks(scene):
            total = np.zeros((scene.num_channels, blocks.count), np.float32)
            for name, samples in blocks.by_track.items():
                if samples is not None:
                    total += samples
                if name in beside:
                    beside[name].write(np.zeros_like(total) if samples is None else samples)
            writer.write(total)
            listener.push(total)
    return Heard(report(meter, scene.num_samples / scene.sample_rate), meter.hops())


class _Blocks:
    """One stretch of time: the samples of each track, or None where it is silent."""

    def __init__(self, start: int, count: int, by_track: dict[str, Samples | None]) -> None:
        self.start, self.count, self.by_track = start, count, by_track


def _blocks(scene: Scene) -> Iterator[_Blocks]:
    """The stretches in order; tracks are read beside each other."""
    players = [_Player(track, scene) for track in scene.tracks]
    with ThreadPoolExecutor(THREADS, thread_name_prefix="track") as executor:
        starts = range(0, scene.num_samples, BLOCK)
        waiting = [executor.submit(each.block, 0, min(BLOCK, scene.num_samples)) for each in players]
        for start in starts:
            count = min(BLOCK, scene.num_samples - start)
            made = [each.result() for each in waiting]
            following = start + BLOCK
            if following < scene.num_samples:  # made while the caller works on this one
                next_count = min(BLOCK, scene.num_samples - following)
                waiting = [executor.submit(each.block, following, next_count) for each in players]
            by_track = {player.track.name: each for player, each in zip(players, made, strict=True)}
            if scene.room_tone_dbfs is not None:
                by_track = {ROOM: _room(scene, scene.room_tone_dbfs, start, count), **by_track}
            yield _Blocks(start, count, by_track)


class _Player:
    """Plays one track from front to back."""

    def __init__(self, track: Track, scene: Scene) -> None:
        self.track = track
        self._rate = scene.sample_rate
        mono = scene.num_channels == 1 or track.position is not None
        self._read = 1 if mono else scene.num_channels
        self._out = scene.num_channels
        gain = gain_from_db(track.gain_db)
        spread = (1.0,) if self._out == 1 else pan_gains(track.position or 0.0, scene.pan_law)
        self._spread = np.array([[gain * each] for each in (spread if mono else (1.0, 1.0))], np.float32)
        ordered = sorted(track.placements, key=lambda each: (each.start_sample, str(each.path)), reverse=True)
        self._waiting = [each for each in ordered if each.start_sample < scene.num_samples]
        self._active: list[ClipSource] = []

    def block(self, start: int, count: int) -> Samples | None:
        """The track's samples from ``start``, shape (channels, count); None for silence."""
        end = start + count
        while self._waiting and self._waiting[-1].start_sample < end:
            source = ClipSource(self._waiting.pop(), self._rate, self._read)
            if source.num_samples:
                self._active.append(source)
        if not self._active:
            return None
        heard = np.zeros((self._read, count), np.float32)
        for source in self._active:
            low, high = max(start, source.start), min(end, source.end)
            heard[:, low - start : high - start] += source.take(high - low)
        self._active = [source for source in self._active if source.end > end]
        spread: Samples = heard * self._spread
        gains = self.track.curve.gains(start, count)
        if isinstance(gains, np.ndarray) or gains != 1.0:
            spread *= gains
        return spread


def _room(scene: Scene, level_dbfs: float, start: int, count: int) -> Samples:
    """The room's tone, other noise in each channel."""
    channels = range(scene.num_channels)
    return np.stack([room_tone(scene.seed, start, count, scene.sample_rate, each, level_dbfs) for each in channels])
