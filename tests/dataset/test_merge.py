"""``dataset merge`` and ``clean``: every recording once, in one split; reviews follow; nothing that is needed is removed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.datasets import make_dataset

from demod_voice.api.dataset_keeping import clean_dataset, merge_datasets
from demod_voice.cli import main
from demod_voice.dataset.keeping.check import check_dataset
from demod_voice.dataset.keeping.versions import diff_versions, restore_version
from demod_voice.dataset.review.journal import Decision, Journal, read_decisions
from demod_voice.dataset.store import Dataset
from demod_voice.errors import MediaError, UsageError
from demod_voice.formats.dataset_manifest import Manifest, snapshot_data
from demod_voice.records.hashing import hash_json

pytestmark = pytest.mark.slow

WHEN = "2026-01-01T00:00:00.000Z"


@pytest.fixture
def two(tmp_path: Path) -> tuple[Dataset, Dataset]:
    """Three recordings each, none in common."""
    return make_dataset(tmp_path / "a", seed=1, name="a"), make_dataset(tmp_path / "b", seed=2, name="b")


def change(dataset: Dataset, edit: Callable[[Manifest], Manifest], message: str = "test") -> None:
    with Dataset.writing(dataset.path) as opened:
        opened.commit(edit(opened.manifest()), message)


def decide(dataset: Dataset, clip: str, action: str, before: dict, after: dict, undoes: int = 0) -> None:
    with Journal(dataset.path / "reviews.jsonl").appending() as journal:
        journal.add(Decision(WHEN, "me", clip, action, before, after, undoes))


def faults(dataset: Path) -> list[str]:
    return [each.message for each in check_dataset(dataset).faults]


def test_two_datasets_become_one_without_a_second_copy_of_a_sound(two, tmp_path):
    a, b = two
    report = merge_datasets([a.path, b.path], tmp_path / "all")
    made = Dataset(tmp_path / "all").manifest()
    wanted = {each.id: each for data in two for each in data.manifest().segments}
    assert {each.id: each for each in made.segments} == wanted
    assert (report.recordings, report.segments, report.duration_s) == (6, 24, 24.0)
    assert (made.name, made.created, made.split_method) == ("all", "2026-01-02T03:04:05Z", "recordings")
    for data in two:
        for each in data.manifest().segments:
            assert (tmp_path / "all" / each.path).samefile(data.path / each.path)
    assert [(each["name"], each["manifest"]) for each in made.parents] == [
        (data.manifest().name, hash_json(snapshot_data(data.manifest()))) for data in two
    ]
    assert made.parents[0]["manifest"] == a.versions()[-1].manifest
    assert faults(tmp_path / "all") == []
    assert any(each.startswith("settings are those of a") for each in made.notes)
    assert [each.name for each in made.anchors][:1] == ["anchor_01"]


def test_the_same_datasets_give_the_same_bytes(two, tmp_path):
    for name in ("x", "y"):
        merge_datasets([each.path for each in two], tmp_path / name, name="whole")
    files = [
        {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in (tmp_path / name).rglob("[!.]*")
            if path.is_file()
        }
        for name in ("x", "y")
    ]
    assert {key: value for key, value in files[0].items() if "versions" not in key} == {
        key: value for key, value in files[1].items() if "versions" not in key
    }


@pytest.mark.parametrize("form", [{"sample_rate": 22050}, {"encoding": "pcm_f32le"}])
def test_another_form_is_refused_and_both_are_named(two, tmp_path, form):
    odd = make_dataset(tmp_path / "odd", seed=3, **form)
    with pytest.raises(UsageError) as caught:
        merge_datasets([two[0].path, odd.path], tmp_path / "all")
    assert str(two[0].path) in caught.value.message
    assert f"{odd.path} has " in caught.value.message
    assert not (tmp_path / "all").exists()


def test_a_recording_in_both_is_kept_once(two, tmp_path):
    a, b = two
    again = make_dataset(tmp_path / "again", recordings=1, segments=2, seed=1, name="again")
    report = merge_datasets([b.path, again.path, a.path], tmp_path / "all")
    made = Dataset(tmp_path / "all").manifest()
    assert report.repeated == ("talk0.wav",)
    assert len({(each.sha256, each.channel) for each in made.recordings}) == len(made.recordings) == 6
    assert sum(each.source == again.manifest().recordings[0].id for each in made.segments) == 2
    assert faults(tmp_path / "all") == []


def test_a_recording_in_two_splits_is_an_error_and_never_a_leak(two, tmp_path):
    a, _ = two
    other = make_dataset(tmp_path / "other", recordings=1, seed=1)
    change(other, lambda manifest: moved(manifest, "test"))
    with pytest.raises(UsageError, match=r"talk0\.wav is in train of .*a, and in test of .*other"):
        merge_datasets([a.path, other.path], tmp_path / "all")
    assert not (tmp_path / "all").exists()
    merge_datasets([a.path, other.path], tmp_path / "all", resplit=True)
    made = Dataset(tmp_path / "all").manifest()
    assert {each.split for each in made.recordings} == {"train", "val", "test"}
    assert faults(tmp_path / "all") == []


def test_the_channels_of_one_file_never_part(two, tmp_path):
    """The left channel is in one dataset's train, the right one in the other's test."""

    def right(manifest: Manifest) -> Manifest:
        source = replace(manifest.recordings[0], channel="right", id="talk0-right")
        rows = tuple(
            replace(each, source="talk0-right", id=f"talk0-right_{n}") for n, each in enumerate(manifest.segments)
        )
        return moved(replace(manifest, recordings=(source,), segments=rows, dropped=()), "test")

    other = make_dataset(tmp_path / "other", recordings=1, seed=1)
    change(other, right)
    with pytest.raises(UsageError, match="train of"):
        merge_datasets([two[0].path, other.path], tmp_path / "all")
    merge_datasets([two[0].path, other.path], tmp_path / "all", resplit=True)
    splits = {each.split for each in Dataset(tmp_path / "all").manifest().recordings if each.name == "talk0.wav"}
    assert len(splits) == 1


def moved(manifest: Manifest, split: str) -> Manifest:
    return replace(
        manifest,
        recordings=tuple(replace(each, split=split) for each in manifest.recordings),
        segments=tuple(replace(each, split=split) for each in manifest.segments),
    )


def test_one_id_for_two_recordings_becomes_two(two, tmp_path):
    a, b = two
    taken = a.manifest().recordings[0].id

    def renamed(manifest: Manifest) -> Manifest:
        old = manifest.recordings[0].id
        rows = (
            replace(each, source=taken, id=each.id.replace(old, taken)) if each.source == old else each
            for each in manifest.segments
        )
        recordings = (replace(manifest.recordings[0], id=taken), *manifest.recordings[1:])
        return replace(manifest, recordings=recordings, segments=tuple(rows), dropped=())

    change(b, renamed)
    clip = b.manifest().segments[0].id
    decide(b, clip, "reject", {"review": ""}, {"review": "rejected"})
    report = merge_datasets([a.path, b.path], tmp_path / "all")
    assert report.renamed == {taken: f"{taken}-2"}
    made = {each.id: each for each in Dataset(tmp_path / "all").manifest().segments}
    assert len(made) == 24
    assert made[clip].review == ""
    assert made[clip.replace(taken, f"{taken}-2")].review == "rejected"
    assert made[clip.replace(taken, f"{taken}-2")].source == f"{taken}-2"
    assert [each.clip for each in read_decisions(tmp_path / "all" / "reviews.jsonl")] == [
        clip.replace(taken, f"{taken}-2")
    ]
    assert faults(tmp_path / "all") == []


def test_reviews_are_joined_and_an_undo_still_names_its_line(two, tmp_path):
    a, b = two
    first, second = a.manifest().segments[0].id, b.manifest().segments[5].id
    decide(a, first, "accept", {"review": ""}, {"review": "accepted"})
    decide(b, second, "text", {"text": "x"}, {"text": "Said anew.", "text_source": "review"})
    decide(b, second, "reject", {"review": ""}, {"review": "rejected"})
    decide(b, second, "undo", {"review": "rejected"}, {"review": ""}, undoes=2)
    merge_datasets([a.path, b.path], tmp_path / "all")
    made = Dataset(tmp_path / "all").manifest()
    decisions = read_decisions(tmp_path / "all" / "reviews.jsonl")
    assert [(each.clip, each.action, each.undoes) for each in decisions] == [
        (first, "accept", 0),
        (second, "text", 0),
        (second, "reject", 0),
        (second, "undo", 3),
    ]
    assert made.reviews == 4
    assert [each["reviews"] for each in made.parents] == [1, 3]
    assert {each.id: each.text for each in made.segments}[second] == "Said anew."
    assert faults(tmp_path / "all") == []


def test_a_damaged_clip_stops_the_merge_and_leaves_nothing(two, tmp_path):
    a, b = two
    clip = b.path / b.manifest().segments[3].path
    data = bytearray(clip.read_bytes())
    data[-1] ^= 1
    clip.write_bytes(bytes(data))
    with pytest.raises(MediaError, match=clip.name):
        merge_datasets([a.path, b.path], tmp_path / "all")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_folder_that_is_there_is_never_touched(two, tmp_path):
    a, b = two
    for target in (a.path, tmp_path):
        with pytest.raises(UsageError, match="is there already"):
            merge_datasets([a.path, b.path], target)
    with pytest.raises(UsageError, match="named twice"):
        merge_datasets([a.path, a.path], tmp_path / "all")


def test_a_merged_dataset_has_versions_of_its_own(two, tmp_path):
    merge_datasets([each.path for each in two], tmp_path / "all")
    merged = Dataset(tmp_path / "all")
    change(merged, lambda manifest: replace(manifest, segments=manifest.segments[:5]))
    restore_version(merged.path, "1")
    assert len(merged.manifest().segments) == 24
    assert diff_versions(merged.path, "1").is_empty


def test_clean_keeps_what_every_version_needs(dataset):
    change(dataset, lambda manifest: replace(manifest, segments=manifest.segments[1:], anchors=()))
    (dataset.hidden / "work" / "old").mkdir(parents=True)
    (dataset.hidden / "work" / "old" / "sound.wav").write_bytes(bytes(1000))
    (dataset.objects / "00").mkdir(exist_ok=True)
    (dataset.objects / "00" / f"{'0' * 64}.wav").write_bytes(bytes(500))
    done = clean_dataset(dataset.path)
    assert (done.clips, done.versions, done.freed_bytes) == (1, 0, 1500)
    assert clean_dataset(dataset.path).freed_bytes == 0
    restore_version(dataset.path, "1")
    assert check_dataset(dataset.path).findings == ()


def test_clean_to_one_version_forgets_the_others(dataset):
    gone, *_ = dataset.manifest().segments
    change(dataset, lambda manifest: replace(manifest, segments=manifest.segments[1:], anchors=()))
    size = dataset.object_path(gone.sha256).stat().st_size
    done = clean_dataset(dataset.path, keep=1)
    assert (done.clips, done.versions) == (1, 1)
    assert done.freed_bytes > size
    assert check_dataset(dataset.path).findings == ()
    for command in (lambda: restore_version(dataset.path, "1"), lambda: diff_versions(dataset.path, "1")):
        with pytest.raises(UsageError, match=r"version 1 of .* is no longer kept"):
            command()
    change(dataset, lambda manifest: replace(manifest, notes=("on",)))
    assert [each.version for each in dataset.versions()] == [1, 2, 3]
    assert not diff_versions(dataset.path, "2").is_empty


def test_clean_keeps_what_a_reviewer_trimmed_and_what_a_build_made(dataset):
    trimmed, built, dropped, *_ = dataset.manifest().segments
    window = {"sha256": trimmed.sha256, "first_sample": 0, "num_samples": 9, "start_s": 0.0, "end_s": 1.0}
    decide(dataset, trimmed.id, "trim", {"window": window}, {"window": window})
    results = dataset.hidden / "recordings"
    results.mkdir()
    for name, source, clip in (("kept", built.source, built), ("stale", "nobody", dropped)):
        (results / f"{name}.json").write_text(
            json.dumps({"recording": {"id": source}, "segments": [{"sha256": clip.sha256}]})
        )
    change(dataset, lambda manifest: replace(manifest, segments=manifest.segments[3:], anchors=(), reviews=1))
    clean_dataset(dataset.path, keep=1)
    assert [dataset.holds(each.sha256) for each in (trimmed, built, dropped)] == [True, True, False]
    assert [path.name for path in results.iterdir()] == ["kept.json"]


def test_clean_removes_nothing_when_a_version_cannot_be_read(dataset):
    change(dataset, lambda manifest: replace(manifest, segments=manifest.segments[1:], anchors=()))
    (dataset.hidden / "manifests" / f"{dataset.versions()[0].manifest}.json.gz").write_bytes(b"nonsense")
    before = sorted(path.name for path in dataset.objects.rglob("*.wav"))
    with pytest.raises(UsageError, match="cannot be read"):
        clean_dataset(dataset.path)
    with pytest.raises(UsageError, match="--keep -1"):
        clean_dataset(dataset.path, -1)
    assert sorted(path.name for path in dataset.objects.rglob("*.wav")) == before


def test_the_commands_say_what_they_did(two, tmp_path, capsys):
    a, b = two
    assert main(["dataset", "merge", str(a.path), str(b.path), "-o", str(tmp_path / "all")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'all'}: 24 segments of 6 recordings\n"
    assert main(["dataset", "clean", str(tmp_path / "all"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"clips": 0, "versions": 0, "freed_bytes": 0}
    assert main(["dataset", "merge", str(a.path), str(b.path), "-o", str(tmp_path / "all")]) == 2
    assert os.path.isdir(tmp_path / "all")


def test_notes_tell_of_the_whole_and_not_of_its_parts(two, tmp_path):
    alone = make_dataset(tmp_path / "alone", recordings=1, segments=8, seed=9, name="alone")
    single = ("there is one recording only: its splits are blocks of it",)

    def in_blocks(manifest: Manifest) -> Manifest:
        only = (replace(manifest.recordings[0], split="blocks"),)
        return replace(manifest, recordings=only, split_method="blocks", notes=single)

    change(alone, in_blocks)
    for resplit, told in ((False, 1), (True, 0)):
        target = tmp_path / f"all-{resplit}"
        report = merge_datasets([two[0].path, alone.path], target, resplit=resplit)
        assert sum("once alone" in each for each in report.notes) == told
        assert not set(single) & set(report.notes)
        assert Dataset(target).manifest().split_method == ("recordings" if resplit else "blocks")
