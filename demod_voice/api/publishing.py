"""What leaves the house: the places that publish audio, and what they ask for."""

from __future__ import annotations

from demod_voice.mix.presets import PRESETS, Preset

__all__ = ["Preset", "describe_presets", "list_presets"]


def list_presets() -> tuple[Preset, ...]:
    """Every preset of a master, with its source."""
    return tuple(PRESETS.values())


def describe_presets() -> list[tuple[str, str, str]]:
    """Name, what is asked for, and where that is published: a row for each."""
    return [(each.name, each.summary, each.source) for each in list_presets()]
