"""``dataset stats``, ``versions``, ``diff`` and ``restore``: counted by hand, and back to the very bytes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.datasets import make_dataset

from demod_voice.api.dataset_keeping import describe_diff, describe_stats
from demod_voice.cli import main
from demod_voice.dataset.keeping.stats import Amount, dataset_stats
from demod_voice.dataset.keeping.versions import diff_versions, find_version, restore_version
from demod_voice.dataset.review.journal import Decision, Journal
from demod_voice.dataset.review.replay import apply_reviews
from demod_voice.dataset.store import Dataset
from demod_voice.errors import MediaError, UsageError
from demod_voice.formats.dataset_manifest import Manifest


def change(dataset: Dataset, edit: Callable[[Manifest], Manifest], message: str = "test") -> None:
    with Dataset.writing(dataset.path) as opened:
        opened.commit(edit(opened.manifest()), message)


def visible(folder: Path) -> dict[str, bytes]:
    """Every visible file's bytes."""
    paths = (path for path in folder.rglob("*") if path.is_file() and ".demod" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def objects(dataset: Dataset) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in dataset.objects.rglob("*.wav")}


def edited(manifest: Manifest) -> Manifest:
    """Segment 0 has another text, 1 is rejected, 2 is gone; a gate and a note are new."""
    first, second, _, *rest = manifest.segments
    rows = (replace(first, text="Said otherwise."), replace(second, review="rejected"), *rest)
    settings = {**manifest.settings, "splits": {"gap_s": 4.0}, "lufs": -20.0}
    return replace(manifest, segments=rows, settings=settings, notes=("the val split is small",))


def test_stats_are_what_a_hand_counts(tmp_path):
    data = make_dataset(tmp_path / "data", recordings=4, segments=5, quarantined=2, speakers=("anna", "ben"))
    change(data, lambda manifest: replace(manifest, segments=spoken(manifest)))
    stats = dataset_stats(data.path)
    assert stats.kept == Amount(12, 12.0)
    assert stats.by_split == {
        "train": Amount(6, 6.0),
        "val": Amount(3, 3.0),
        "test": Amount(3, 3.0),
        "quarantine": Amount(8, 8.0),
    }
    assert stats.by_speaker == {"anna": Amount(6, 6.0), "ben": Amount(6, 6.0)}
    assert list(stats.by_recording.values()) == [Amount(3, 3.0)] * 4
    assert stats.by_reason == {"hum": 1, "rejected": 1, "snr": 7}
    assert stats.dropped_s == {"short": 2.0}
    assert stats.recorded_s == pytest.approx(4 * 8.5)
    assert stats.duration_percentiles_s["p0"] == stats.duration_percentiles_s["p100"] == 1.0
    text = stats.text
    assert (text.with_text, text.characters, text.words, text.vocabulary) == (12, 12 * 18, 48, 5)
    assert text.characters_per_s == 18.0
    head, rows = describe_stats(stats)
    assert head[1] == "kept: 12 segments, 12.0 s, 24000 Hz"
    assert ("quarantine: hum", "1", "") in rows


def spoken(manifest: Manifest) -> tuple:
    """Of the first recording's five, 3 has two reasons and 4 is rejected by hand; all say one of two texts."""
    texts = ("Don't go  there now", "DON'T go there too")
    rows = [replace(each, text=texts[n % 2]) for n, each in enumerate(manifest.segments)]
    rows[3] = replace(rows[3], reasons=("snr", "hum"))
    rows[4] = replace(rows[4], reasons=(), review="rejected")
    return tuple(rows)


def test_an_empty_dataset_has_stats(tmp_path):
    stats = dataset_stats(make_dataset(tmp_path / "data", recordings=0).path)
    assert (stats.kept, stats.duration_percentiles_s, stats.text.characters_per_s) == (Amount(0, 0.0), {}, 0.0)
    assert describe_stats(stats)[0]


def test_a_diff_names_what_changed_and_nothing_else(dataset):
    before = dataset.manifest().segments
    change(dataset, edited)
    diff = diff_versions(dataset.path, "1")
    assert (diff.added, diff.removed) == ((), (before[2].id,))
    assert {(each.segment, each.what, each.before, each.after) for each in diff.changed} == {
        (before[0].id, "text", before[0].text, "Said otherwise."),
        (before[1].id, "folder", "train", "quarantine"),
        (before[1].id, "review", "", "rejected"),
    }
    assert diff.settings == {"splits.gap_s": (10.0, 4.0), "lufs": (None, -20.0)}
    assert diff.notes == ("the val split is small",)
    assert diff_versions(dataset.path, "latest", "1").added == (before[2].id,)
    assert diff_versions(dataset.path, "2").is_empty
    assert describe_diff(diff_versions(dataset.path, "2"))[-1] == "nothing changed"
    assert f"- {before[2].id}" in describe_diff(diff)


