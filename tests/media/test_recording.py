"""Recordings of every container, decoded for work on their sound; what is wrong with a file is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.corpus import encode
from support.signals import noise, sine, wav

from demod_voice.config.settings import DEFAULTS
from demod_voice.errors import MediaError
from demod_voice.media.recording import Target, ingest
from demod_voice.media.wav import read_wav

RATE = 24000
CONTAINERS = (".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus", ".webm", ".mp4", ".mkv")


def ingested(path: Path, folder: Path, channel: str = "mix", **more):
    target = Target(channel, folder / "out.wav", folder / "out.u16")
    return (
        ingest(path, [target], RATE, DEFAULTS.limits, **more),
        read_wav(target.wav),
        np.fromfile(target.clipped, "<u2"),
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("containers")
    source = wav(folder / "x.wav", noise(1, 8.0, -20.0, 44100), 44100, "pcm_s16le")
    made = {".wav": source}
    for suffix in CONTAINERS[1:]:
        made[suffix] = folder / f"x{suffix}"
        encode(source, made[suffix])
    return made


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_every_container_gives_its_length_and_level(files, tmp_path, suffix):
    found, clip, counts = ingested(files[suffix], tmp_path)
    assert found.info.duration_s == pytest.approx(8.0, abs=0.06)
    assert clip.sample_rate == RATE
    assert clip.num_samples == found.num_samples == pytest.approx(found.info.duration_s * RATE, abs=2)
    assert len(counts) == pytest.approx(found.info.duration_s * 100, abs=1)
    level = 10 * np.log10(np.mean(clip.samples**2))
    widened = -3.01 if suffix == ".ogg" else 0.0  # the fixture's encoder has two channels only, 3 dB lower each
    assert level == pytest.approx(-20.0 + widened + 10 * np.log10(12 / 22.05), abs=1.0)


def test_channels_are_chosen_and_mixed(tmp_path):
    both = np.concatenate([sine(400, 1.0, -6.0, 48000), sine(1000, 1.0, -20.0, 48000)])
    path = wav(tmp_path / "x.wav", both, 48000)
    levels = {}
    for channel in ("left", "right", "mix"):
        clip = ingested(path, tmp_path, channel)[1]
        levels[channel] = 10 * np.log10(np.mean(clip.samples[0, 2000:-2000] ** 2))
    assert levels["left"] == pytest.approx(-9.01, abs=0.1)
    assert levels["right"] == pytest.approx(-23.01, abs=0.1)
    assert levels["mix"] == pytest.approx(10 * np.log10((10**-0.901 + 10**-2.301) / 4), abs=0.1)


@pytest.mark.parametrize("channel", ["left", "right"])
def test_a_file_of_one_channel_gives_that_one_whichever_is_asked_for(tmp_path, channel):
    path = wav(tmp_path / "x.wav", sine(400, 1.0, -6.0, 48000), 48000)
    found, clip, _ = ingested(path, tmp_path, channel)
    assert found.notes == ("it has one channel, and no left and right: that one is used",)
    assert ingested(path, tmp_path)[0].notes == ()
    assert np.array_equal(clip.samples, ingested(path, tmp_path)[1].samples)


def test_clipped_samples_are_counted_where_they_are_at_the_files_own_rate(tmp_path):
    wave = sine(1000, 2.0, -12.0, 48000)
    wave[0, 48000:48024] = 1.0
    found, _, counts = ingested(wav(tmp_path / "x.wav", wave, 48000), tmp_path)
    assert found.clipped_samples == (24,)
    assert counts[100] == 24
    assert counts.sum() == 24


def test_the_mean_of_the_file_is_measured(tmp_path):
    wave = sine(1000, 1.0, -12.0, 48000) + np.float32(0.05)
    found = ingested(wav(tmp_path / "x.wav", wave, 48000), tmp_path)[0]
    assert found.dc_offset[0] == pytest.approx(0.05, abs=1e-4)


def test_joined_mp3s_are_read_to_the_end(files, tmp_path):
    path = tmp_path / "joined.mp3"
    path.write_bytes(files[".mp3"].read_bytes() * 3)
    assert ingested(path, tmp_path)[0].info.duration_s == pytest.approx(24.1, abs=0.2)


@pytest.mark.parametrize("picture", [0, 300, 300_000])
def test_twelve_joined_mp3s_with_tags_and_counts_are_read_to_the_end(tmp_path, picture):
    part = tmp_path / "part.mp3"
    counted_mp3(part, noise(1, 8.0, -20.0, 44100))
    joined = tmp_path / "joined.mp3"
    joined.write_bytes((tag(picture) + part.read_bytes()) * 12)
    found = ingested(joined, tmp_path)[0]
    assert found.info.duration_s == pytest.approx(12 * 8.03, abs=0.5)
    assert found.notes == (f"its header says 8.0 s, and it holds {found.info.duration_s:.1f} s: all of it is used",)


def test_an_mp3_that_ends_before_its_count_is_refused(tmp_path):
    part = tmp_path / "part.mp3"
    counted_mp3(part, noise(1, 8.0, -20.0, 44100))
    (tmp_path / "short.mp3").write_bytes(part.read_bytes()[: part.stat().st_size // 2])
    with pytest.raises(MediaError, match=r"its header says 8.0 s, and it ends at 4.0 s"):
        ingested(tmp_path / "short.mp3", tmp_path)


def counted_mp3(path: Path, wave: np.ndarray) -> None:
    """An MP3 whose first frame says how many follow, as libav and LAME write them."""
    import av

    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("mp3", rate=44100, layout="mono")
        stream.bit_rate = 128_000
        for at in range(0, wave.shape[1], 1152):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave[:, at : at + 1152]), "fltp", "mono")
            frame.sample_rate, frame.pts = 44100, at
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))


def tag(picture: int) -> bytes:
    """An ID3 tag with a picture of so many bytes, none of which is 255."""
    body = b"\0image/jpeg\0\x03\0" + np.random.default_rng(1).integers(0, 255, picture, np.uint8).tobytes()
    frame = b"APIC" + len(body).to_bytes(4, "big") + b"\0\0" + body
    return b"ID3\x03\0\0" + bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0)) + frame


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".m4a", ".ogg", ".opus", ".webm", ".mp4", ".mkv"])
def test_a_truncated_file_is_refused(files, tmp_path, suffix):
    path = tmp_path / f"short{suffix}"
    path.write_bytes(files[suffix].read_bytes()[: files[suffix].stat().st_size // 2])
    with pytest.raises(MediaError, match=r"truncated|damaged"):
        ingested(path, tmp_path)


def test_a_hole_that_ends_the_reading_is_told(files, tmp_path):
    data = bytearray(files[".mp3"].read_bytes())
    data[20000:110000] = bytes(90000)
    path = tmp_path / "hole.mp3"
    path.write_bytes(data)
    with pytest.raises(MediaError, match=r"it is damaged: \d+ bytes in the middle"):
        ingested(path, tmp_path)


def test_a_protected_file_says_so(files, tmp_path):
    path = tmp_path / "drm.m4a"
    path.write_bytes(files[".m4a"].read_bytes().replace(b"mp4a", b"enca"))
    with pytest.raises(MediaError, match="it is encrypted"):
        ingested(path, tmp_path)


def test_an_empty_file_says_so(tmp_path):
    path = tmp_path / "x.mp3"
    path.touch()
    with pytest.raises(MediaError, match="it is empty"):
        ingested(path, tmp_path)


def test_the_watcher_sees_the_wav_grow(files, tmp_path):
    sizes = []
    path = tmp_path / "long.mp3"
    path.write_bytes(files[".mp3"].read_bytes() * 30)
    ingested(
        path,
        tmp_path,
        watch=lambda: sizes.append((tmp_path / "out.wav").stat().st_size if (tmp_path / "out.wav").exists() else 0),
    )
    assert sizes == sorted(sizes)
    assert sizes[-1] > 240 * RATE * 4 - 100000
