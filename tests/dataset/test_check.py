"""``dataset check``: a sound dataset has no finding, and each kind of damage is found, named, and nothing else is."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.datasets import clip_of, make_dataset

from demod_voice.api.dataset_keeping import dataset_stats
from demod_voice.audio.clip import Clip
from demod_voice.config.settings import DEFAULTS
from demod_voice.dataset.keeping.check import check_dataset
from demod_voice.dataset.keeping.findings import require_sound
from demod_voice.dataset.keeping.fingerprints import ALIKE, fingerprint, likeness
from demod_voice.dataset.review.journal import Decision, Journal
from demod_voice.dataset.store import Dataset
from demod_voice.errors import QualityError, UsageError
from demod_voice.formats.dataset_manifest import Manifest
from demod_voice.media.foreign import decode
from demod_voice.media.wav import read_wav, write_wav


def kinds(dataset: Dataset) -> set[tuple[str, str]]:
    return {(each.severity, each.kind) for each in check_dataset(dataset.path).findings}


def change(dataset: Dataset, edit: Callable[[Manifest], Manifest]) -> None:
    with Dataset.writing(dataset.path) as opened:
        opened.commit(edit(opened.manifest()), "test")


def with_segment(manifest: Manifest, number: int, **values: object) -> Manifest:
    rows = list(manifest.segments)
    rows[number] = replace(rows[number], **values)
    return replace(manifest, segments=tuple(rows))


def test_a_sound_dataset_has_no_finding(dataset):
    report = check_dataset(dataset.path)
    assert report.findings == ()
    assert (report.clips, report.recordings) == (12, 3)
    assert report.duration_s == pytest.approx(12.0)
    require_sound(report)


def test_damage_to_a_clip_is_found_in_its_own_words(dataset):
    manifest = dataset.manifest()
    paths = [dataset.path / each.path for each in manifest.segments if each.folder == "train"]
    for path in paths:
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
    flipped = bytearray(paths[0].read_bytes())
    flipped[5000] ^= 4
    paths[0].write_bytes(bytes(flipped))
    paths[1].write_bytes(paths[1].read_bytes()[:-1000])
    paths[2].unlink()
    (dataset.path / "val" / "guest.wav").write_bytes(paths[0].read_bytes())
    (dataset.path / "val" / "notes.txt").write_text("mine")
    found = {(each.severity, each.kind, each.file, each.message) for each in check_dataset(dataset.path).findings}
    first, second, third = (str(path.relative_to(dataset.path)) for path in paths)
    assert found == {
        ("fault", "hash", first, "its bytes are not the ones that were kept"),
        ("fault", "hash", second, "its bytes are not the ones that were kept"),
        ("fault", "header", second, "it is shorter than its header says"),
        ("fault", "missing", third, "the clip is missing"),
        ("fault", "stray", "val/guest.wav", "no row names it"),
        ("warning", "stray", "val/notes.txt", "no row names it"),
    }


@pytest.mark.parametrize(
    ("clip", "encoding", "told"),
    [
        (clip_of(9, 1.0, 22050), "pcm_s16le", "it has 22050 Hz, 1 channels, pcm_s16le"),
        (clip_of(9, 1.0, 24000), "pcm_f32le", "it has 24000 Hz, 1 channels, pcm_f32le"),
        (Clip(np.tile(clip_of(9, 1.0, 24000).samples, (2, 1)), 24000), "pcm_s16le", "it has 24000 Hz, 2 channels"),
        (clip_of(9, 1.01, 24000), "pcm_s16le", "it is 1.010 s long; its row says 1.000 s"),
    ],
)
def test_a_clip_of_another_form_is_found(dataset, tmp_path, clip, encoding, told):
    write_wav(tmp_path / "odd.wav", clip, encoding)
    sha256 = dataset.keep(tmp_path / "odd.wav")
    change(dataset, lambda manifest: with_segment(manifest, 2, sha256=sha256))
    findings = check_dataset(dataset.path).findings
    assert len(findings) == 1
    assert findings[0].message.startswith(told)
    with pytest.raises(QualityError, match="1 fault"):
        require_sound(check_dataset(dataset.path))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"start_s": -0.5, "end_s": 0.5}, "is not inside its recording"),
        ({"start_s": 6.5, "end_s": 7.5}, "is not inside its recording"),
        ({"end_s": 1.9}, "0.500-1.900 s is not 1.000 s long"),
        ({"start_s": 1.6, "end_s": 2.6}, "its first 0.600 s are also in train/"),
        ({"source": "nobody"}, "its recording nobody is not in dataset.json"),
        ({"split": "test"}, "its recording talk0-2038a3 belongs to train, this clip to test"),
    ],
)
def test_a_row_that_cannot_be_true_is_found(dataset, values, told):
    change(dataset, lambda manifest: with_segment(manifest, 0, **values))
    messages = [each.message for each in check_dataset(dataset.path).findings if each.severity == "fault"]
    assert len(messages) == 1
    assert told in messages[0]


def test_rows_that_were_taken_away_are_missed(dataset):
    rows = dataset.path / "train" / "metadata.jsonl"
    rows.write_text("".join(rows.read_text().splitlines(keepends=True)[1:]))
    found = kinds(dataset)
    assert found == {("fault", "counts"), ("fault", "stray"), ("warning", "anchor")}


def test_a_damaged_row_is_named_with_its_line(dataset):
    rows = dataset.path / "val" / "metadata.jsonl"
    rows.write_text(rows.read_text() + "{broken\n")
    report = check_dataset(dataset.path)
    assert [each.kind for each in report.findings] == ["rows"]
    assert f"{rows}:4" in report.findings[0].message


def test_the_same_clip_in_two_splits_is_a_leak_and_in_one_a_warning(dataset):
    train, val = dataset.manifest().segments[0], dataset.manifest().segments[4]
    change(dataset, lambda manifest: with_segment(manifest, 4, sha256=train.sha256))
    assert kinds(dataset) == {("fault", "same-clip")}
    change(dataset, lambda manifest: with_segment(manifest, 4, sha256=val.sha256))
    change(dataset, lambda manifest: with_segment(manifest, 1, sha256=train.sha256))
    assert kinds(dataset) == {("warning", "same-clip")}


def test_the_same_file_under_two_names_is_a_leak(dataset):
    def doubled(manifest: Manifest) -> Manifest:
        first, second, *rest = manifest.recordings
        return replace(manifest, recordings=(first, replace(second, sha256=first.sha256), *rest))

    change(dataset, doubled)
    found = [each for each in check_dataset(dataset.path).findings if each.severity == "fault"]
    assert len(found) == 1
    assert "talk0.wav, mix) and talk1" in found[0].message
    assert found[0].message.endswith("are the same file, in train, val")


def test_two_channels_of_one_file_belong_to_one_split(tmp_path):
    def channels(manifest: Manifest) -> Manifest:
        one, other = manifest.recordings
        return replace(
            manifest, recordings=(replace(one, channel="left"), replace(other, channel="right", sha256=one.sha256))
        )

    data = make_dataset(tmp_path / "data", recordings=2)
    change(data, channels)
    assert kinds(data) == {("fault", "same-recording")}
    change(data, lambda manifest: moved_to(manifest, "train"))
    assert kinds(data) == set()


def moved_to(manifest: Manifest, split: str) -> Manifest:
    return replace(
        manifest,
        recordings=tuple(replace(each, split=split) for each in manifest.recordings),
        segments=tuple(replace(each, split=split) for each in manifest.segments),
    )


@pytest.mark.parametrize(("gap_s", "wanted"), [(0.5, set()), (0.6, {("fault", "leak")})])
def test_blocks_of_one_recording_keep_their_gap(tmp_path, gap_s, wanted):
    """Clips of the fixture are 0.5 s apart."""

    def blocks(manifest: Manifest) -> Manifest:
        splits = ("train", "train", "val", "test")
        rows = (replace(each, split=split) for each, split in zip(manifest.segments, splits, strict=True))
        source = replace(manifest.recordings[0], split="blocks")
        settings = {**manifest.settings, "splits": {"gap_s": gap_s}}
        return replace(manifest, settings=settings, recordings=(source,), segments=tuple(rows), split_method="blocks")

    data = make_dataset(tmp_path / "data", recordings=1)
    change(data, blocks)
    assert kinds(data) == wanted


def test_nearly_the_same_text_in_two_splits_is_a_warning(dataset):
    text = dataset.manifest().segments[0].text
    change(dataset, lambda manifest: with_segment(manifest, 5, text=text.replace(" ", " really, ", 1).upper()))
    assert kinds(dataset) == {("warning", "same-text")}
    change(dataset, lambda manifest: with_segment(manifest, 5, text="Nobody said anything like that before, ever."))
    assert kinds(dataset) == set()


@pytest.mark.slow
@pytest.mark.parametrize(("kbps", "gain", "cut_s"), [(32, 1.0, 0.0), (64, 0.25, 0.05), (128, 0.6, 0.1)])
def test_a_re_encoding_under_another_name_is_found(tmp_path, kbps, gain, cut_s):
    """Every clip of the second recording through MP3, at another level and cut elsewhere, in place of the first's."""
    data = make_dataset(tmp_path / "data", recordings=2, segments=3, seconds=2.5)
    manifest = data.manifest()
    rows = list(manifest.segments)
    for place in range(3):
        clip = through_mp3(read_wav(data.path / rows[place].path), kbps, gain, cut_s, tmp_path)
        write_wav(tmp_path / "again.wav", clip)
        length = clip.num_samples / clip.sample_rate
        old = rows[3 + place]
        sha256 = data.keep(tmp_path / "again.wav")
        rows[3 + place] = replace(old, sha256=sha256, duration_s=length, end_s=old.start_s + length)
    change(data, lambda manifest: replace(manifest, segments=tuple(rows)))
    findings = check_dataset(data.path).findings
    assert [(each.severity, each.kind) for each in findings] == [("fault", "same-sound")]
    assert "and 2 more clips" in findings[0].message


