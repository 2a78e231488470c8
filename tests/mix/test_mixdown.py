"""The time line: exact positions, edges without clicks, constant power in a crossfade, and memory that does not grow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.signals import noise, sine, wav

from demod_voice.errors import MediaError
from demod_voice.media.wav import read_wav, wav_info
from demod_voice.mix import mixdown as mixdown_module
from demod_voice.mix.curves import duck
from demod_voice.mix.mixdown import mixdown
from demod_voice.mix.scene import Scene, Track
from demod_voice.mix.sources import Placement
from demod_voice.mix.voice_chain import ChainSettings

RATE = 24000


def rendered(tmp_path: Path, placements: list[Placement], seconds: float) -> np.ndarray:
    out = tmp_path / "premix.wav"
    mixdown(Scene((Track("all", tuple(placements)),), RATE, round(seconds * RATE)), out)
    assert wav_info(out).num_samples == round(seconds * RATE)
    return read_wav(out).samples[0]


def test_a_clip_lies_at_its_sample_and_nowhere_else(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", np.full((1, 2400), 0.5, np.float32), RATE)
    made = rendered(tmp_path, [Placement(path, 12345, fade_in_s=0, fade_out_s=0)], 1.0)
    assert np.flatnonzero(made).tolist() == list(range(12345, 12345 + 2400))


def test_edges_rise_as_half_a_hann_window(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", np.ones((1, 4800), np.float32), RATE)
    made = rendered(tmp_path, [Placement(path, 0)], 0.2)
    length = round(0.010 * RATE)
    expected = 0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)
    assert made[:length] == pytest.approx(expected, abs=1e-6)
    assert made[4800 - length : 4800] == pytest.approx(expected[::-1], abs=1e-6)
    assert (made[length : 4800 - length] == 1.0).all()
    assert np.abs(np.diff(made)).max() < 0.01


def test_a_crossfade_keeps_the_power(tmp_path: Path) -> None:
    """Two noises that overlap by 50 ms: the level in the overlap is that of the rest."""
    first = wav(tmp_path / "a.wav", noise(1, 1.0, -20.0, RATE), RATE)
    second = wav(tmp_path / "b.wav", noise(2, 1.0, -20.0, RATE), RATE)
    overlap = round(0.050 * RATE)
    placements = [
        Placement(first, 0, fade_out_s=0.050, equal_power_out=True),
        Placement(second, RATE - overlap, fade_in_s=0.050, equal_power_in=True),
    ]
    made = rendered(tmp_path, placements, 2.0)
    assert 10 * np.log10(np.mean(made[RATE - overlap : RATE] ** 2)) == pytest.approx(-20.0, abs=0.5)


def test_clips_of_another_rate_are_resampled_and_keep_their_length(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", sine(1000, 1.0, -6.0, 16000), 16000)
    made = rendered(tmp_path, [Placement(path, 0)], 2.0)
    assert np.flatnonzero(np.abs(made) > 1e-4).max() < RATE
    middle = made[RATE // 4 : RATE // 2]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(10 ** (-6 / 20) / np.sqrt(2), rel=0.01)


def test_stereo_clips_become_mono(tmp_path: Path) -> None:
    both = np.stack([np.full(4800, 0.4, np.float32), np.full(4800, 0.2, np.float32)])
    made = rendered(tmp_path, [Placement(wav(tmp_path / "a.wav", both, RATE), 0)], 0.2)
    assert made[2400] == pytest.approx(0.3)


def test_gain_is_in_decibels(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", np.full((1, 4800), 0.5, np.float32), RATE)
    made = rendered(tmp_path, [Placement(path, 0, gain_db=-6.0206)], 0.2)
    assert made[2400] == pytest.approx(0.25, abs=1e-5)


def test_blocks_leave_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [wav(tmp_path / f"{number}.wav", noise(number, 0.7, -20.0, RATE), RATE) for number in range(5)]
    placements = [Placement(path, number * 9000) for number, path in enumerate(paths)]
    whole = rendered(tmp_path, placements, 3.0)
    monkeypatch.setattr(mixdown_module, "BLOCK", 1000)
    assert np.array_equal(rendered(tmp_path, placements, 3.0), whole)
    assert np.array_equal(rendered(tmp_path, placements[::-1], 3.0), whole)


def test_a_clip_over_the_end_is_cut_and_one_beyond_it_is_not_read(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", np.full((1, RATE), 0.5, np.float32), RATE)
    made = rendered(tmp_path, [Placement(path, RATE // 2), Placement(tmp_path / "missing.wav", 5 * RATE)], 1.0)
    assert len(made) == RATE


@pytest.mark.parametrize("num_samples", [0, 1, 2, 3])
def test_a_clip_of_next_to_nothing_is_no_problem(tmp_path: Path, num_samples: int) -> None:
    path = wav(tmp_path / "a.wav", np.full((1, num_samples), 0.5, np.float32), RATE)
    assert np.isfinite(rendered(tmp_path, [Placement(path, 10)], 0.1)).all()


def test_a_clip_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(b"RIFF....WAVE")
    with pytest.raises(MediaError, match=r"broken\.wav"):
        rendered(tmp_path, [Placement(path, 0)], 0.1)


def scene(
    tmp_path: Path, tracks: list[Track], channels: int = 2, **more: object
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A second of a scene, and its stems."""
    out = tmp_path / "premix.wav"
    stems = {track.name: tmp_path / f"stem-{track.name}.wav" for track in tracks}
    mixdown(Scene(tuple(tracks), RATE, RATE, channels, **more), out, stems)
    return read_wav(out).samples, {name: read_wav(path).samples for name, path in stems.items()}


