"""The table of level steps, against encodes of tones: LAME's factor is the same for any sound."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.signals import sine, wav

from demod_voice.config.settings import Encode
from demod_voice.media.encode import decoded_blocks, encode
from demod_voice.media.tags import Tags
from demod_voice.mix.loudness import Meter, measure
from demod_voice.publish.levels import level_step


@pytest.mark.parametrize(
    ("format", "wanted", "channels", "rate", "expected"),
    [
        ("mp3", Encode(mp3_kbps=64), 1, 24000, -0.44),
        ("mp3", Encode(mp3_kbps=192), 2, 48000, -0.26),
        ("mp3", Encode(mp3_kbps=320), 2, 48000, 0.0),
        ("mp3", Encode(mp3_kbps=320), 1, 24000, -0.44),
        ("mp3", Encode(mp3_mode="vbr"), 1, 24000, 0.0),
        ("m4b", Encode(aac_kbps=80), 2, 48000, -0.08),
        ("opus", Encode(opus_kbps=16), 1, 24000, -0.39),
        ("opus", Encode(opus_kbps=256), 1, 24000, -0.02),
        ("ogg", Encode(), 1, 24000, 0.0),
        ("flac", Encode(), 1, 24000, 0.0),
    ],
)
def test_the_step_of_a_setting(format: str, wanted: Encode, channels: int, rate: int, expected: float) -> None:
    assert level_step(format, wanted, channels, rate) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("wanted", "rate"),
    [(Encode(), 24000), (Encode(mp3_kbps=192), 44100), (Encode(mp3_kbps=256), 44100), (Encode(mp3_mode="vbr"), 24000)],
)
def test_lame_s_factor_holds_for_another_sound(tmp_path: Path, wanted: Encode, rate: int) -> None:
    source = wav(tmp_path / "m.wav", sine(440, 2.0, -20.0, rate) + sine(2200, 2.0, -26.0, rate), rate, "pcm_s16le")
    encode(source, tmp_path / "x.mp3", "mp3", wanted, Tags(), ())
    meter = Meter(rate, 1)
    for clip in decoded_blocks(tmp_path / "x.mp3"):
        meter.push(clip.samples)
    change = meter.integrated() - measure(source).lufs
    assert change == pytest.approx(level_step("mp3", wanted, 1, rate), abs=0.05)
