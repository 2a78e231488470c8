"""Every format: its sound, its length, tags and chapters read back, and the same bytes each time."""

from __future__ import annotations

import hashlib
from pathlib import Path

import av
import numpy as np
import pytest
from support.signals import level_at, sine, speechlike, wav

from demod_voice.audio.clip import Clip
from demod_voice.config.settings import Encode
from demod_voice.errors import MediaError, OutputError, UsageError
from demod_voice.media.encode import FORMATS, LOSSY, decoded_blocks, encode
from demod_voice.media.tags import ChapterMark, Tags
from demod_voice.mix.loudness import Meter

RATE = 24000
TAGS = Tags("Zwei Stimmen – 二", "Ada, Ben", "A show", "2026-01-02", "synthetic speech", {"SYNTHETIC_SPEECH": "yes"})
TAGGED = [name for name in FORMATS if name != "wav"]
CHAPTERS = (ChapterMark(0.0, 2.5, "Öffnung & <Gruß>"), ChapterMark(2.5, 6.0, "End"))


@pytest.fixture(scope="module")
def master_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    samples = speechlike(1, 6.0, RATE, 0.5) + sine(1000, 6.0, -30.0, RATE)
    return wav(tmp_path_factory.mktemp("master") / "m.wav", samples, RATE, "pcm_s16le")


def encoded(master_wav: Path, tmp_path: Path, format: str, name: str = "x", gain_db: float = 0.0) -> Path:
    out = tmp_path / f"{name}.{format}"
    encode(master_wav, out, format, Encode(), TAGS, CHAPTERS, gain_db)
    return out


def decoded(path: Path) -> Clip:
    clips = list(decoded_blocks(path))
    return Clip(np.concatenate([clip.samples for clip in clips], axis=1), clips[0].sample_rate)


def loudness(clip: Clip) -> float:
    meter = Meter(clip.sample_rate, clip.num_channels)
    meter.push(clip.samples)
    return meter.integrated()


@pytest.mark.parametrize("format", FORMATS)
def test_length_level_and_spectrum_survive(master_wav: Path, tmp_path: Path, format: str) -> None:
    source, made = decoded(master_wav), decoded(encoded(master_wav, tmp_path, format))
    assert made.num_channels == (2 if format == "ogg" else 1)
    assert made.duration_s == pytest.approx(source.duration_s, abs=0.15)
    assert np.array_equal(made.samples[0], made.samples[-1])
    made = Clip(made.samples[:1], made.sample_rate)
    assert loudness(made) == pytest.approx(loudness(source), abs=0.9)
    if format not in LOSSY:
        assert np.array_equal(made.samples, source.samples)
    assert level_at(Clip(made.samples[:, : 5 * made.sample_rate], made.sample_rate), 1000) == pytest.approx(
        level_at(Clip(source.samples[:, : 5 * RATE], RATE), 1000), abs=1.0
    )


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_input_is_the_same_bytes(master_wav: Path, tmp_path: Path, format: str) -> None:
    hashes = {
        hashlib.sha256(encoded(master_wav, tmp_path, format, name).read_bytes()).hexdigest() for name in ("one", "two")
    }
    assert len(hashes) == 1


@pytest.mark.parametrize("format", TAGGED)
def test_tags_are_read_back(master_wav: Path, tmp_path: Path, format: str) -> None:
    with av.open(str(encoded(master_wav, tmp_path, format))) as container:
        found = {**container.metadata, **container.streams.audio[0].metadata}
    found = {key.lower(): value for key, value in found.items()}
    assert found["title"] == TAGS.title
    assert found["artist"] == TAGS.artist
    assert found["album"] == TAGS.album
    assert found["date"].startswith("2026")


@pytest.mark.parametrize("format", TAGGED)
def test_chapters_are_read_back(master_wav: Path, tmp_path: Path, format: str) -> None:
    with av.open(str(encoded(master_wav, tmp_path, format))) as container:
        found = [(float(each["start"] * each["time_base"]), each["metadata"]["title"]) for each in container.chapters()]
    assert [title for _, title in found] == [chapter.title for chapter in CHAPTERS]
    assert [start for start, _ in found] == pytest.approx([chapter.start_s for chapter in CHAPTERS], abs=0.001)


