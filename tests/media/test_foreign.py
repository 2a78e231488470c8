"""Foreign media: read in a process of its own, under limits; every bad file is named with its reason."""

from __future__ import annotations

import random
import signal
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from support.signals import level_at, sine, wav

from demod_voice.config.settings import Encode, Limits
from demod_voice.errors import MediaError, UsageError
from demod_voice.media import foreign
from demod_voice.media.encode import encode
from demod_voice.media.foreign import Stretch, decode, probe
from demod_voice.media.tags import Tags
from demod_voice.media.wav import read_wav, wav_info

LIMITS = Limits()


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    return wav(tmp_path / "tone.wav", sine(1000, 3.0, -12.0, 44100), 44100, "pcm_s16le")


@pytest.mark.parametrize("format", ["wav", "mp3", "flac", "m4a", "opus"])
def test_what_libav_reads_is_probed_and_decoded(tone: Path, tmp_path: Path, format: str) -> None:
    path = tmp_path / f"x.{format}"
    encode(tone, path, format, Encode(), Tags(title="A tone"), ())
    info = probe(path, LIMITS)
    assert info.duration_s == pytest.approx(3.0, abs=0.1)
    assert info.num_channels == 1
    decode(path, tmp_path / "out.wav", 24000, LIMITS)
    made = read_wav(tmp_path / "out.wav")
    assert made.sample_rate == 24000
    assert made.duration_s == pytest.approx(3.0, abs=0.1)
    assert level_at(made, 1000) == pytest.approx(-12.0, abs=1.0)


@pytest.mark.parametrize(
    ("subtype", "kind"), [("PCM_U8", "WAV"), ("PCM_24", "AIFF"), ("VORBIS", "OGG"), ("ULAW", "AU")]
)
def test_more_kinds_of_files(tmp_path: Path, subtype: str, kind: str) -> None:
    path = tmp_path / f"x.{kind.lower()}"
    soundfile.write(path, sine(1000, 1.0, -12.0, 22050).T, 22050, subtype=subtype, format=kind)
    decode(path, tmp_path / "out.wav", 24000, LIMITS)
    assert level_at(read_wav(tmp_path / "out.wav"), 1000) == pytest.approx(-12.0, abs=1.0)


@pytest.mark.parametrize(
    ("stretch", "rate"), [(Stretch(0.5, 1.25), 24000), (Stretch(1.0), 44100), (Stretch(0.0, 3.4), 44100)]
)
def test_a_stretch_is_the_same_samples_as_in_the_whole(tone: Path, tmp_path: Path, stretch: Stretch, rate: int) -> None:
    decode(tone, tmp_path / "whole.wav", rate, LIMITS)
    decode(tone, tmp_path / "part.wav", rate, LIMITS, stretch=stretch)
    whole, part = read_wav(tmp_path / "whole.wav").samples, read_wav(tmp_path / "part.wav").samples
    first, last = round(stretch.start_s * rate), round((stretch.end_s or 99) * rate)
    assert np.array_equal(part, whole[:, first:last])


@pytest.mark.parametrize("stretch", [Stretch(3.5), Stretch(3.5, 3.7), Stretch(1.0, 4.5)])
def test_a_stretch_beyond_the_end_is_refused(tone: Path, tmp_path: Path, stretch: Stretch) -> None:
    with pytest.raises(MediaError, match=r"tone\.wav cannot be used: it ends at 3\.00 s, before"):
        decode(tone, tmp_path / "out.wav", 44100, LIMITS, stretch=stretch)
    assert not (tmp_path / "out.wav").exists()


def test_stereo_is_mixed_down_or_kept(tmp_path: Path) -> None:
    both = np.concatenate([sine(500, 1.0, -6.0, 24000), np.zeros((1, 24000), np.float32)])
    path = wav(tmp_path / "s.wav", both, 24000)
    decode(path, tmp_path / "mono.wav", 24000, LIMITS)
    assert level_at(read_wav(tmp_path / "mono.wav"), 500) == pytest.approx(-12.0, abs=0.2)
    decode(path, tmp_path / "both.wav", 24000, LIMITS, channels=0)
    assert wav_info(tmp_path / "both.wav").num_channels == 2


def video(path: Path, sound: bool) -> Path:
    with av.open(str(path), "w") as sink:
        picture = sink.add_stream("mpeg4", rate=10)
        picture.width = picture.height = 32
        voice = sink.add_stream("aac", rate=24000) if sound else None
        for _ in range(10):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            sink.mux(picture.encode(frame))
        sink.mux(picture.encode(None))
        if voice is not None:
            for number in range(20):
                piece = av.AudioFrame.from_ndarray(sine(500, 1024 / 24000, -6.0, 24000), "fltp", "mono")
                piece.sample_rate, piece.pts = 24000, number * 1024
                sink.mux(voice.encode(piece))
            sink.mux(voice.encode(None))
    return path


def test_the_sound_of_a_video_is_read(tmp_path: Path) -> None:
    decode(video(tmp_path / "v.mp4", sound=True), tmp_path / "out.wav", 24000, LIMITS)
    assert read_wav(tmp_path / "out.wav").duration_s == pytest.approx(0.85, abs=0.1)


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "empty"), (b"words, not sound", "no sound file"), (bytes(5000), "no sound file")]
)
def test_a_bad_file_is_named_with_its_reason(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.mp3"
    path.write_bytes(content)
    for ask in (lambda: probe(path, LIMITS), lambda: decode(path, tmp_path / "out.wav", 24000, LIMITS)):
        with pytest.raises(MediaError, match=rf"bad\.mp3.*{words}"):
            ask()
    assert not (tmp_path / "out.wav").exists()


def test_a_video_without_sound_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="video only"):
        decode(video(tmp_path / "v.mp4", sound=False), tmp_path / "out.wav", 24000, LIMITS)


def test_a_missing_file_and_a_folder_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        probe(tmp_path / "none.mp3", LIMITS)
    with pytest.raises(UsageError, match="not a file"):
        probe(tmp_path, LIMITS)


def test_noise_in_the_middle_of_a_file_is_survived(tone: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    encode(tone, path, "mp3", Encode(), Tags(), ())
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 700] = random.Random(1).randbytes(700)
    path.write_bytes(bytes(data))
    decode(path, tmp_path / "out.wav", 24000, LIMITS)
    assert read_wav(tmp_path / "out.wav").duration_s > 2.0


def test_a_decoder_that_needs_too_much_memory_is_stopped(tone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "BASE_MEMORY", 0)
    with pytest.raises(MediaError, match=r"tone\.wav"):
        probe(tone, replace(LIMITS, media_memory="40MB"))


def test_a_decoder_that_takes_too_long_is_stopped(tone: Path) -> None:
    with pytest.raises(MediaError, match=r"tone\.wav.*within"):
        probe(tone, replace(LIMITS, media_seconds=0.01))


def test_a_decoder_that_dies_takes_nothing_with_it(tone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crashing = tmp_path / "python"
    crashing.write_text(f"#!/bin/sh\nkill -{int(signal.SIGSEGV)} $$\n")
    crashing.chmod(0o755)
    monkeypatch.setattr(foreign.sys, "executable", str(crashing))
    with pytest.raises(MediaError, match=r"tone\.wav.*decoder died \(signal 11\)"):
        probe(tone, LIMITS)


def test_the_length_limit_ends_a_decode(tone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "LONGEST_S", 1)
    with pytest.raises(MediaError, match="longer than the limit"):
        decode(tone, tmp_path / "out.wav", 24000, LIMITS)
    assert list(tmp_path.iterdir()) == [tone]