def test_a_restored_version_has_the_first_ones_bytes_and_no_second_copy_of_a_sound(dataset):
    first, kept = visible(dataset.path), objects(dataset)
    change(dataset, edited)
    assert visible(dataset.path) != first
    version = restore_version(dataset.path, "1")
    assert visible(dataset.path) == first
    assert objects(dataset) == kept
    assert (version.version, version.message) == (3, "dataset restore 1")
    assert [each.manifest for each in dataset.versions()][::2] == [version.manifest] * 2
    for segment in dataset.manifest().segments:
        assert (dataset.path / segment.path).samefile(dataset.object_path(segment.sha256))


def test_reviews_before_a_restore_do_not_come_back(dataset):
    clip = dataset.manifest().segments[0].id
    decide(dataset, clip, "", "rejected")
    apply_reviews(dataset.path)
    decide(dataset, clip, "rejected", "accepted")
    restore_version(dataset.path, "1")
    assert apply_reviews(dataset.path).decisions == 0
    assert dataset.manifest().segments[0].review == ""
    decide(dataset, clip, "", "rejected")
    assert apply_reviews(dataset.path).changed == 1


def decide(dataset: Dataset, clip: str, before: str, after: str) -> None:
    action = {"rejected": "reject", "accepted": "accept"}[after]
    with Journal(dataset.path / "reviews.jsonl").appending() as journal:
        journal.add(Decision("2026-01-01T00:00:00.000Z", "me", clip, action, {"review": before}, {"review": after}))


def test_versions_have_three_kinds_of_names(dataset):
    change(dataset, edited)
    one, two = dataset.versions()
    assert find_version(dataset, "1") == one
    assert find_version(dataset, "latest") == two
    assert find_version(dataset, one.manifest[:8].upper()) == one
    for name in ("0", "3", "-1", one.manifest[:5], "x" * 8, "", "١"):
        with pytest.raises(UsageError, match="has no version"):
            find_version(dataset, name)


def test_a_clip_that_is_gone_stops_a_restore_before_anything_changed(dataset):
    gone = dataset.manifest().segments[2]
    change(dataset, edited)
    dataset.object_path(gone.sha256).unlink()
    now = visible(dataset.path)
    with pytest.raises(MediaError, match=gone.id):
        restore_version(dataset.path, "1")
    assert visible(dataset.path) == now
    assert len(dataset.versions()) == 2


def test_the_commands_print_for_people_and_for_machines(dataset, capsys):
    path = str(dataset.path)
    change(dataset, edited)
    assert main(["dataset", "versions", path]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["version", "1", "2"]
    assert main(["dataset", "diff", path, "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["lufs"] == [None, -20.0]
    assert main(["dataset", "restore", path, "1"]) == 0
    assert capsys.readouterr().out == f"{path} is version 3 now: 12 segments\n"
    assert main(["dataset", "stats", path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept"] == {"segments": 9, "duration_s": 9.0}
    assert main(["dataset", "check", path]) == 0
    assert capsys.readouterr().out.endswith("3 recordings, 12.0 s: 0 faults, 0 warnings\n")
    (dataset.path / "train" / "stray.wav").write_bytes(b"")
    assert main(["dataset", "check", path, "--json"]) == 6
    captured = capsys.readouterr()
    assert json.loads(captured.out)["findings"][0]["file"] == "train/stray.wav"
    assert "1 fault" in captured.err


def test_a_dataset_outside_the_allowed_folders_is_refused(dataset, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DEMOD_VOICE_PATHS__ALLOWED_ROOTS", str(tmp_path / "elsewhere"))
    for words in (["check"], ["stats"], ["versions"], ["diff", "1"], ["restore", "1"]):
        assert main(["dataset", words[0], str(dataset.path), *words[1:]]) == 2
        assert "outside the allowed folders" in capsys.readouterr().err


def test_a_copy_without_hard_links_is_restored_too(dataset, tmp_path):
    """Every clip is a file of its own, as after a copy by a tool that knows no links."""
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", "--no-preserve=links", dataset.path, copy], check=True)
    assert {path.stat().st_nlink for path in copy.rglob("*.wav")} == {1}
    first = visible(copy)
    other = Dataset(copy)
    change(other, edited)
    assert (
        len([name for name in visible(copy) if name.endswith(".wav")])
        == len([n for n in first if n.endswith(".wav")]) - 1
    )
    restore_version(copy, "1")
    assert visible(copy) == first
    assert os.listdir(copy / ".demod") != []
