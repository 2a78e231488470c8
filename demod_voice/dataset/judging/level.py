"""A recording's level every 10 ms, which of it is speech, and what follows: speech level, noise, silence, decay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demod_voice.analysis.speech_track import FRAME_S, RELEASE, Region, SpeechTrack
from demod_voice.media.wav import read_blocks, wav_info

HOP_S = 0.01
"""Seconds of a level frame."""
BEFORE, AFTER = 10, 20
"""Frames before and after speech that are no noise yet: its breath and onset, its echo."""
CONTEXT = 500
"""Frames to each side of a segment where its noise may be looked for: 5 s."""
NOISE_INSIDE, NOISE_ENOUGH, NOISE_LEAST = 30, 100, 10
"""Frames of noise that a segment shows of itself; that are taken with its context; that a level is taken from at all."""
STEP_16_POWER = 1 / 12 / (1 << 15) ** 2
"""Mean square of the rounding to 16 bits: no noise is told to be lower. Source: Bennett 1948, step^2 / 12."""
BLOCK_FRAMES = 6000
"""Level frames that are read at once."""

DECAY_TOP_DB, DECAY_BOTTOM_DB = 5.0, 30.0
"""A decay is followed from 5 to 30 dB below where it began, as T20 with 5 dB more. Source: ISO 3382-2, 3.4."""
DECAY_LEAST_DB = 10.0
QUIETEST, NOISE_ROOM_DB = 0.1, 8.0
"""A decay ends so far above the quietest tenth of the frames without speech: nearer, the noise flattens it."""
RISE_DB = 4.0
"""A decay ends where the level rises by so much: the next sound."""
LOOK_BACK, LOOK_ON = 40, 150
"""Frames before and after the end of a stretch of speech in which its decay is looked for."""
ROOM, DECAYS_LEAST = 3000, 2
"""Frames to each side of a segment whose decays are its room's too: 30 s; and how many tell of a room."""
SLOWEST_S = 20.0

Powers = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Levels:
    """A recording, every 10 ms."""

    power: Powers
    """Mean square around the mean of the frames without speech, shape (frames,)."""
    speech: Mask
    """True where the middle of the frame is speech, shape (frames,)."""
    quiet: Mask
    """True where the frame is surely no speech, nor next to any: noise shows there."""
    ends: NDArray[np.int64]
    """Frames at which stretches of speech end, shape (stretches,)."""
    decays: NDArray[np.float64]
    """Seconds for 60 dB after each of them; NaN where it does not fall far enough to tell."""
    hop: int
    """Samples of a frame."""

    def span(self, first_sample: int, last_sample: int) -> tuple[int, int]:
        """The frames whose middles lie in ``first_sample <= n < last_sample``: first, and after the last."""
        first = max(0, math.ceil(first_sample / self.hop - 0.5))
        return first, min(len(self.power), max(first, math.ceil(last_sample / self.hop - 0.5)))


def levels_of(path: Path, track: SpeechTrack, threshold: float) -> Levels:
    """Read a mono recording once, in blocks.

    Args:
        path: WAV file.
        track: its speech.
        threshold: probability from which a moment counts as speech.

    Raises:
        MediaError: the WAV cannot be read.
    """
    info = wav_info(path)
    hop = max(1, round(info.sample_rate * HOP_S))
    squares, means = _moments(path, hop)
    regions = track.regions(threshold)
    frame_s = hop / info.sample_rate
    count = len(squares)
    speech, near = _inside(regions, count, frame_s, 0, 0), _inside(regions, count, frame_s, BEFORE, AFTER)
    quiet = ~near & (_probability(track, count, frame_s) < max(0.01, threshold - RELEASE))
    rest = float((means[quiet] if quiet.any() else means).mean(dtype=np.float64)) if count else 0.0
    means *= -2 * rest
    means += squares
    power = np.maximum(means + np.float32(rest * rest), 0, out=means)
    ends = np.array([round(each.end_s / frame_s) for each in regions], np.int64)
    return Levels(power, speech, quiet, ends, _decays(power, quiet, ends), hop)


