"""Recordings become a dataset: what is written is what the rows say, and nothing is done twice."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import fftconvolve
from support.corpus import RATE, Made, make, write
from support.signals import noise, wav

from demod_voice.api.datasets import add_recordings, build_dataset, rejudge_dataset, require_all
from demod_voice.audio.clip import Clip
from demod_voice.audio.resample import resample
from demod_voice.config import load_settings
from demod_voice.dataset.store import Dataset
from demod_voice.errors import EngineNotInstalled, MediaError, QualityError, UsageError
from demod_voice.formats.dataset_manifest import SPLITS, read_manifest
from demod_voice.media.wav import read_wav, wav_info
from demod_voice.records.hashing import hash_file
from demod_voice.records.progress import Silent


@pytest.fixture(scope="module")
def talks(tmp_path_factory, module_engines) -> dict[str, Made]:
    """Three recordings of 40 s, in three formats, with subtitles and truth."""
    folder = tmp_path_factory.mktemp("talks")
    made = {}
    for number, suffix in enumerate((".mp3", ".flac", ".m4a"), 1):
        name = f"talk-{number}"
        made[name] = make(number, 40.0, speakers=1)
        write(folder, name, made[name], suffix)
        (folder / f"{name}.rttm").unlink()
    made["folder"] = folder
    return made


@pytest.fixture(scope="module")
def built(talks, tmp_path_factory, module_engines) -> Path:
    out = tmp_path_factory.mktemp("built") / "voice"
    report = build_dataset([talks["folder"]], out, settings=load_settings(jobs=2), speaker="anna", report=False)
    assert report.made == 3
    return out


def files(folder: Path) -> dict[str, str]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and ".demod" not in path.parts)
    return {str(path.relative_to(folder)): hash_file(path) for path in found}


def test_rows_describe_the_files_that_are_there(built):
    manifest = read_manifest(built)
    assert len(manifest.segments) >= 6
    for segment in manifest.segments:
        info = wav_info(built / segment.path)
        assert (info.sample_rate, info.num_channels, info.encoding) == (24000, 1, "pcm_s16le")
        assert info.num_samples == round(segment.duration_s * 24000)
        assert segment.end_s - segment.start_s == pytest.approx(segment.duration_s, abs=2e-6)
        assert hash_file(built / segment.path) == segment.sha256


def test_audiofolder_rows_stand_beside_their_clips(built):
    for split in SPLITS:
        rows = [json.loads(line) for line in (built / split / "metadata.jsonl").read_text().splitlines()]
        assert {row["file_name"] for row in rows} == {path.name for path in (built / split).glob("*.wav")}
        assert all({"text", "speaker", "source", "start_s", "end_s", "duration_s", "qc"} <= set(row) for row in rows)


def test_clips_sound_like_the_time_of_the_recording_that_they_name(built, talks):
    manifest = read_manifest(built)
    for segment in manifest.segments[::3]:
        name = segment.source.rsplit("-", 1)[0]
        clip = read_wav(built / segment.path)
        first = round(segment.start_s * RATE)
        part = talks[name].clip.samples[0, first : first + round(segment.duration_s * RATE)]
        lag_s, likeness = best_lag(clip.samples[0], resample(Clip(part.reshape(1, -1), RATE), 24000).samples[0])
        assert 0.0 <= lag_s < 0.03  # what an MP3 or AAC encoder puts before the first sample
        assert likeness > 0.85


def best_lag(one, other) -> tuple[float, float]:
    """Seconds that ``one`` is later than ``other``, and their correlation there."""
    count = min(len(one), len(other))
    found = fftconvolve(one[:count], other[:count][::-1])
    lag = int(found.argmax()) - (count - 1)
    level = np.sqrt(np.sum(one[:count].astype(float) ** 2) * np.sum(other[:count].astype(float) ** 2))
    return lag / 24000, float(found.max() / level)


def test_no_word_is_cut_and_texts_are_those_that_were_said(built, talks):
    manifest = read_manifest(built)
    for segment in manifest.segments:
        words = talks[segment.source.rsplit("-", 1)[0]].words
        for edge in (segment.start_s, segment.end_s):
            assert not [word for word in words if word.start_s + 0.03 < edge < word.end_s - 0.03]
        inside = [word.text for word in words if segment.start_s <= word.start_s and word.end_s <= segment.end_s]
        assert plain(segment.text) == plain(" ".join(inside))
        assert segment.text_source == "subtitles"


def plain(text: str) -> str:
    return " ".join("".join(letter for letter in text.lower() if letter.isalnum() or letter == " ").split())


def test_each_recording_is_as_loud_as_asked(built):
    for recording in read_manifest(built).recordings:
        after = next(each["after"] for each in recording.cleaning["steps"] if each["name"] == "loudness")
        assert after["lufs"] == pytest.approx(-19.0, abs=0.1)
        assert after["true_peak_dbtp"] <= -0.99


def test_a_rebuild_does_nothing_again_and_changes_nothing(built, talks):
    before = files(built)
    report = build_dataset([talks["folder"]], built, settings=load_settings(jobs=1), speaker="anna", report=False)
    assert (report.made, report.reused) == (0, 3)
    assert files(built) == before
    assert len(Dataset.reading(built).versions()) == 1


@pytest.mark.slow
def test_jobs_and_order_change_no_byte(built, talks, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    given = sorted(path for path in talks["folder"].iterdir() if path.suffix in (".mp3", ".flac", ".m4a"))
    one, other = tmp_path / "one", tmp_path / "other"
    for out, jobs, order in ((one, 1, 1), (other, 3, -1)):
        build_dataset(given[::order], out, settings=load_settings(jobs=jobs), name="x", report=False)
    assert files(one) == files(other)


@pytest.mark.slow
def test_adding_costs_the_new_recording_only(talks, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    given = sorted(path for path in talks["folder"].iterdir() if path.suffix in (".mp3", ".flac", ".m4a"))
    out = tmp_path / "voice"
    build_dataset(given[:2], out, settings=load_settings(), report=False)
    before = {each.id: each for each in read_manifest(out).segments}
    report = add_recordings(out, given[1:], settings=load_settings(), report=False)
    assert (report.made, report.reused) == (1, 0)
    assert [name for name, _ in report.repeated] == [given[1].name]
    after = {each.id: each for each in read_manifest(out).segments}
    assert {name: after[name] for name in before} == before
    assert {each.source for each in after.values()} > {each.source for each in before.values()}


@pytest.mark.slow
def test_rejudging_moves_clips_and_reads_no_sound(built, talks, tmp_path):
    out = tmp_path / "copy"
    build_dataset([talks["folder"]], out, settings=load_settings(), speaker="anna", report=False)
    kept = [each for each in read_manifest(out).segments if not each.quarantined]
    limit = sorted(each.qc["snr_db"] for each in kept)[len(kept) // 2]
    times = {path: os.stat(path).st_mtime_ns for path in (out / ".demod/objects").rglob("*.wav")}
    done = rejudge_dataset(out, settings=load_settings(dataset__gates__snr_min_db=limit))
    assert set(done.rejected) == {each.id for each in kept if each.qc["snr_db"] < limit}
    for segment in read_manifest(out).segments:
        assert (out / segment.path).is_file()
    assert {path: os.stat(path).st_mtime_ns for path in times} == times
    back = rejudge_dataset(out, settings=load_settings())
    assert set(back.accepted) == set(done.rejected)


@pytest.mark.slow
def test_a_bad_file_is_named_and_the_rest_goes_on(talks, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/empty.mp3").touch()
    (tmp_path / "in/good.mp3").write_bytes((talks["folder"] / "talk-1.mp3").read_bytes())
    (tmp_path / "in/broken.m4a").write_bytes((talks["folder"] / "talk-3.m4a").read_bytes()[:20000])
    report = build_dataset([tmp_path / "in"], tmp_path / "voice", settings=load_settings(), text=False, report=False)
    assert {name for name, _ in report.failed} == {"empty.mp3", "broken.m4a"}
    assert {each["name"] for each in read_manifest(tmp_path / "voice").skipped} == {"empty.mp3", "broken.m4a"}
    with pytest.raises(QualityError, match="2 of the recordings could not be used"):
        require_all(report)


def test_nothing_is_changed_when_no_file_can_be_used(tmp_path):
    (tmp_path / "empty.mp3").touch()
    with pytest.raises(MediaError, match="none of the recordings can be used"):
        build_dataset([tmp_path / "empty.mp3"], tmp_path / "voice", settings=load_settings(), text=False, report=False)
    assert not (tmp_path / "voice").exists()


def test_a_dataset_does_not_lie_in_another(built, talks):
    with pytest.raises(UsageError, match="lies inside the dataset"):
        build_dataset([talks["folder"]], built / "inner", settings=load_settings(), report=False)


def test_a_folder_that_holds_something_else_is_refused(talks, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/a.txt").write_text("dear")
    with pytest.raises(UsageError, match="is not empty, and no dataset"):
        build_dataset([talks["folder"]], tmp_path / "letters", settings=load_settings(), report=False)


@pytest.mark.slow
def test_silence_gives_a_dataset_that_says_what_was_not_found(tmp_path):
    wav(tmp_path / "hiss.wav", noise(1, 20.0, -70.0, 44100), 44100)
    report = build_dataset(
        [tmp_path / "hiss.wav"], tmp_path / "voice", settings=load_settings(), text=False, report=False
    )
    assert report.manifest.segments == ()


@pytest.mark.slow
def test_stereo_can_be_split_into_two_speakers(tmp_path, talks):
    left, right = talks["talk-1"].clip, talks["talk-2"].clip
    count = min(left.num_samples, right.num_samples)
    both = np.concatenate([left.samples[:, :count], right.samples[:, :count]])
    wav(tmp_path / "pair.wav", both, 44100, "pcm_s16le")
    settings = load_settings(dataset__channels="split")
    report = build_dataset([tmp_path / "pair.wav"], tmp_path / "voice", settings=settings, text=False, report=False)
    assert [each.channel for each in report.manifest.recordings] == ["left", "right"]
    assert {each.speaker for each in report.manifest.segments} == {"left", "right"}
    assert replace(report.manifest.recordings[0], split="").num_channels == 2


@pytest.mark.slow
def test_paths_may_be_relative_to_where_one_is(talks, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/talk.flac").write_bytes((talks["folder"] / "talk-2.flac").read_bytes())
    monkeypatch.chdir(tmp_path)
    report = build_dataset(["in"], "voice", settings=load_settings(), text=False)
    assert report.manifest.recordings[0].degraded == ()
    assert (tmp_path / "voice/report/index.html").stat().st_size > 10000
    written = (tmp_path / "voice/report/index.html").stat().st_mtime_ns
    build_dataset(["in"], "voice", settings=load_settings(), text=False)
    assert (tmp_path / "voice/report/index.html").stat().st_mtime_ns == written


def test_a_file_that_goes_while_others_are_made_is_named(talks, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        (tmp_path / f"in/{name}.flac").write_bytes((talks["folder"] / "talk-2.flac").read_bytes() + name.encode())

    class Removing(Silent):
        def start(self, step: str, total: float, unit: str = "") -> None:
            if step == "recordings":
                (tmp_path / "in/b.flac").unlink()

    report = build_dataset(
        [tmp_path / "in"], tmp_path / "x", settings=load_settings(), text=False, report=False, progress=Removing()
    )
    assert report.failed == (("b.flac", "is gone: it was there when the build began"),)
    assert report.made == 1


def test_asking_for_a_speaker_says_what_that_needs(talks, tmp_path):
    (tmp_path / "refs").mkdir()
    (tmp_path / "refs/anna.flac").write_bytes((talks["folder"] / "talk-2.flac").read_bytes())
    with pytest.raises(EngineNotInstalled) as told:
        build_dataset([talks["folder"]], tmp_path / "x", settings=load_settings(), speaker_refs=tmp_path / "refs")
    assert "--speaker-refs" in told.value.hint
    assert not (tmp_path / "x/dataset.json").exists()
