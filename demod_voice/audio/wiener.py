"""Steady noise held down in a long recording, learned from its pauses: a decision-directed Wiener gain on many lanes.

The time line is divided into lanes of four seconds, and the lanes of a slab take each step of the gain's recursion
together: one numpy call works on all of them. A lane warms up on the half second before it, so that nothing that comes
earlier matters, and lanes lie at fixed places: who works on which slab changes no sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from demod_voice.audio.intelligibility import Spectra, si_sdr_db, stoi, third_octaves

Mono = NDArray[np.float32]
Powers = NDArray[np.float32]

WINDOW_S = 0.0232
"""512 samples at 24 kHz. Half of it is too coarse for low voices, twice of it smears onsets."""
LANE_S = 4.0
WARM_UP_S = 0.5
LANES = 8
SMOOTHING = 0.95
"""Weight of the frame before. Less leaves babble standing, more costs intelligibility (measured: 0.98 loses 0.015 of STOI
in babble). Source: Ephraim and Malah, IEEE Trans. ASSP 32 (1984) 1109, equation 51."""
OVERSUBTRACTION = 1.5
"""Noise counts as so many times its mean power, so that its own swings are held down too."""
LEAST_FRAMES = 60
"""Frames of pause that noise is learned from (0.6 s); as many lanes as that needs, on both sides."""
FARTHEST_LANES = 8
"""Noise that is heard no nearer than half a minute away is not taken for this one's."""
OUTLIER_DB = 10.0
"""A frame so much louder than the middle of the pauses is a breath or a click, and teaches nothing."""
TRIAL_LANES = 2
WANDERING_DB, WANDERING_RATIO = 2.5, 0.73
"""Swing from which a noise is looked at for slow changes (pink, white and fan noise have 1.0, babble and music 4 to 5), and
the change over the swing below which it has them (over a minute and a half babble has 0.8, chords 0.6; measured)."""
_RUN = 8
"""Frames whose powers are averaged before spectra are compared."""


@dataclass(frozen=True)
class Grid:
    """Where windows, lanes and slabs lie."""

    sample_rate: int

    @cached_property
    def size(self) -> int:
        """Samples of a window."""
        return int(2 ** round(np.log2(WINDOW_S * self.sample_rate)))

    @cached_property
    def hop(self) -> int:
        """Samples from one window to the next: half of it."""
        return self.size // 2

    @cached_property
    def lane(self) -> int:
        """Samples of a lane."""
        return self.hop * round(LANE_S * self.sample_rate / self.hop)

    @cached_property
    def warm(self) -> int:
        """Samples that a lane warms up on."""
        return self.hop * round(WARM_UP_S * self.sample_rate / self.hop)

    @property
    def slab(self) -> int:
        """Samples of a slab."""
        return LANES * self.lane

    @property
    def before(self) -> int:
        """Samples before a slab that are needed for it."""
        return self.warm + self.hop

    @cached_property
    def window(self) -> Mono:
        """A square-root Hann, on the way in and out."""
        return np.sqrt(np.hanning(self.size + 1)[:-1]).astype(np.float32)

    def frames(self, samples: Mono) -> Mono:
        """A view of a slab's windows, shape (frames, lanes, size).

        Args:
            samples: from ``before`` samples ahead of the slab to its end.
        """
        step = samples.strides[0]
        count = (self.warm + self.lane) // self.hop
        shape, strides = (count, LANES, self.size), (self.hop * step, self.lane * step, step)
        return np.lib.stride_tricks.as_strided(samples, shape, strides, writeable=False)

    def centres(self) -> NDArray[np.int64]:
        """The middle of each window, in samples from the slab's start, shape (frames, lanes)."""
        count = (self.warm + self.lane) // self.hop
        starts = np.arange(count)[:, None] * self.hop + np.arange(LANES)[None, :] * self.lane
        return starts - self.before + self.size // 2

    @property
    def own(self) -> int:
        """Number of the first frame of a lane that is its own, after the warm-up."""
        return self.warm // self.hop


@dataclass(frozen=True, slots=True)
class Heard:
    """What one slab teaches about its noise."""

    sums: Powers
    """Sum of the power of each lane's frames of pause, shape (lanes, bins)."""
    counts: NDArray[np.int64]
    """Frames of pause in each lane."""
    swing_db: float = 0.0
    """How far the spectrum of a tenth of a second is from that of another (standard deviation): 1 for steady noise."""
    change_db: float = 0.0
    """The same from each tenth of a second of pause to the next: about as much, unless the noise changes slowly."""


def wanders(swing_db: float, change_db: float) -> bool:
    """True for a noise whose colour goes slowly from one to another, as music's does: no pause tells of the next."""
    return swing_db > WANDERING_DB and change_db < WANDERING_RATIO * swing_db


