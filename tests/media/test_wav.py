"""WAV files: exact samples, bit-exact headers, other programs' files, and broken ones."""

from __future__ import annotations

import errno
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.signals import noise, wav

from demod_voice.audio.clip import Clip
from demod_voice.errors import MediaError, OutputError
from demod_voice.media import wav as wavs
from demod_voice.media.wav import (
    WavWriter,
    decode_pcm,
    encode_pcm,
    read_blocks,
    read_span,
    read_wav,
    wav_info,
    write_wav,
)

ENCODINGS = {"pcm_s16le": ("PCM_16", 2**-16), "pcm_s24le": ("PCM_24", 2**-24), "pcm_f32le": ("FLOAT", 0.0)}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("channels", [1, 2])
def test_another_library_reads_the_same_samples(tmp_path: Path, encoding: str, channels: int) -> None:
    samples = np.concatenate([noise(seed, 0.1, -20.0, 24000) for seed in range(channels)])
    path = wav(tmp_path / "x.wav", samples, 24000, encoding)
    theirs, rate = soundfile.read(path, dtype="float32", always_2d=True)
    subtype, step = ENCODINGS[encoding]
    assert soundfile.info(path).subtype == subtype
    assert rate == 24000
    assert np.abs(theirs.T - samples).max() <= step
    assert np.array_equal(read_wav(path).samples, theirs.T)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("kind", ["WAV", "WAVEX"])
def test_another_library_s_files_are_read(tmp_path: Path, subtype: str, kind: str) -> None:
    samples = np.concatenate([noise(seed, 0.1, -20.0, 44100) for seed in range(2)])
    soundfile.write(tmp_path / "x.wav", samples.T, 44100, subtype=subtype, format=kind)
    found = read_wav(tmp_path / "x.wav")
    assert found.sample_rate == 44100
    assert np.abs(found.samples - samples).max() <= 2**-15


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_same_samples_are_the_same_bytes(tmp_path: Path, encoding: str) -> None:
    """soundfile's float WAV holds the time of day in its PEAK chunk; ours holds nothing of the kind."""
    samples = noise(1, 0.1, -20.0, 24000)
    first = wav(tmp_path / "1.wav", samples, 24000, encoding).read_bytes()
    assert first == wav(tmp_path / "2.wav", samples, 24000, encoding).read_bytes()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_span_is_that_part_of_the_whole(tmp_path: Path, encoding: str, channels: int) -> None:
    samples = np.concatenate([noise(seed, 0.1, -20.0, 24000) for seed in range(channels)])
    path = wav(tmp_path / "x.wav", samples, 24000, encoding)
    whole = read_wav(path).samples
    for start, stop in ((0, 2400), (7, 1001), (2399, 2400), (5, 5), (-3, 9), (2000, 9000), (3000, 4000)):
        assert np.array_equal(read_span(path, start, stop), whole[:, max(0, start) : stop])
    assert np.array_equal(read_span(path, 7, 9, wav_info(path)), whole[:, 7:9])


def test_a_span_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = wav(tmp_path / "x.wav", noise(1, 0.1, -20.0, 24000), 24000)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(MediaError, match="shorter than its header says"):
        read_span(path, 2000, 2400)
    with pytest.raises(MediaError, match="cannot be read"):
        read_span(tmp_path / "none.wav", 0, 1)


def test_sixteen_bits_go_there_and_back_unchanged(tmp_path: Path) -> None:
    every = np.arange(-32768, 32768, dtype=np.int16)
    samples = decode_pcm(every.tobytes(), "pcm_s16le", 1)
    assert encode_pcm(samples, "pcm_s16le") == every.tobytes()


@pytest.mark.parametrize(
    ("value", "expected"), [(1.0, 32767), (1.5, 32767), (-1.0, -32768), (-7.0, -32768), (0.5 / 32768, 0)]
)
def test_integers_are_rounded_and_clipped_never_wrapped(value: float, expected: int) -> None:
    made = encode_pcm(np.array([[value]], np.float32), "pcm_s16le")
    assert struct.unpack("<h", made)[0] == expected


def test_blocks_are_the_whole(tmp_path: Path) -> None:
    samples = noise(2, 0.5, -20.0, 24000)
    path = wav(tmp_path / "x.wav", samples, 24000)
    assert np.array_equal(np.concatenate(list(read_blocks(path, 777)), axis=1), samples)


def test_an_odd_number_of_bytes_is_padded(tmp_path: Path) -> None:
    path = wav(tmp_path / "x.wav", np.zeros((1, 3), np.float32), 8000, "pcm_s24le")
    assert path.stat().st_size % 2 == 0
    assert wav_info(path).num_samples == 3
    assert soundfile.info(path).frames == 3


def test_an_empty_wav_is_a_wav(tmp_path: Path) -> None:
    write_wav(tmp_path / "x.wav", Clip(np.zeros((1, 0), np.float32), 24000))
    assert read_wav(tmp_path / "x.wav").num_samples == 0


def head(fmt: bytes, data: bytes = b"\0\0", size: int | None = None) -> bytes:
    chunk = (
        b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(data) if size is None else size)
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunk) + len(data)) + b"WAVE" + chunk + data


PCM16 = struct.pack("<HHIIHH", 1, 1, 24000, 48000, 2, 16)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a WAV"),
        (b"RIFF", "not a WAV"),
        (b"ID3\x04" + bytes(100), "not a WAV"),
        (b"RIFF\x24\0\0\0WAVE", "without sound"),
        (head(b"\x01\0\x01\0"), "cannot be read"),
        (head(struct.pack("<HHIIHH", 6, 1, 8000, 8000, 1, 8)), "encoding 6"),
        (head(struct.pack("<HHIIHH", 1, 0, 24000, 0, 0, 16)), "encoding"),
        (head(struct.pack("<HHIIHH", 1, 1, 0, 0, 2, 16)), "encoding"),
        (head(PCM16, bytes(10), size=5000), "shorter than its header"),
    ],
)
def test_a_broken_wav_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=rf"broken\.wav.*{words}"):
        read_wav(path)


def test_a_missing_wav_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"none\.wav"):
        read_wav(tmp_path / "none.wav")


def test_chunks_that_are_not_known_are_passed_over(tmp_path: Path) -> None:
    plain = head(PCM16, struct.pack("<2h", 100, -100))
    odd = plain[:12] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + plain[12:]
    (tmp_path / "x.wav").write_bytes(odd)
    assert read_wav(tmp_path / "x.wav").samples[0] * 32768 == pytest.approx([100, -100])


def test_more_than_four_gigabytes_is_refused_before_the_header_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wavs, "LARGEST", 1000)
    with pytest.raises(MediaError, match="over 4 GB"), WavWriter(tmp_path / "x.wav", 24000, 1) as writer:
        writer.write(np.zeros((1, 501), np.float32))


def test_a_full_disk_is_said(small_disk) -> None:
    folder = small_disk(1)
    with pytest.raises(OutputError, match=r"x\.wav") as caught, WavWriter(folder / "x.wav", 24000, 1) as writer:
        for _ in range(100):
            writer.write(np.ones((1, 24000), np.float32))
    assert caught.value.__cause__.errno == errno.ENOSPC
