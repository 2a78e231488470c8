"""The table of presets holds together."""

from __future__ import annotations

import pytest

from demod_voice.errors import UsageError
from demod_voice.mix.presets import ACX, PRESETS, Preset, preset


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_one_kind_of_target_and_a_source(name: str) -> None:
    found = preset(name)
    assert found.name == name
    assert (found.rms_db is None) == (found.lufs_mono is not None) == (found.lufs_stereo is not None)
    assert found.source.startswith("https://")
    assert found.true_peak_dbtp <= -1.0
    assert found.room_tone_dbfs < _softest(found) - 25.0


def _softest(found: Preset) -> float:
    return found.rms_db[0] if found.rms_db else min(found.lufs_mono or 0.0, found.lufs_stereo or 0.0)


def test_the_audiobook_s_room_tone_is_below_its_noise_floor() -> None:
    assert ACX.room_tone_dbfs <= -60.0 - 3.0


def test_an_unknown_name_is_answered_with_the_known() -> None:
    with pytest.raises(UsageError, match="'itunes'") as caught:
        preset("itunes")
    assert "apple, spotify, broadcast, acx" in str(caught.value.hint)
