"""What an episode is mastered to: rate, channels, loudness, peak and room, from its mix, a preset and the settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from demod_voice.config.settings import Settings
from demod_voice.formats.mix_spec import MixSpec
from demod_voice.mix.presets import ROOM_TONE_DBFS, preset

SHOW_RATE = 48000
"""Of a stereo show, Hz."""


@dataclass(frozen=True, slots=True)
class Target:
    """The figures of a master."""

    sample_rate: int
    num_channels: int
    lufs: float
    """Integrated loudness; where RMS counts, the loudness that about belongs to it."""
    true_peak_dbtp: float
    rms_dbfs: float | None
    """RMS over the whole file, where that is what counts."""
    room_dbfs: float | None
    """RMS of the room tone in the finished show; None = none."""


def target_of(mix: MixSpec, settings: Settings, effects: bool = False) -> Target:
    """The figures that a mix asks for.

    A show of nothing but voices in the middle is mono; positions, music and effects make it stereo.

    Args:
        mix: its own figures beat the preset's, and those the settings'.
        settings: loudness and rate where nothing else is said.
        effects: the script has effects.

    Raises:
        UsageError: an unknown preset.
    """
    chosen = preset(mix.preset) if mix.preset else None
    rich = bool(mix.positions or mix.files or effects)
    channels = mix.channels or (2 if rich else 1)
    loudness = settings.loudness
    lufs, peak, rms = loudness.stereo_lufs if channels == 2 else loudness.mono_lufs, loudness.true_peak_dbtp, None
    rate = SHOW_RATE if channels == 2 or rich else settings.episode.sample_rate
    room = mix.room_tone.level_dbfs if mix.room_tone is not None else None
    if chosen is not None:
        wanted = chosen.lufs_stereo if channels == 2 else chosen.lufs_mono
        lufs, peak, rate = wanted or lufs, chosen.true_peak_dbtp, chosen.sample_rate or rate
        rms = sum(chosen.rms_db) / 2 if chosen.rms_db is not None else None
        if room is not None and room == ROOM_TONE_DBFS:
            room = chosen.room_tone_dbfs
    if mix.loudness_lufs is not None:
        lufs, rms = mix.loudness_lufs, None
    peak = mix.true_peak_dbtp if mix.true_peak_dbtp is not None else peak
    return Target(rate, channels, rms if rms is not None else lufs, peak, rms, room)


def settings_for(mix: MixSpec, target: Target, settings: Settings) -> Settings:
    """The settings with the target's figures in them, so that an export is held against the same ones."""
    chosen = preset(mix.preset) if mix.preset else None
    encode = settings.encode
    if chosen is not None and chosen.mp3_kbps is not None:
        encode = replace(encode, mp3_mode="cbr", mp3_kbps=chosen.mp3_kbps)
    return replace(settings, encode=encode, loudness=replace(settings.loudness, true_peak_dbtp=target.true_peak_dbtp))
