"""A dataset's folder: what a commit lays out, and that a kill at any moment of it is finished by the next command."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from support.datasets import clip_of, make_dataset

from demod_voice.dataset.keeping.check import check_dataset
from demod_voice.dataset.store import Dataset
from demod_voice.errors import MediaError, OutputError, UsageError
from demod_voice.formats.dataset_manifest import Manifest
from demod_voice.media.wav import write_wav

WRITES = ("open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.truncate")
"""Audit events of the interpreter that change a file system. Source: Python's table of audit events."""


def commit(path: Path, edit: Callable[[Manifest], Manifest], message: str = "change") -> None:
    with Dataset.writing(path) as dataset:
        dataset.commit(edit(dataset.manifest()), message)


def edited(manifest: Manifest) -> Manifest:
    """One segment to quarantine, one out of it, one to another split (a leak), other words, one gone, no anchors."""
    rows = list(manifest.segments)
    rows[0] = replace(rows[0], review="rejected")
    rows[2] = replace(rows[2], review="accepted")
    rows[4] = replace(rows[4], split="test")
    rows[5] = replace(rows[5], text="Other words.")
    return replace(manifest, segments=tuple(rows[:7] + rows[8:]), anchors=(), notes=("changed",))


def everything(folder: Path) -> dict[str, bytes]:
    """Bytes of every file, without the lock and the time of day in the list of versions."""
    paths = [Path(place) / name for place, _, names in os.walk(folder, followlinks=True) for name in names]
    found = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
    versions = [json.loads(line) for line in found.pop(".demod/versions.jsonl").splitlines()]
    found["versions"] = json.dumps([{**each, "created": ""} for each in versions]).encode()
    found.pop(".demod/lock", None)
    return found


def visible(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in everything(folder).items() if not name.startswith((".demod", "versions"))}


def test_a_commit_lays_out_what_the_manifest_says(dataset):
    manifest = dataset.manifest()
    found = {str(path.relative_to(dataset.path)) for path in dataset.path.glob("[a-z]*/*.wav")}
    wanted = {each.path for each in manifest.segments} | {"ref/anchor_01.wav", "ref/anchor_02.wav"}
    assert found == wanted
    assert sum(path.startswith("quarantine/") for path in found) == 3
    for segment in manifest.segments:
        assert (dataset.path / segment.path).samefile(dataset.object_path(segment.sha256))


def test_the_layout_follows_the_manifest_and_nothing_stays_behind(dataset):
    commit(dataset.path, edited)
    manifest = dataset.manifest()
    assert manifest == edited_again(manifest)
    assert {str(path.relative_to(dataset.path)) for path in dataset.path.glob("[a-z]*/*.wav")} == {
        each.path for each in manifest.segments
    }
    assert not (dataset.path / "ref" / "metadata.jsonl").exists()
    assert manifest.segments[0].folder == "quarantine"
    assert manifest.segments[2].folder == "train"


def edited_again(manifest: Manifest) -> Manifest:
    """The manifest through its own snapshot."""
    from demod_voice.formats.dataset_manifest import manifest_of, snapshot_data

    return manifest_of(json.loads(json.dumps(snapshot_data(manifest))), "x")


def test_the_same_manifest_again_is_no_new_version(dataset):
    first = everything(dataset.path)
    commit(dataset.path, lambda manifest: manifest, "again")
    assert everything(dataset.path) == first
    assert [each.message for each in dataset.versions()] == ["dataset build"]
    commit(dataset.path, edited)
    assert [(each.version, each.message, each.segments) for each in dataset.versions()] == [
        (1, "dataset build", 12),
        (2, "change", 11),
    ]
    assert dataset.snapshot(dataset.versions()[1].manifest) == dataset.manifest()


def killed_after(count: int, path: Path) -> bool:
    """Commit in a process of its own that dies at its write number ``count``; True when it died."""
    child = os.fork()
    if child == 0:
        seen = 0

        def hook(event: str, arguments: tuple) -> None:
            nonlocal seen
            if event in WRITES and (event != "open" or arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
                seen += 1
                if seen == count:
                    os._exit(9)

        try:
            with Dataset.writing(path) as dataset:
                manifest = edited(dataset.manifest())
                sys.addaudithook(hook)
                dataset.commit(manifest, "change")
            os._exit(0)
        except BaseException:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9)
    return code == 9


@pytest.mark.slow
@pytest.mark.parametrize("links", [True, False])
def test_a_commit_killed_at_any_write_is_finished_by_the_next_command(tmp_path, other_disk, links):
    dataset = make_dataset(tmp_path / "data", segments=3, seconds=0.1, quarantined=1, anchors=1)
    place = other_disk if links else tmp_path  # a disk in memory has nothing to flush
    whole = place / "whole"
    copy_of(dataset.path, whole, None if links else other_disk)
    before = visible(whole)
    commit(whole, edited)
    after = everything(whole)
    count, finished = 1, 0
    while True:
        path = place / "killed"
        copy_of(dataset.path, path, None if links else other_disk)
        died = killed_after(count, path)
        pending = (path / ".demod" / "pending.json").is_file()
        with Dataset.writing(path) as opened:
            opened.manifest()
        if pending or not died:
            assert everything(path) == after, count
            finished += 1
        else:
            assert visible(path) == before, count
            commit(path, edited)
            assert {n: d for n, d in everything(path).items() if n != "versions"} == {
                n: d for n, d in after.items() if n != "versions"
            }
        shutil.rmtree(path)
        if not died:
            break
        count += 1 if links else 3
    assert count > 25
    assert finished > (20 if links else 5)


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on another device than the tests' own, where there is one."""
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    folder = shared / f"{tmp_path.parent.name}-{tmp_path.name}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def copy_of(source: Path, target: Path, hidden_on: Path | None) -> None:
    """A copy of a dataset; with ``hidden_on`` its hidden folder lies there, so that no clip can be linked."""
    if hidden_on is None:
        subprocess.run(["cp", "-a", source, target], check=True)
        return
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".demod"))
    hidden = hidden_on / target.name
    shutil.rmtree(hidden, ignore_errors=True)
    shutil.copytree(source / ".demod", hidden)
    (target / ".demod").symlink_to(hidden)


