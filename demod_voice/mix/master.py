"""Bring a premix to its loudness: one gain, a limiter only when a peak asks for it, dither, and a measured result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demod_voice.audio.clip import Samples
from demod_voice.media.wav import WavInfo, WavWriter, decode_pcm, wav_info
from demod_voice.mix.ahead import in_order
from demod_voice.mix.behind import Listener
from demod_voice.mix.dither import tpdf
from demod_voice.mix.limiter import context_samples, gains
from demod_voice.mix.loudness import NO_LOUDNESS, Heard, Hops, LoudnessReport, Meter, hear, report
from demod_voice.units import gain_from_db

CLOSE_ENOUGH_LU = 0.05
"""How near to the target the search for the gain ends; the promise is 0.1 LU."""
PASSES = 6
ESTIMATES = 3
USUAL_YIELD = 0.8
"""Loudness that a decibel of gain brings where the limiter works: what the search begins with."""
LEAST_YIELD = 0.2
"""Loudness that a decibel of gain brings at least, as the search takes it: a smaller one would make its steps wild."""
LIMITER_MARGIN_DB = 0.1
"""The limiter aims this much below the ceiling: its own gain movement moves the peaks between samples."""
MOST_GAIN_DB = 40.0
"""A premix so quiet that it asks for more is noise; it is not brought up further."""
BLOCK = 1 << 18
FULL_SCALE = 32768.0


@dataclass(frozen=True, slots=True)
class MasterReport:
    """What mastering did, and what was measured in the file that it wrote."""

    target_lufs: float
    gain_db: float
    limited: bool
    lufs: float
    true_peak_dbtp: float
    lra_lu: float
    rms_dbfs: float
    """Unweighted, over the whole file."""
    on_target: bool
    """False when the target could not be met within 0.1 LU (silence, or a limiter that had too much to do)."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a premix is brought to."""

    target_lufs: float
    ceiling_dbtp: float
    """Highest true peak."""
    encoding: str = "pcm_s16le"
    """Of the file; only 16 bits need dither and get it."""
    close_enough_lu: float = CLOSE_ENOUGH_LU
    """How near to the target the search for the gain ends."""


def master(
    premix: Path, out: Path, target_lufs: float, ceiling_dbtp: float, seed: int, before: Heard | None = None
) -> MasterReport:
    """Write ``premix`` at the target loudness as 16-bit PCM.

    Args:
        premix: float WAV.
        out: 16-bit WAV.
        target_lufs: integrated loudness.
        ceiling_dbtp: highest true peak.
        seed: of the dither.
        before: the premix's loudness, when it is known already.

    Raises:
        MediaError, OutputError: a file cannot be read or written.
    """
    return bring_to(Goal(target_lufs, ceiling_dbtp), premix, out, seed, before)[0]


def bring_to(goal: Goal, premix: Path, out: Path, seed: int, before: Heard | None = None) -> tuple[MasterReport, int]:
    """As ``master``, in any encoding; also the number of samples that the limiter turned down.

    Raises:
        MediaError, OutputError: a file cannot be read or written.
    """
    target_lufs, ceiling_dbtp = goal.target_lufs, goal.ceiling_dbtp
    heard = before or hear(premix)
    found = heard.report
    if found.lufs <= NO_LOUDNESS:
        written, _ = _write(premix, out, 0.0, None, seed, goal.encoding)
        return _report(0.0, False, written, target_lufs, ceiling_dbtp), 0
    gain_db = min(target_lufs - found.lufs, MOST_GAIN_DB)
    margin = LIMITER_MARGIN_DB
    limited = found.true_peak_dbtp + gain_db > ceiling_dbtp
    if limited:
        gain_db = _foreseen_gain(premix, heard.hops, gain_db, target_lufs, ceiling_dbtp - margin)
    earlier = None
    for _ in range(PASSES):
        ceiling = ceiling_dbtp - margin if limited else None
        written, turned_down = _write(premix, out, gain_db, ceiling, seed, goal.encoding)
        missing = target_lufs - written.lufs
        over = written.true_peak_dbtp - ceiling_dbtp
        if abs(missing) <= goal.close_enough_lu and over <= 0.0:
            break
        step = missing / _yield(earlier, (gain_db, written.lufs))
        wanted = min(gain_db + step, MOST_GAIN_DB) if abs(missing) > goal.close_enough_lu / 2 else gain_db
        if wanted == gain_db and over <= 0.0:
            break
        earlier, gain_db = (gain_db, written.lufs), wanted
        margin += max(0.0, over) if limited else 0.0
        limited = limited or over > 0.0
    return _report(gain_db, limited, written, target_lufs, ceiling_dbtp), turned_down


def _foreseen_gain(premix: Path, hops: Hops, gain_db: float, target_lufs: float, ceiling_db: float) -> float:
    """The gain that reaches the target after the limiter has taken its part, by an estimate that writes nothing."""
    earlier = None
    for _ in range(ESTIMATES):
        lufs = _foreseen(premix, hops, gain_db, ceiling_db)
        missing = target_lufs - lufs
        step = missing / _yield(earlier, (gain_db, lufs))
        earlier, gain_db = (gain_db, lufs), min(gain_db + step, MOST_GAIN_DB)
        if abs(missing) < CLOSE_ENOUGH_LU / 2:
            break
    return round(gain_db, 2)


