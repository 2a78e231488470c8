"""Export: heard after encoding, corrected once, and honest about a miss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
from support.signals import speechlike, wav

from demod_voice.config.settings import Settings
from demod_voice.errors import MediaError
from demod_voice.media.encode import LOSSY, decoded_blocks
from demod_voice.media.tags import ChapterMark, Tags
from demod_voice.mix.loudness import measure
from demod_voice.mix.master import master
from demod_voice.publish import export as exporting
from demod_voice.publish.export import ExportReport, Master, export
from demod_voice.publish.hearing import hear
from demod_voice.publish.levels import level_step

RATE = 24000
SETTINGS = Settings()


@pytest.fixture(scope="module")
def master_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("master")
    premix = wav(folder / "premix.wav", speechlike(1, 20.0, RATE), RATE)
    assert master(premix, folder / "master.wav", -19.0, -1.0, 1).on_target
    return folder / "master.wav"


def exported(master_wav: Path, out: Path, settings: Settings = SETTINGS, target: float = -19.0) -> ExportReport:
    marks = (ChapterMark(0.0, 20.0, "One"),)
    found = measure(master_wav)
    source = Master(master_wav, found.lufs, found.true_peak_dbtp, target, "")
    return export(source, out, out.suffix[1:], settings, Tags(title="A show"), marks)


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "m4a", "opus", "ogg"])
def test_every_format_is_on_target_to_another_meter(master_wav: Path, tmp_path: Path, format: str) -> None:
    report = exported(master_wav, tmp_path / f"x.{format}")
    clips = list(decoded_blocks(report.path))
    sound = np.concatenate([clip.samples for clip in clips], axis=1)[0].astype(np.float64)
    heard = pyloudnorm.Meter(clips[0].sample_rate, filter_class="DeMan").integrated_loudness(sound)
    assert report.within
    assert heard == pytest.approx(-19.0, abs=0.3 if format in LOSSY else 0.1)
    assert report.lufs == pytest.approx(heard, abs=0.05)
    assert report.duration_s == pytest.approx(20.0, abs=0.15)


@pytest.mark.parametrize("format", ["mp3", "m4a", "opus"])
def test_one_encode_is_enough_with_the_known_step(master_wav: Path, tmp_path: Path, format: str) -> None:
    report = exported(master_wav, tmp_path / f"x.{format}")
    assert (report.encodes, report.corrected_db) == (1, 0.0)
    known_db = -level_step(format, SETTINGS.encode, 1, RATE)
    assert report.gain_db in (round(known_db, 3), round(known_db - exporting.HEADROOM_DB, 3))


@pytest.mark.parametrize(("peak", "tolerance", "expected"), [(-1.0, 0.3, 0.15), (-1.6, 0.3, 0.0), (-1.0, 0.1, 0.05)])
def test_peaks_at_the_ceiling_get_room(peak: float, tolerance: float, expected: float) -> None:
    given = replace(SETTINGS, loudness=replace(SETTINGS.loudness, tolerance_lu=tolerance))
    assert exporting._headroom(Master(Path("m.wav"), -19.0, peak, -19.0, ""), given) == pytest.approx(expected)


def test_a_step_that_is_not_known_is_corrected(
    master_wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "level_step", lambda *_: 2.0)
    report = exported(master_wav, tmp_path / "x.mp3")
    assert 2 <= report.encodes <= 3
    assert report.corrected_db == pytest.approx(2.5, abs=0.3)
    assert report.gain_db == pytest.approx(report.corrected_db - 2.0, abs=0.151)
    assert report.within
    assert abs(report.lufs + 19.0) < 0.3


def test_it_is_encoded_three_times_at_most(master_wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "_correction", lambda *_: -0.5)
    assert exported(master_wav, tmp_path / "x.mp3").encodes == 3


@pytest.mark.parametrize(
    ("lufs", "true_peak_dbtp", "expected"),
    [
        (-19.1, -2.0, 0.0),  # both in order
        (-19.5, -1.5, 0.5),  # too soft, with room
        (-18.5, -0.6, -0.5),  # too loud: the peak comes down with it
        (-19.0, -0.6, 0.0),  # a peak over the ceiling, as far as an encoder may
        (-19.0, -0.4, -0.15),  # further, with loudness to spare
        (-19.2, -0.1, -0.04),  # only what the tolerance leaves
        (-19.5, -0.9, 0.5 - 0.15),  # both
        (-19.5, -0.2, 0.5 - 0.24),  # both: loudness first
    ],
)
def test_the_correction_weighs_loudness_and_peak(lufs: float, true_peak_dbtp: float, expected: float) -> None:
    heard = exporting.Heard(lufs, true_peak_dbtp, 1.0)
    assert exporting._correction(heard, -19.0, SETTINGS) == pytest.approx(expected, abs=1e-6)


def test_a_miss_that_cannot_be_mended_is_said(master_wav: Path, tmp_path: Path) -> None:
    """The peaks leave no room for ten decibels."""
    assert not exported(master_wav, tmp_path / "x.mp3", target=-9.0).within


def test_a_lossless_file_is_never_changed(master_wav: Path, tmp_path: Path) -> None:
    report = exported(master_wav, tmp_path / "x.flac", target=-15.0)
    assert report.corrected_db == 0.0
    assert not report.within


def test_the_tolerance_is_the_setting_s(master_wav: Path, tmp_path: Path) -> None:
    narrow = replace(SETTINGS, loudness=replace(SETTINGS.loudness, tolerance_lu=0.05))
    wide = replace(SETTINGS, loudness=replace(SETTINGS.loudness, tolerance_lu=3.0))
    assert exported(master_wav, tmp_path / "a.mp3", narrow, -19.5).corrected_db != 0.0
    assert exported(master_wav, tmp_path / "b.mp3", wide, -19.5).corrected_db == 0.0


def test_silence_is_not_corrected(tmp_path: Path) -> None:
    quiet = wav(tmp_path / "m.wav", np.zeros((1, RATE), np.float32), RATE, "pcm_s16le")
    report = exported(quiet, tmp_path / "x.mp3")
    assert report.corrected_db == 0.0
    assert not report.within


def test_a_file_that_lost_its_end_is_an_error(
    master_wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = wav(tmp_path / "short.wav", np.zeros((1, RATE), np.float32), RATE, "pcm_s16le")
    encode = exporting.encode
    monkeypatch.setattr(exporting, "encode", lambda _, *given: encode(short, *given))
    with pytest.raises(MediaError, match=r"x\.flac is 1\.00 s long, its master 20\.00 s"):
        exported(master_wav, tmp_path / "x.flac")


@pytest.mark.parametrize("channels", [1, 2])
def test_an_mp3_that_is_heard_as_it_is_made_measures_as_its_file_does(tmp_path: Path, channels: int) -> None:
    sound = np.repeat(speechlike(2, 4.0, RATE, 0.1), channels, axis=0)
    source = wav(tmp_path / "m.wav", sound, RATE, "pcm_s16le")
    found = measure(source)
    report = export(Master(source, found.lufs, 0.0, found.lufs, ""), tmp_path / "x.mp3", "mp3", SETTINGS, Tags(), ())
    after = hear(tmp_path / "x.mp3", channels)
    assert (report.lufs, report.true_peak_dbtp, report.duration_s) == (
        after.lufs,
        after.true_peak_dbtp,
        after.duration_s,
    )