def through_mp3(clip: Clip, kbps: int, gain: float, cut_s: float, folder: Path) -> Clip:
    import lameenc

    encoder = lameenc.Encoder()
    encoder.set_bit_rate(kbps)
    encoder.set_in_sample_rate(clip.sample_rate)
    encoder.set_channels(1)
    encoder.silence()
    pcm = np.rint(clip.samples[0] * gain * 32767).astype("<i2").tobytes()
    (folder / "x.mp3").write_bytes(bytes(encoder.encode(pcm) + encoder.flush()))
    decode(folder / "x.mp3", folder / "x.wav", clip.sample_rate, DEFAULTS.limits)
    samples = read_wav(folder / "x.wav").samples[:, round(cut_s * clip.sample_rate) :]
    return Clip(np.ascontiguousarray(samples), clip.sample_rate)


@pytest.mark.slow
def test_other_speech_and_silence_are_never_the_same_sound():
    clips = [clip_of(seed, 3.0, 24000).samples for seed in range(16)]
    alike = [likeness(one, other, 24000) for n, one in enumerate(clips) for other in clips[:n]]
    assert max(alike) < ALIKE - 0.2
    assert not fingerprint(np.zeros((1, 96000), np.float32), 24000).any()
    assert not fingerprint(np.zeros((1, 10), np.float32), 24000).any()


