"""Encode a master, hear what was written, and encode once more when it missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demod_voice.config.settings import Settings
from demod_voice.errors import MediaError
from demod_voice.media.encode import LOSSY, ChapterMark, Tags, decoded_blocks, encode
from demod_voice.media.wav import wav_info
from demod_voice.mix.loudness import NO_LOUDNESS, LoudnessReport, Meter, report

PEAK_ROOM_DB = 0.5
"""A lossy encoder may move a peak between samples by this much over the ceiling; more is a miss."""
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


def export(
    master_wav: Path,
    out: Path,
    format: str,
    settings: Settings,
    tags: Tags,
    chapters: Sequence[ChapterMark],
    target_lufs: float,
) -> ExportReport:
    """Encode ``master_wav`` to ``out`` and measure the result; correct a lossy one once.

    Raises:
        MediaError: the encoder failed, or the file's length is not the master's.
        OutputError: the file cannot be written.
    """
    gain_db = 0.0
    encode(master_wav, out, format, settings.encode, tags, chapters)
    found = _measure(out)
    missed = target_lufs - found.lufs
    if format in LOSSY and found.lufs > NO_LOUDNESS and not _inside(found, target_lufs, settings):
        room = settings.loudness.true_peak_dbtp + PEAK_ROOM_DB - found.true_peak_dbtp
        gain_db = round(min(missed, room), 3)
        encode(master_wav, out, format, settings.encode, tags, chapters, gain_db)
        found = _measure(out)
    _check_length(master_wav, out, found)
    return ExportReport(
        path=out,
        format=format,
        lufs=found.lufs,
        true_peak_dbtp=found.true_peak_dbtp,
        duration_s=found.duration_s,
        corrected_db=gain_db,
        within=_inside(found, target_lufs, settings),
    )


def _inside(found: LoudnessReport, target_lufs: float, settings: Settings) -> bool:
    near = abs(found.lufs - target_lufs) <= settings.loudness.tolerance_lu
    return near and found.true_peak_dbtp <= settings.loudness.true_peak_dbtp + PEAK_ROOM_DB


def _measure(path: Path) -> LoudnessReport:
    meter: Meter | None = None
    samples, rate = 0, 1
    for clip in decoded_blocks(path):
        if meter is None:
            rate = clip.sample_rate
            meter = Meter(rate, clip.num_channels)
        meter.push(clip.samples)
        samples += clip.num_samples
    if meter is None:
        raise MediaError(f"{path} holds no sound after encoding")
    return report(meter, samples / rate)


def _check_length(master_wav: Path, out: Path, found: LoudnessReport) -> None:
    expected = wav_info(master_wav).duration_s
    if abs(found.duration_s - expected) > PADDING_S:
        raise MediaError(f"{out} is {found.duration_s:.2f} s long, its master {expected:.2f} s")