def listen(grid: Grid, samples: Mono, pause: NDArray[np.bool_]) -> Heard:
    """The noise of a slab's pauses.

    Args:
        grid: of the recording.
        samples: from ``grid.before`` samples ahead of the slab to its end.
        pause: whether nobody speaks in a frame, shape (frames, lanes).
    """
    import scipy.fft

    frames, wanted = grid.frames(samples), pause.copy()
    wanted[: grid.own] = False
    lanes, numbers = np.nonzero(wanted.T)
    sums, counts = np.zeros((LANES, grid.hop + 1), np.float32), np.zeros(LANES, np.int64)
    if not len(lanes):
        return Heard(sums, counts)
    spectra = scipy.fft.rfft(frames[numbers, lanes] * grid.window, axis=1)
    power = spectra.real**2 + spectra.imag**2
    level = power.sum(axis=1)
    steady = level <= np.median(level) * 10.0 ** (OUTLIER_DB / 10.0)
    power, lanes = power[steady], lanes[steady]
    counts = np.bincount(lanes, minlength=LANES)
    filled = np.flatnonzero(counts)
    starts = np.concatenate(([0], np.cumsum(counts[filled])[:-1]))
    sums[filled] = np.add.reduceat(power, starts, axis=0, dtype=np.float64)
    return Heard(sums, counts, *_swing(power, grid.sample_rate / grid.size))


def _swing(power: Powers, bin_hz: float) -> tuple[float, float]:
    """Standard deviation of the levels of the third octaves over runs of frames, dB, and the one from run to run."""
    runs = len(power) // _RUN
    if runs < 4:
        return 0.0, 0.0
    bands = third_octaves(power.shape[1], bin_hz) > 0
    means = power[: runs * _RUN].reshape(runs, _RUN, -1).mean(axis=1)
    levels = 10.0 * np.log10(np.stack([means[:, row].sum(axis=1, dtype=np.float64) for row in bands]) + 1e-20)
    changes = np.diff(levels, axis=1).std(axis=1) / np.sqrt(2.0)
    return float(np.median(levels.std(axis=1))), float(np.median(changes))


class Noise:
    """The noise of a whole recording.

    Args:
        heard: of every slab, in order.
    """

    def __init__(self, heard: Sequence[Heard]) -> None:
        self._sums = np.concatenate([each.sums for each in heard])
        self._counts = np.concatenate([each.counts for each in heard])

    def of(self, slab: int) -> Powers:
        """Mean noise power of each lane of a slab, shape (lanes, bins); 0 where no pause is near enough."""
        return np.stack([self._lane(slab * LANES + number) for number in range(LANES)])

    def _lane(self, lane: int) -> Powers:
        for reach in range(FARTHEST_LANES + 1):
            near = slice(max(0, lane - reach), lane + reach + 1)
            count = int(self._counts[near].sum())
            if count >= LEAST_FRAMES:
                mean: Powers = (self._sums[near].sum(axis=0, dtype=np.float64) / count).astype(np.float32)
                return mean
        return np.zeros(self._sums.shape[1], np.float32)


def gains(power: Powers, noise: Powers, most_db: float) -> Powers:
    """The gain of every frame, shape (frames, lanes, bins), from ``-most_db`` to 0 dB.

    Args:
        power: of the frames.
        noise: mean power of each lane's noise, shape (lanes, bins).
        most_db: what noise is lowered by at most.
    """
    floor = np.float32(10.0 ** (-most_db / 20.0))
    weight, one = np.float32(SMOOTHING), np.float32(1.0)
    ratio = power / (noise * np.float32(OVERSUBTRACTION) + np.float32(1e-12))
    gain = np.maximum(ratio - one, np.float32(0.0))
    gain *= one - weight
    before = np.zeros_like(noise)
    divisor = np.empty_like(noise)
    for step in range(len(ratio)):
        made = gain[step]
        before *= weight
        made += before
        np.add(made, one, out=divisor)
        made /= divisor
        np.maximum(made, floor, out=made)
        np.multiply(made, made, out=before)
        before *= ratio[step]
    return gain