def test_a_voice_stands_where_it_is_put_and_music_keeps_its_channels(tmp_path: Path) -> None:
    voice = wav(tmp_path / "v.wav", np.full((1, RATE), 0.5, np.float32), RATE)
    music = wav(tmp_path / "m.wav", np.stack([np.full(RATE, 0.1), np.full(RATE, -0.2)]).astype(np.float32), RATE)
    tracks = [
        Track("Ada", (Placement(voice, 0),), position=-1.0),
        Track("music", (Placement(music, 0),), gain_db=-6.0206),
    ]
    made, stems = scene(tmp_path, tracks)
    assert made[:, RATE // 2] == pytest.approx([0.55, -0.1], abs=1e-4)
    assert stems["Ada"][:, RATE // 2] == pytest.approx([0.5, 0.0], abs=1e-6)
    assert sum(stems.values()) == pytest.approx(made, abs=1e-6)


def test_a_ducked_track_follows_its_curve(tmp_path: Path) -> None:
    music = wav(tmp_path / "m.wav", np.full((1, RATE), 0.5, np.float32), RATE)
    curve = duck([(10000, 14000)], -20.0, 1000, 1000)
    made, _ = scene(tmp_path, [Track("music", (Placement(music, 0),), curve=curve)], channels=1)
    assert made[0, 12000] == pytest.approx(0.05, rel=1e-3)
    assert made[0, 8000] == made[0, 16000] == pytest.approx(0.5)
    assert np.abs(np.diff(made[0, 500:-500])).max() < 0.002


def test_room_tone_lies_under_everything_at_its_level_and_differs_by_channel(tmp_path: Path) -> None:
    made, _ = scene(tmp_path, [], room_tone_dbfs=-50.0, seed=3)
    assert 10 * np.log10(np.mean(made**2, axis=1)) == pytest.approx([-50.0, -50.0], abs=0.7)
    assert abs(np.corrcoef(made)[0, 1]) < 0.1


def test_a_stereo_scene_of_many_things_does_not_depend_on_its_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = wav(tmp_path / "v.wav", noise(1, 0.6, -20.0, 16000), 16000)
    music = wav(tmp_path / "m.wav", np.repeat(noise(2, 1.0, -30.0, 44100), 2, axis=0), 44100)
    tracks = [
        Track("Ada", (Placement(voice, 3000, chain=ChainSettings()),), position=0.4),
        Track("music", (Placement(music, 0, num_samples=20000),), curve=duck([(3000, 9000)], -10.0, 500, 500)),
    ]
    whole, _ = scene(tmp_path, tracks, room_tone_dbfs=-60.0)
    monkeypatch.setattr(mixdown_module, "BLOCK", 1777)
    again, _ = scene(tmp_path, tracks[::-1], room_tone_dbfs=-60.0)
    assert np.abs(again - whole).max() < 1e-7