def test_without_hard_links_clips_are_copies_and_behave_the_same(dataset, tmp_path, other_disk):
    copy_of(dataset.path, tmp_path / "copy", other_disk)
    copied = Dataset(tmp_path / "copy")
    commit(copied.path, edited)
    commit(dataset.path, edited)
    assert visible(copied.path) == visible(dataset.path)
    segment = copied.manifest().segments[0]
    assert not (copied.path / segment.path).samefile(copied.object_path(segment.sha256))
    assert {each.kind for each in check_dataset(copied.path).findings} == {"leak"}


def test_a_clip_that_was_changed_is_put_right_by_the_next_commit(dataset, tmp_path, other_disk):
    copy_of(dataset.path, tmp_path / "copy", other_disk)
    clip = tmp_path / "copy" / dataset.manifest().segments[4].path
    good = clip.read_bytes()
    clip.write_bytes(good[:-2] + b"xx")
    commit(tmp_path / "copy", lambda manifest: replace(manifest, notes=("x",)))
    assert clip.read_bytes() == good


def test_a_dataset_copied_without_its_hidden_folder_goes_on(dataset, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(dataset.path, copy, ignore=shutil.ignore_patterns(".demod"))
    commit(copy, edited)
    commit(dataset.path, edited)
    assert visible(copy) == visible(dataset.path)
    assert [each.version for each in Dataset(copy).versions()] == [1]
    assert {each.kind for each in check_dataset(copy).findings} == {"leak"}


def test_a_clip_that_is_gone_is_named_and_nothing_changes(dataset, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(dataset.path, copy, ignore=shutil.ignore_patterns(".demod"))
    gone = copy / dataset.manifest().segments[5].path
    gone.unlink()
    before = sorted(copy.rglob("*.wav"))
    with pytest.raises(MediaError, match=gone.name) as caught:
        commit(copy, lambda manifest: replace(manifest, notes=("x",)))
    assert "dataset check" in str(caught.value.hint)
    assert [path for path in sorted(copy.rglob("*.wav")) if ".demod" not in path.parts] == before


def test_what_is_not_ours_is_left_alone(dataset):
    guest = dataset.path / "train" / "guest.wav"
    guest.write_bytes(b"mine")
    (dataset.path / "README.md").write_text("mine")
    commit(dataset.path, edited)
    assert guest.read_bytes() == b"mine"
    assert (dataset.path / "README.md").read_text() == "mine"


def test_the_same_content_is_kept_once(dataset, tmp_path):
    before = sorted(dataset.objects.rglob("*.wav"))
    segment = dataset.manifest().segments[0]
    shutil.copyfile(dataset.path / segment.path, tmp_path / "again.wav")
    assert dataset.keep(tmp_path / "again.wav") == segment.sha256
    assert sorted(dataset.objects.rglob("*.wav")) == before
    assert not (tmp_path / "again.wav").exists()
    assert dataset.holds(segment.sha256)
    assert not dataset.holds("0" * 64)


def test_a_full_disk_is_told_and_the_next_commit_goes_through(tmp_path, small_disk):
    disk = small_disk(2)
    data = make_dataset(disk / "data", recordings=2, segments=2, seconds=1.0)
    write_wav(tmp_path / "new.wav", clip_of(99, 1.0, 24000))
    filler = disk / "filler"
    first = visible(data.path)
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(512)):
            pass
    with pytest.raises(OutputError, match="the disk is full"):
        commit(data.path, lambda manifest: replace(manifest, notes=tuple(f"note {n}" for n in range(3000))))
    filler.unlink()
    with Dataset.writing(data.path) as opened:
        opened.manifest()
    assert visible(data.path) == first
    commit(data.path, lambda manifest: replace(manifest, notes=("on",)))
    assert data.manifest().notes == ("on",)


def test_a_file_that_may_not_grow_is_told(dataset):
    """As a quota or ``ulimit -f`` has it: the write fails, not the process."""
    child = os.fork()
    if child == 0:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        try:
            commit(dataset.path, edited)
        except OutputError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    commit(dataset.path, edited)
    assert {each.kind for each in check_dataset(dataset.path).findings} == {"leak"}


def test_a_damaged_list_of_versions_is_named_with_its_line(dataset):
    path = dataset.hidden / "versions.jsonl"
    for line in ('{"version": 2}', "[]", "nonsense", '{"version": "2", "manifest": "x", "created": "", "message": ""}'):
        path.write_text(f"{path.read_text().splitlines()[0]}\n{line}\n")
        with pytest.raises(UsageError, match=r"versions\.jsonl:2"):
            dataset.versions()


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: b"", lambda data: data[:40] + b"x" + data[41:]]
)
def test_a_damaged_snapshot_is_named(dataset, damage):
    path = next((dataset.hidden / "manifests").iterdir())
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UsageError, match=str(path.name)):
        dataset.snapshot(dataset.versions()[0].manifest)


def test_only_a_dataset_is_opened(tmp_path):
    for opened in (lambda: Dataset.reading(tmp_path), lambda: Dataset.writing(tmp_path).__enter__()):
        with pytest.raises(UsageError, match="is no dataset"):
            opened()
    assert list(tmp_path.iterdir()) == []