def test_an_mp3_has_the_frames_that_podcast_players_read(master_wav: Path, tmp_path: Path) -> None:
    """ID3v2 CHAP and CTOC (ID3v2 Chapter Frame Addendum 1.0), and the Info frame that gives the length at once."""
    data = encoded(master_wav, tmp_path, "mp3").read_bytes()
    assert data[:3] == b"ID3"
    assert data.count(b"CHAP\0\0") == 2
    assert b"CTOC" in data
    assert b"Info" in data[: len(data) // 2] or b"Xing" in data[: len(data) // 2]


def test_an_m4a_can_be_played_while_it_is_fetched(master_wav: Path, tmp_path: Path) -> None:
    data = encoded(master_wav, tmp_path, "m4a").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("format", LOSSY)
def test_the_gain_comes_before_the_encoder(master_wav: Path, tmp_path: Path, format: str) -> None:
    plain = loudness(decoded(encoded(master_wav, tmp_path, format)))
    soft = loudness(decoded(encoded(master_wav, tmp_path, format, "soft", -6.0)))
    assert soft - plain == pytest.approx(-6.0, abs=0.2)


@pytest.mark.parametrize("format", FORMATS)
def test_stereo_stays_stereo(tmp_path: Path, format: str) -> None:
    both = np.concatenate([sine(500, 2.0, -12.0, 48000), sine(900, 2.0, -12.0, 48000)])
    out = tmp_path / f"s.{format}"
    encode(wav(tmp_path / "m.wav", both, 48000, "pcm_s16le"), out, format, Encode(), Tags(), ())
    made = decoded(out)
    assert made.num_channels == 2
    assert level_at(Clip(made.samples[:1], 48000), 500) == pytest.approx(-12.0, abs=1.0)
    assert level_at(Clip(made.samples[1:], 48000), 500) < -35.0


@pytest.mark.parametrize("sample_rate", [16000, 22050, 24000, 44100, 48000])
def test_mp3_keeps_every_rate_that_a_master_may_have(tmp_path: Path, sample_rate: int) -> None:
    source = wav(tmp_path / "m.wav", sine(700, 1.0, -12.0, sample_rate), sample_rate, "pcm_s16le")
    encode(source, tmp_path / "x.mp3", "mp3", Encode(), Tags(), ())
    assert decoded(tmp_path / "x.mp3").sample_rate == sample_rate


def test_a_rate_that_mp3_does_not_have_is_refused(tmp_path: Path) -> None:
    source = wav(tmp_path / "m.wav", sine(700, 0.1, -12.0, 96000), 96000, "pcm_s16le")
    with pytest.raises(UsageError, match="96000"):
        encode(source, tmp_path / "x.mp3", "mp3", Encode(), Tags(), ())


def test_an_unknown_format_names_the_known(master_wav: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="wma") as caught:
        encode(master_wav, tmp_path / "x.wma", "wma", Encode(), Tags(), ())
    assert "opus" in str(caught.value.hint)


@pytest.mark.parametrize("format", FORMATS)
def test_a_folder_that_is_missing_is_an_output_error(master_wav: Path, tmp_path: Path, format: str) -> None:
    with pytest.raises(OutputError, match="none"):
        encoded(master_wav, tmp_path / "none", format)


@pytest.mark.slow
@pytest.mark.parametrize("format", [name for name in FORMATS if name != "m4b"])
def test_a_full_disk_is_an_output_error(tmp_path: Path, small_disk, format: str) -> None:
    source = wav(tmp_path / "m.wav", np.tile(speechlike(1, 6.0, RATE, 0.5), 15), RATE, "pcm_s16le")
    rates = Encode(mp3_kbps=160, aac_kbps=144, opus_kbps=256)
    with pytest.raises((OutputError, MediaError), match=r"x\."):
        encode(source, small_disk(1) / f"x.{format}", format, rates, TAGS, CHAPTERS)


def test_a_file_that_is_no_sound_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.mp3").write_text("words")
    with pytest.raises(MediaError, match=r"x\.mp3"):
        list(decoded_blocks(tmp_path / "x.mp3"))
