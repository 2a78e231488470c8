"""Hum along a recording: which stretches have it."""

from demod_voice.audio.hum import HumLevel
from demod_voice.audio.hum_track import hum_regions


def test_parts_from_two_countries_have_a_region_each():
    silent = HumLevel(0.0, 0.0)
    levels = [silent, HumLevel(30.0, 50.0, (1, 2), -40.0), HumLevel(30.0, 50.0, (1, 2), -40.0), silent]
    levels += [HumLevel(20.0, 60.0, (1, 3), -40.0), HumLevel(20.0, 60.0, (1, 3), -40.0), silent]
    found = hum_regions(levels, 1000, 7000)
    assert [(each.frequency_hz, each.start, each.end) for each in found] == [(50.0, 1000, 3000), (60.0, 4000, 6000)]
