"""What is wrong with a reference clip, by signals of known value."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import numpy as np
import pytest
from support.signals import noise, speechlike, wav

from demod_voice.audio.clip import Clip
from demod_voice.config.settings import DEFAULTS
from demod_voice.errors import MediaError, UsageError
from demod_voice.voices.references import SAMPLE_RATE, pieces, prepare_reference, snr_db, two_voices

LIMITS = DEFAULTS.limits
RATE = SAMPLE_RATE


def speech(seconds: float, level: float = 0.3) -> np.ndarray:
    return speechlike(3, seconds, RATE, level)


def mixture(ratio_db: float, seed: int) -> Clip:
    """Speech with noise below it by a known ratio, both as powers of where there is speech."""
    voice = speech(10.0).astype(np.float64)
    loud = np.abs(voice[0]) > 1e-4
    power = float(np.mean(voice[0, loud] ** 2))
    level_db = 10 * np.log10(power) - ratio_db
    return Clip((voice + noise(seed, 10.0, level_db, RATE)).astype(np.float32), RATE)


@pytest.mark.parametrize("ratio_db", [5.0, 10.0, 20.0, 30.0])
def test_a_known_ratio_of_speech_to_noise_is_read(ratio_db: float) -> None:
    for seed in range(3):
        assert snr_db(mixture(ratio_db, seed)) == pytest.approx(ratio_db, abs=2.5)


def test_noise_alone_has_no_speech_above_it() -> None:
    assert snr_db(Clip(noise(1, 8.0, -20.0, RATE), RATE)) <= 1.0
    assert snr_db(Clip(speech(8.0), RATE)) > 60.0


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: speech(0.8), "0.80 s is too short"),
        (lambda: speech(8.0, 1e-4), "silent: its peak is"),
        (lambda: np.zeros((1, 8 * RATE), np.float32), "silent"),
    ],
)
def test_a_clip_without_a_voice_cannot_be_used(tmp_path: Path, make, word: str) -> None:
    report = prepare_reference(wav(tmp_path / "r.wav", make(), RATE), tmp_path / "out.wav", LIMITS)
    assert word in report.fault


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: speech(4.0), "4.0 s long; 6 to 12 s are best"),
        (lambda: speech(30.0), "30.0 s long"),
        (lambda: (speech(8.0) * 8).clip(-1, 1), "clipped: "),
        (lambda: mixture(8.0, 5).samples, "noisy: its speech is "),
    ],
)
def test_a_poor_clip_gets_a_word(tmp_path: Path, make, word: str) -> None:
    report = prepare_reference(wav(tmp_path / "r.wav", make(), RATE), tmp_path / "out.wav", LIMITS)
    assert report.fault == ""
    assert [each for each in report.warnings if each.startswith(word)]


def test_a_good_clip_gets_none(tmp_path: Path) -> None:
    report = prepare_reference(wav(tmp_path / "r.wav", speech(9.0), RATE), tmp_path / "out.wav", LIMITS)
    assert (report.warnings, report.fault) == ((), "")


def test_six_minutes_are_no_whole_recording(tmp_path: Path) -> None:
    wav(tmp_path / "in.wav", np.full((1, 360 * 8000), 0.1, np.float32), 8000)
    report = prepare_reference(tmp_path / "in.wav", tmp_path / "out.wav", LIMITS)
    assert report.fault == ""
    assert report.duration_s == pytest.approx(360.0, abs=0.01)


def test_ten_hours_are_refused_by_their_header(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    size = 10 * 3600 * 16000 * 2
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", size + 36, b"WAVE", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16, b"data", size
    )
    with path.open("wb") as out:
        out.write(header)
        out.truncate(size + 44)
    began = time.monotonic()
    report = prepare_reference(path, tmp_path / "out.wav", LIMITS)
    assert "36000 s is a whole recording" in report.fault
    assert time.monotonic() - began < 5.0
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.parametrize(
    ("content", "error"), [(b"", MediaError), (b"no sound at all" * 50, MediaError), (None, UsageError)]
)
def test_what_is_no_sound_names_the_file(tmp_path: Path, content: bytes | None, error: type[Exception]) -> None:
    path = tmp_path / "r.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=r"r\.wav"):
        prepare_reference(path, tmp_path / "out.wav", LIMITS)


def test_pieces_are_all_of_a_clip() -> None:
    clip = Clip(noise(1, 8.2, -20.0, RATE), RATE)
    cut = pieces(clip)
    assert [each.duration_s for each in cut] == [2.5, 2.5, pytest.approx(3.2)]
    assert np.array_equal(np.concatenate([each.samples for each in cut], axis=1), clip.samples)
    assert len(pieces(Clip(noise(1, 1.0, -20.0, RATE), RATE))) == 1


def voices(*angles: float, spread: float = 0.1) -> list[list[float]]:
    """Vectors of length 1 near directions in a plane, in degrees."""
    random = np.random.default_rng(4)
    found = []
    for angle in np.radians(angles):
        vector = np.array([np.cos(angle), np.sin(angle), 0.0, 0.0]) + spread * random.standard_normal(4)
        found.append(list(vector / np.linalg.norm(vector)))
    return found


def test_two_speakers_are_told_and_one_is_not() -> None:
    cosine = two_voices(voices(0, 80, 0, 80, 0), 0.5)
    assert cosine == pytest.approx(np.cos(np.radians(80)), abs=0.15)
    assert two_voices(voices(0, 5, 10, 0, 5), 0.5) is None
    assert two_voices(voices(0, 0, 0, 0, 80), 0.5) is None, "one odd piece is no speaker"
    assert two_voices(voices(0, 0, 80, 80), None) is None, "nobody has measured the model"
    assert two_voices(voices(0, 80), 0.5) is None
    assert two_voices([], 0.5) is None
    assert two_voices([*voices(0, 0, 80, 80), [np.nan] * 4], 0.5) is not None