def reduced(grid: Grid, samples: Mono, noise: Powers, most_db: float, share: Mono) -> Mono:
    """A slab with its noise held down.

    Args:
        grid: of the recording.
        samples: from ``grid.before`` samples ahead of the slab to its end.
        noise: what ``Noise.of`` says.
        most_db: what noise is lowered by at most.
        share: how much of the reduction each frame gets, 0..1, shape (frames, lanes).

    Returns:
        From ``grid.hop`` samples ahead of the slab to its end; the first and the last ``hop`` samples are the fading
        half of a window each, and become whole when the neighbours' are added.
    """
    import scipy.fft

    spectra = scipy.fft.rfft(grid.frames(samples) * grid.window, axis=2)
    gain = gains(spectra.real**2 + spectra.imag**2, noise, most_db)
    if share.min() < 1.0:
        gain -= np.float32(1.0)
        gain *= share[:, :, None]
        gain += np.float32(1.0)
    spectra *= gain
    made = scipy.fft.irfft(spectra[grid.own :], grid.size, axis=2, overwrite_x=True)
    made *= grid.window
    out = np.zeros(grid.slab + grid.hop, np.float32)
    rows = (LANES, grid.lane // grid.hop, grid.hop)
    out[: grid.slab].reshape(rows)[...] += made[:, :, : grid.hop].transpose(1, 0, 2)
    out[grid.hop :].reshape(rows)[...] += made[:, :, grid.hop :].transpose(1, 0, 2)
    return out


def untouched(grid: Grid, samples: Mono) -> Mono:
    """What ``reduced`` gives when nothing is to be done: the samples, fading at both ends."""
    out = samples[grid.warm :].copy()
    rise = np.square(grid.window[: grid.hop])
    out[: grid.hop] *= rise
    out[-grid.hop :] *= np.square(grid.window[grid.hop :])
    return out


LEAST_LOWER_DB = 10.0
"""What a reduction is worth its risk for; less is asked where less is allowed."""
_LOWER_READS, _STOI_READS = 0.95, -0.0148
"""What a trial reads where the truth is at 10 dB and at a loss of 0.01: it is the stricter of the two (measured on
babble, music, fan, pink and white noise at 5 to 45 dB)."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What the reduction would do to a recording, tried out on its own voice and its own noise."""

    lower_db: float
    """By how much the pauses become quieter."""
    stoi_change: float
    """Of intelligibility; below 0 = less."""
    si_sdr_change_db: float
    """Of the voice over everything else."""

    @classmethod
    def middle(cls, trials: Sequence[Trial]) -> Trial:
        """The mean of several trials."""
        reads = np.array([(each.lower_db, each.stoi_change, each.si_sdr_change_db) for each in trials]).mean(axis=0)
        return cls(*reads.tolist())

    def against(self, most_db: float) -> str:
        """Why the reduction should not be applied; "" = nothing speaks against it."""
        least = min(LEAST_LOWER_DB, 0.7 * most_db)
        if self.lower_db < _LOWER_READS * least:
            return "pauses would be hardly quieter"
        if self.stoi_change < _STOI_READS:
            return "speech would lose intelligibility"
        return "" if self.si_sdr_change_db > 0.0 else "speech would be distorted more than noise is taken"


def trial(
    grid: Grid, samples: Mono, pause: NDArray[np.bool_], speech: NDArray[np.bool_], most_db: float
) -> Trial | None:
    """Try the reduction out on the lanes of a slab that hold most of both speech and pauses.

    The recording's own noise is added once more to its own, already cleaned voice. That voice is then the known truth
    which the second cleaning is measured against.

    Args:
        grid: of the recording.
        samples: from ``grid.before`` samples ahead of the slab to its end.
        pause: whether nobody speaks in a frame, shape (frames, lanes).
        speech: whether somebody surely does, shape (frames, lanes).
        most_db: what noise is lowered by at most.

    Returns:
        None where there is too little of either.
    """
    import scipy.fft

    both = pause[grid.own :].sum(axis=0) * speech[grid.own :].sum(axis=0)
    chosen = np.sort(np.argsort(-both, kind="stable")[:TRIAL_LANES])
    chosen = chosen[both[chosen] > 0]
    if not len(chosen) or pause[grid.own :, chosen].sum() < LEAST_FRAMES:
        return None
    mixed = scipy.fft.rfft(grid.frames(samples)[:, chosen] * grid.window, axis=2)
    quiet = pause[:, chosen].copy()
    quiet[: grid.own] = False
    noise, gap = _learned(mixed, quiet)
    voice = _applied(mixed, noise, most_db)
    lower_db = 10.0 * np.log10((_power(mixed[quiet]) + 1e-20) / (_power(voice[quiet]) + 1e-20))
    voice[pause[:, chosen]] *= np.float32(0.01)
    again = voice + gap
    made = _applied(again, noise, most_db)
    voice, again, made = voice[grid.own :], again[grid.own :], made[grid.own :]
    hop_s, bin_hz = grid.hop / grid.sample_rate, grid.sample_rate / grid.size
    return Trial(
        float(lower_db),
        stoi(voice, made, hop_s, bin_hz) - stoi(voice, again, hop_s, bin_hz),
        si_sdr_db(voice, made) - si_sdr_db(voice, again),
    )


def _learned(mixed: Spectra, quiet: NDArray[np.bool_]) -> tuple[Powers, Spectra]:
    """The noise of the frames of pause, shape (lanes, bins), and those frames repeated to fill every lane."""
    frames = mixed.transpose(1, 0, 2)[quiet.T]
    power = frames.real**2 + frames.imag**2
    level = power.sum(axis=1)
    steady = level <= np.median(level) * 10.0 ** (OUTLIER_DB / 10.0)
    frames = frames[steady]
    count, lanes = mixed.shape[:2]
    order = (np.arange(count * lanes) + len(frames) // 2) % len(frames)
    gap = frames[order].reshape(lanes, count, -1).transpose(1, 0, 2)
    return np.tile(power[steady].mean(axis=0), (lanes, 1)), gap


def _applied(spectra: Spectra, noise: Powers, most_db: float) -> Spectra:
    made: Spectra = spectra * gains(spectra.real**2 + spectra.imag**2, noise, most_db)
    return made


def _power(spectra: Spectra) -> float:
    return float((spectra.real**2).sum(dtype=np.float64) + (spectra.imag**2).sum(dtype=np.float64))