def _moments(path: Path, hop: int) -> tuple[Powers, Powers]:
    """Mean square and mean of each frame."""
    squares, means = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    for block in read_blocks(path, hop * BLOCK_FRAMES):
        whole = block[0, : block.shape[1] // hop * hop].reshape(-1, hop)
        squares.append(np.einsum("ij,ij->i", whole, whole) / np.float32(hop))
        means.append(whole.mean(axis=1, dtype=np.float64).astype(np.float32))
    return np.concatenate(squares), np.concatenate(means)


def _inside(regions: tuple[Region, ...], count: int, frame_s: float, before: int, after: int) -> Mask:
    """Frames whose middles lie in a region, or so many frames around it."""
    found = np.zeros(count, bool)
    for each in regions:
        start, stop = (math.ceil(time_s / frame_s - 0.5) for time_s in (each.start_s, each.end_s))
        found[max(0, start - before) : max(0, stop + after)] = True
    return found


def _probability(track: SpeechTrack, count: int, frame_s: float) -> NDArray[np.float32]:
    """Of the middle of each frame."""
    if not len(track.probabilities):
        return np.zeros(count, np.float32)
    places = ((np.arange(count) + 0.5) * (frame_s / FRAME_S)).astype(np.int32)
    return track.probabilities[np.minimum(places, len(track.probabilities) - 1)]


def speech_power(levels: Levels, first: int, last: int) -> float | None:
    """Mean square of the speech frames; None where there are none."""
    found = levels.power[first:last][levels.speech[first:last]]
    return float(found.mean(dtype=np.float64)) if len(found) else None


def noise_power(levels: Levels, first: int, last: int) -> float | None:
    """Mean square of the frames without speech: the segment's own, or the nearest 1 s of its context.

    None where speech leaves less than 0.1 s free in the segment and 5 s to each side.
    """
    low, high = max(0, first - CONTEXT), min(len(levels.power), last + CONTEXT)
    frames = low + np.flatnonzero(levels.quiet[low:high])
    away = np.maximum(0, np.maximum(first - frames, frames - (last - 1)))
    if np.count_nonzero(away == 0) >= NOISE_INSIDE:
        frames = frames[away == 0]
    else:
        frames = frames[np.argsort(away, kind="stable")[:NOISE_ENOUGH]]
    return float(levels.power[frames].mean(dtype=np.float64)) if len(frames) >= NOISE_LEAST else None


def speech_to_noise_db(speech: float, noise: float) -> float:
    """Level of the speech alone over that of the noise; the noise goes on under the speech, so it is taken off.

    Speech that does not rise over the noise reads -30 dB.
    """
    noise = max(noise, STEP_16_POWER)
    return 10 * math.log10(max(speech - noise, noise * 1e-3) / noise)


def decay_s(levels: Levels, first: int, last: int) -> float | None:
    """Seconds for 60 dB: how fast the level falls where speech ends, in the segment and the 30 s around it.

    A voice may fade slower than its room, never faster, so the lower quartile of the decays is told. None where fewer
    than two are seen.
    """
    near = levels.decays[(levels.ends >= first - ROOM) & (levels.ends <= last + ROOM)]
    near = near[np.isfinite(near)]
    return min(SLOWEST_S, float(np.quantile(near, 0.25))) if len(near) >= DECAYS_LEAST else None


def _decays(power: Powers, quiet: Mask, ends: NDArray[np.int64]) -> NDArray[np.float64]:
    found = np.full(len(ends), np.nan)
    for number, end in enumerate(ends):
        around = slice(max(0, end - CONTEXT), end + CONTEXT)
        silence = power[around][quiet[around]]
        noise = float(np.quantile(silence, QUIETEST)) if len(silence) else 0.0
        found[number] = _decay(power, int(end), 10 * math.log10(max(noise, STEP_16_POWER)) + NOISE_ROOM_DB)
    return found


def _decay(power: Powers, end: int, floor_db: float) -> float:
    """Seconds for 60 dB of one decay, from a line through its levels; NaN where it does not fall by 10 dB."""
    start = max(0, end - LOOK_BACK)
    level = 10 * np.log10(np.maximum(power[start : end + LOOK_ON], STEP_16_POWER))
    if not len(level):
        return math.nan
    top = float(level[: 2 * LOOK_BACK].max()) - DECAY_TOP_DB
    floor_db = max(floor_db, top - DECAY_BOTTOM_DB)
    begin = int(np.flatnonzero(level[: 2 * LOOK_BACK] >= top)[-1])
    fall = level[begin:]
    over = (fall < floor_db) | (fall > np.minimum.accumulate(fall) + RISE_DB)
    stop = int(np.argmax(over)) + 1 if over.any() else len(fall)
    fall = np.maximum(fall[:stop], floor_db)
    if fall[0] - fall.min() < DECAY_LEAST_DB:
        return math.nan
    slope = float(np.polyfit(np.arange(len(fall)) * HOP_S, fall, 1)[0])
    return 60 / -slope if slope < 0 else math.nan
