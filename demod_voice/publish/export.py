"""Encode a master, hear what was written, and encode once more when it missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demod_voice.config.settings import Settings
from demod_voice.errors import MediaError
from demod_voice.media.encode import LOSSY, decoded_blocks, encode
from demod_voice.media.tags import ChapterMark, Tags
from demod_voice.media.wav import wav_info
from demod_voice.mix.behind import Listener
from demod_voice.mix.loudness import NO_LOUDNESS, Meter, report

PEAK_ROOM_DB = 0.5
"""A lossy encoder may move a peak between samples by this much over the ceiling; more is a miss."""
KEPT_OF_TOLERANCE = 0.8
"""Part of the loudness tolerance that may be given up to bring a peak under the ceiling."""
PADDING_S = 0.15
"""Encoders add up to this much silence at the ends (an AAC or MP3 frame and the encoder's delay)."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was measured in an encoded file."""

    path: Path
    format: str
    lufs: float
    true_peak_dbtp: float
    duration_s: float
    corrected_db: float
    """Gain of the second encode; 0 when the first one was right."""
    within: bool
    """True when loudness and peak are inside the tolerance."""


@dataclass(frozen=True, slots=True)
class Master:
    """What is encoded."""

    path: Path
    """16-bit WAV."""
    lufs: float
    """As measured."""
    true_peak_dbtp: float
    target_lufs: float


def export(
    master: Master, out: Path, format: str, settings: Settings, tags: Tags, chapters: Sequence[ChapterMark]
) -> ExportReport:
    """Encode a master to ``out`` and measure the result; correct a lossy one once, when its loudness is off
    or a peak has risen over the ceiling.

    A WAV is the master itself, byte for byte, so it has the master's numbers and is not heard again.

    Raises:
        MediaError: the encoder failed, or the file's length is not the master's.
        OutputError: the file cannot be written.
    """
    gain_db = 0.0
    encode(master.path, out, format, settings.encode, tags, chapters)
    found = _Heard.of_master(master) if format == "wav" else _hear(out)
    if format in LOSSY and found.lufs > NO_LOUDNESS:
        gain_db = _correction(found, master.target_lufs, settings)
    if gain_db:
        encode(master.path, out, format, settings.encode, tags, chapters, gain_db)
        found = _hear(out)
    _check_length(master.path, out, found)
    return ExportReport(
        path=out,
        format=format,
        lufs=found.lufs,
        true_peak_dbtp=found.true_peak_dbtp,
        duration_s=found.duration_s,
        corrected_db=gain_db,
        within=_inside(found, master.target_lufs, settings),
    )


@dataclass(frozen=True, slots=True)
class _Heard:
    lufs: float
    true_peak_dbtp: float
    duration_s: float

    @classmethod
    def of_master(cls, master: Master) -> _Heard:
        return cls(master.lufs, master.true_peak_dbtp, round(wav_info(master.path).duration_s, 6))


def _correction(found: _Heard, target_lufs: float, settings: Settings) -> float:
    """Gain in dB of the second encode: what loudness is missing, less what a peak is over, as far as both agree."""
    tolerance, ceiling = settings.loudness.tolerance_lu, settings.loudness.true_peak_dbtp
    missed = target_lufs - found.lufs
    wanted = missed if abs(missed) > tolerance else 0.0
    over = max(0.0, found.true_peak_dbtp + wanted - ceiling)
    spare = max(0.0, KEPT_OF_TOLERANCE * tolerance + wanted - missed)
    return round(wanted - min(over, spare), 3)


def _inside(found: _Heard, target_lufs: float, settings: Settings) -> bool:
    near = abs(found.lufs - target_lufs) <= settings.loudness.tolerance_lu
    return near and found.true_peak_dbtp <= settings.loudness.true_peak_dbtp + PEAK_ROOM_DB


def _hear(path: Path) -> _Heard:
    """Decode and measure; the meter works beside the decoder."""
    blocks = decoded_blocks(path)
    first = next(blocks, None)
    if first is None:
        raise MediaError(f"{path} holds no sound after encoding")
    samples = first.num_samples
    with Listener(Meter(first.sample_rate, first.num_channels)) as listener:
        listener.push(first.samples)
        for clip in blocks:
            listener.push(clip.samples)
            samples += clip.num_samples
    found = report(listener.meter, samples / first.sample_rate)
    return _Heard(found.lufs, found.true_peak_dbtp, found.duration_s)


def _check_length(master_wav: Path, out: Path, found: _Heard) -> None:
    expected = wav_info(master_wav).duration_s
    if abs(found.duration_s - expected) > PADDING_S:
        raise MediaError(f"{out} is {found.duration_s:.2f} s long, its master {expected:.2f} s")