def _foreseen(premix: Path, hops: Hops, gain_db: float, ceiling_db: float) -> float:
    """About the loudness after gain and limiter: each 100 ms of the premix loses what the limiter takes off it."""
    info = wav_info(premix)
    gain, ceiling = gain_from_db(gain_db), gain_from_db(ceiling_db)
    reach = context_samples(info.sample_rate)
    whole, left = np.zeros(len(hops.energies) + 1), np.zeros(len(hops.energies) + 1)

    def powers(piece: tuple[int, Samples]) -> tuple[int, Samples, Samples]:
        """(start, power of each sample, what the limiter leaves of it)"""
        start, window = piece
        inner = window[:, reach:-reach]
        power = np.einsum("ij,ij->j", inner, inner)
        if float(np.abs(window).max(initial=0.0)) * gain <= ceiling:
            return start, power, power
        curve = gains(window * np.float32(gain), info.sample_rate, ceiling, exact=False)[reach:-reach]
        return start, power, power * curve * curve

    for start, power, kept in in_order(powers, _windows(premix, info, reach)):
        first, last = start // hops.length, min((start + len(power) - 1) // hops.length, len(hops.energies))
        edges = np.maximum(np.arange(first, last + 1) * hops.length - start, 0)
        whole[first : last + 1] += np.add.reduceat(power, edges)
        left[first : last + 1] += np.add.reduceat(kept, edges)
    share = left[:-1] / np.maximum(whole[:-1], 1e-30)
    return Hops(hops.energies * np.where(whole[:-1] > 0, share, 1.0) * gain * gain, hops.length).integrated()


def _yield(earlier: tuple[float, float] | None, later: tuple[float, float]) -> float:
    """LU gained for each dB between two (gain, loudness) pairs: 1, and less where the limiter eats some of it."""
    if earlier is None:
        return USUAL_YIELD
    moved = later[0] - earlier[0]
    return min(1.0, max(LEAST_YIELD, (later[1] - earlier[1]) / moved)) if abs(moved) > 0.01 else USUAL_YIELD


def _report(gain_db: float, limited: bool, found: LoudnessReport, target: float, ceiling: float) -> MasterReport:
    on_target = abs(found.lufs - target) <= 0.1 and found.true_peak_dbtp <= ceiling + 0.05
    levels = found.lufs, found.true_peak_dbtp, found.lra_lu, found.rms_dbfs
    return MasterReport(round(target, 3), round(gain_db, 3), limited, *levels, on_target)


def _write(
    premix: Path, out: Path, gain_db: float, ceiling_dbtp: float | None, seed: int, encoding: str
) -> tuple[LoudnessReport, int]:
    """One pass: gain, limiter, dither, file; the meter hears what was written. Also counts what the limiter touched."""
    info = wav_info(premix)
    meter = Meter(info.sample_rate, info.num_channels)
    turned_down = 0
    with WavWriter(out, info.sample_rate, info.num_channels, encoding) as writer, Listener(meter) as listener:

        def worked(window: tuple[int, Samples]) -> tuple[Samples, int]:
            start, samples = window
            limited, count = _limited(samples, info.sample_rate, gain_db, ceiling_dbtp)
            return _dithered(limited, start, seed) if encoding == "pcm_s16le" else limited, count

        reach = context_samples(info.sample_rate) if ceiling_dbtp is not None else 0
        for made, count in in_order(worked, _windows(premix, info, reach)):
            turned_down += count
            if encoding == "pcm_s16le":
                writer.write_bytes(np.ascontiguousarray(made.T).astype("<i2").tobytes())
                listener.push(made / np.float32(FULL_SCALE))
            else:
                writer.write(made)
                listener.push(made)
    return report(meter, info.duration_s), turned_down


def _limited(window: Samples, sample_rate: int, gain_db: float, ceiling_dbtp: float | None) -> tuple[Samples, int]:
    """A window with its gain, limited when there is a ceiling; without the context on its sides. How many it touched."""
    window = window * np.float32(gain_from_db(gain_db))
    if ceiling_dbtp is None:
        return window, 0
    reach = context_samples(sample_rate)
    curve = gains(window, sample_rate, gain_from_db(ceiling_dbtp))[reach:-reach]
    limited: Samples = window[:, reach:-reach] * curve
    return limited, int(np.count_nonzero(curve < np.float32(1.0)))


def _windows(path: Path, info: WavInfo, reach: int) -> Iterator[tuple[int, Samples]]:
    """Blocks of a file with ``reach`` samples more on each side, zeros beyond its ends."""
    width = info.num_channels * (4 if info.encoding == "pcm_f32le" else 2)
    with path.open("rb") as file:
        for start in range(0, info.num_samples, BLOCK):
            end = min(start + BLOCK, info.num_samples)
            low, high = max(0, start - reach), min(info.num_samples, end + reach)
            file.seek(info.offset + low * width)
            read = decode_pcm(file.read((high - low) * width), info.encoding, info.num_channels)
            yield start, np.pad(read, ((0, 0), (low - (start - reach), (end + reach) - high)))


def _dithered(samples: Samples, start: int, seed: int) -> Samples:
    """Samples in steps of 16 bits, as whole float32 numbers; digital silence stays silent."""
    scaled = samples * np.float32(FULL_SCALE)
    for channel, row in enumerate(scaled):
        noise = tpdf(seed, start, len(row), channel)
        noise[row == 0.0] = 0.0
        row += noise
    whole: Samples = np.clip(np.rint(scaled), -FULL_SCALE, FULL_SCALE - 1)
    return whole
