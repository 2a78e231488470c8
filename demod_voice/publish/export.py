"""Encode a master, hear what was written, and encode again where it missed.

The level that an encoder is known to take away is given to it beforehand (``levels``), so that one encode is mostly
enough: over half an hour of MP3, another one takes longer than everything before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demod_voice.config.settings import Settings
from demod_voice.errors import MediaError
from demod_voice.media.encode import LOSSY, encode
from demod_voice.media.tags import ChapterMark, Tags
from demod_voice.media.wav import wav_info
from demod_voice.mix.loudness import NO_LOUDNESS
from demod_voice.publish.hearing import FramesHeard, Heard, hear
from demod_voice.publish.levels import level_step

PEAK_ROOM_DB = 0.5
"""A lossy encoder may move a peak between samples by this much over the ceiling; more is a miss."""
PEAK_MARGIN_DB = 0.05
"""A peak that is brought down is brought this much further: another encode moves it a little."""
HEADROOM_DB = 0.15
"""Taken off a lossy file whose master's peaks stand at the ceiling: in half an hour of LAME at 128 kbit/s one of them rises by
0.55 dB, and another encode for that would cost as much as the first. At most half of the loudness tolerance."""
MOST_AGAIN = 2
"""Encodes after the first."""
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
    gain_db: float
    """Applied before the encoder: its known level step, and the corrections."""
    corrected_db: float
    """The corrections; 0 when the first encode was right."""
    encodes: int
    """How often it was encoded."""
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
    sha256: str
    """Of the file."""


def export(
    master: Master, out: Path, format: str, settings: Settings, tags: Tags, chapters: Sequence[ChapterMark]
) -> ExportReport:
    """Encode a master to ``out`` and measure the result; a lossy one is encoded again, at most twice, when its loudness
    is off by more than the tolerance or a peak has risen too far over the ceiling.

    A WAV has the master's samples and so its numbers, and is not heard again.

    Raises:
        MediaError: the encoder failed, or the file's length is not the master's.
        OutputError: the file cannot be written.
    """
    info = wav_info(master.path)
    known_db = -level_step(format, settings.encode, info.num_channels, info.sample_rate) if format in LOSSY else 0.0
    known_db -= _headroom(master, settings) if format in LOSSY else 0.0
    corrected_db, encodes = 0.0, 0
    while True:
        gain_db = round(known_db + corrected_db, 3)
        found = _encode_and_hear(master, out, format, settings, tags, chapters, gain_db)
        encodes += 1
        _check_length(master.path, out, found)
        step_db = _correction(found, master.target_lufs, settings) if format in LOSSY else 0.0
        if not step_db or encodes > MOST_AGAIN or found.lufs <= NO_LOUDNESS:
            break
        corrected_db = round(corrected_db + step_db, 3)
    return ExportReport(
        path=out,
        format=format,
        lufs=found.lufs,
        true_peak_dbtp=found.true_peak_dbtp,
        duration_s=found.duration_s,
        gain_db=gain_db,
        corrected_db=corrected_db,
        encodes=encodes,
        within=_inside(found, master.target_lufs, settings),
    )


def _encode_and_hear(
    master: Master,
    out: Path,
    format: str,
    settings: Settings,
    tags: Tags,
    chapters: Sequence[ChapterMark],
    gain_db: float,
) -> Heard:
    info = wav_info(master.path)
    if format == "mp3":
        with FramesHeard(info.sample_rate, info.num_channels) as frames:
            encode(master.path, out, format, settings.encode, tags, chapters, gain_db, frames.push)
        return frames.report(out)
    encode(master.path, out, format, settings.encode, tags, chapters, gain_db)
    if format == "wav":
        return Heard(master.lufs, master.true_peak_dbtp, round(wav_info(out).duration_s, 6))
    return hear(out, info.num_channels)


def _headroom(master: Master, settings: Settings) -> float:
    """What is taken off beforehand, dB."""
    if master.true_peak_dbtp + PEAK_ROOM_DB <= settings.loudness.true_peak_dbtp:
        return 0.0
    return min(HEADROOM_DB, settings.loudness.tolerance_lu / 2)


def _correction(found: Heard, target_lufs: float, settings: Settings) -> float:
    """Gain in dB of another encode: what loudness is missing, less what a peak is too high, as far as both agree."""
    tolerance, ceiling = settings.loudness.tolerance_lu, settings.loudness.true_peak_dbtp + PEAK_ROOM_DB
    missed = target_lufs - found.lufs
    wanted = missed if abs(missed) > tolerance else 0.0
    over = found.true_peak_dbtp + wanted - ceiling
    down = over + PEAK_MARGIN_DB if over > 0.0 else 0.0
    spare = max(0.0, KEPT_OF_TOLERANCE * tolerance + wanted - missed)
    return round(wanted - min(down, spare), 3)


def _inside(found: Heard, target_lufs: float, settings: Settings) -> bool:
    near = abs(found.lufs - target_lufs) <= settings.loudness.tolerance_lu
    return near and found.true_peak_dbtp <= settings.loudness.true_peak_dbtp + PEAK_ROOM_DB


def _check_length(master_wav: Path, out: Path, found: Heard) -> None:
    expected = wav_info(master_wav).duration_s
    if abs(found.duration_s - expected) > PADDING_S:
        raise MediaError(f"{out} is {found.duration_s:.2f} s long, its master {expected:.2f} s")
