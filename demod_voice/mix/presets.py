"""What places that publish audio ask of a master: one table, each row with its public source.

A place that publishes no figure of its own (YouTube) has no row.
"""

from __future__ import annotations

from dataclasses import dataclass

from demod_voice.errors import UsageError

ROOM_TONE_DBFS = -50.0
"""RMS of the room tone where a preset asks for no other."""


@dataclass(frozen=True, slots=True)
class Preset:
    """The targets of one place."""

    name: str
    summary: str
    """One line for people."""
    lufs_mono: float | None
    """Integrated loudness of a mono master; None where the place measures RMS instead."""
    lufs_stereo: float | None
    """Integrated loudness of a stereo master; None as above."""
    true_peak_dbtp: float
    """Ceiling of the master. A lossy file may end up to 0.5 dB above it."""
    rms_db: tuple[float, float] | None
    """Lowest and highest RMS over the whole file, dBFS, where that is what is measured; else None."""
    room_tone_dbfs: float
    """RMS of the room tone under everything, dBFS."""
    sample_rate: int | None
    """Hz, where the place asks for one."""
    mp3_kbps: int | None
    """Constant bit rate of an MP3, where the place asks for one."""
    source: str
    """Where it is published."""


APPLE = Preset(
    name="apple",
    summary="Apple Podcasts: -16 LUFS +/- 1 dB, true peak -1 dB",
    lufs_mono=-16.0,
    lufs_stereo=-16.0,
    true_peak_dbtp=-1.0,
    rms_db=None,
    room_tone_dbfs=ROOM_TONE_DBFS,
    sample_rate=None,
    mp3_kbps=None,
    source="https://podcasters.apple.com/support/893-audio-requirements",
)
SPOTIFY = Preset(
    name="spotify",
    summary="Spotify: -14 LUFS, true peak -1 dB (-2 dB for a master that is louder)",
    lufs_mono=-14.0,
    lufs_stereo=-14.0,
    true_peak_dbtp=-1.0,
    rms_db=None,
    room_tone_dbfs=ROOM_TONE_DBFS,
    sample_rate=None,
    mp3_kbps=None,
    source="https://support.spotify.com/us/artists/article/loudness-normalization",
)
BROADCAST = Preset(
    name="broadcast",
    summary="European radio and television: EBU R 128, -23 LUFS, true peak -1 dBTP",
    lufs_mono=-23.0,
    lufs_stereo=-23.0,
    true_peak_dbtp=-1.0,
    rms_db=None,
    room_tone_dbfs=-60.0,
    sample_rate=48000,
    mp3_kbps=None,
    source="https://tech.ebu.ch/publications/r128",
)
ACX = Preset(
    name="acx",
    summary="Audiobooks at ACX: RMS -23 to -18 dB, peak -3 dB, noise floor -60 dB, MP3 192 kbit/s CBR at 44.1 kHz",
    lufs_mono=None,
    lufs_stereo=None,
    true_peak_dbtp=-3.5,  # -3 dB is asked of the MP3, whose peaks may rise by half a decibel
    rms_db=(-23.0, -18.0),
    room_tone_dbfs=-65.0,
    sample_rate=44100,
    mp3_kbps=192,
    source="https://www.acx.com/help/acx-audio-submission-requirements/201456300",
)
PRESETS = {each.name: each for each in (APPLE, SPOTIFY, BROADCAST, ACX)}
"""Name -> preset."""


def preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in PRESETS:
        raise UsageError(f"unknown preset {name!r}", f"known: {', '.join(PRESETS)}; see: demod-voice episode presets")
    return PRESETS[name]
