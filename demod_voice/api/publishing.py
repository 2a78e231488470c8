"""What leaves the house: the places that publish audio, what they ask for, and the feed of a show."""

from __future__ import annotations

from demod_voice.mix.presets import PRESETS, Preset
from demod_voice.publish.feed import Channel, Item, feed_xml

__all__ = ["Channel", "Item", "Preset", "describe_presets", "feed_xml", "list_presets"]


def list_presets() -> tuple[Preset, ...]:
    """Every preset of a master, with its source."""
    return tuple(PRESETS.values())


def describe_presets() -> list[tuple[str, str, str]]:
    """Name, what is asked for, and where that is published: a row for each."""
    return [(each.name, each.summary, each.source) for each in list_presets()]