def test_an_interrupted_change_is_told(dataset):
    (dataset.hidden / "pending.json").write_text("{}")
    assert kinds(dataset) == {("fault", "interrupted")}


def test_decisions_that_are_not_in_the_rows_are_told(dataset):
    journal = dataset.path / "reviews.jsonl"
    with Journal(journal).appending() as opened:
        opened.add(Decision("2026-01-01T00:00:00.000Z", "me", "x", "accept", {"review": ""}, {"review": "accepted"}))
    assert kinds(dataset) == {("warning", "reviews")}
    dataset_stats(dataset.path)
    assert kinds(dataset) == set()
    journal.write_text(journal.read_text() + "nonsense\n")
    assert kinds(dataset) == {("fault", "reviews")}


def test_a_damaged_snapshot_is_a_warning(dataset):
    snapshot = next((dataset.hidden / "manifests").iterdir())
    snapshot.write_bytes(b"nonsense")
    assert kinds(dataset) == {("warning", "version")}


def test_a_dataset_without_its_hidden_folder_is_sound(dataset, tmp_path):
    subprocess.run(["cp", "-r", dataset.path, tmp_path / "copy"], check=True)
    subprocess.run(["rm", "-r", tmp_path / "copy" / ".demod"], check=True)
    assert check_dataset(tmp_path / "copy").findings == ()


def test_no_dataset_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="is no dataset"):
        check_dataset(tmp_path)


@pytest.mark.slow
def test_an_hour_of_clips_is_checked_in_a_second(tmp_path):
    """Two minutes here: 0.9 s of processor time were measured for an hour, so 0.3 s for two minutes are thrice as slow."""
    data = make_dataset(tmp_path / "data", recordings=3, segments=4, seconds=10.0)
    check_dataset(data.path)
    begin = time.process_time()
    check_dataset(data.path)
    assert time.process_time() - begin < 0.3
