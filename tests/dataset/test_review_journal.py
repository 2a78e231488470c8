"""The journal of reviews: nothing that was written is lost, a torn end is no decision, and replaying is a function."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.datasets import make_dataset

from demod_voice.dataset.review.journal import FILE, Decision, Journal, read_decisions
from demod_voice.dataset.review.replay import apply_reviews, count_decisions, replay
from demod_voice.dataset.review.window import Window, samples_of
from demod_voice.dataset.store import Dataset
from demod_voice.errors import MediaError, OutputError, UsageError
from demod_voice.formats.dataset_manifest import Anchor, Manifest, Recording, Segment
from demod_voice.media.wav import wav_info

IDS = ("a", "b", "c", "gone")
WINDOWS = [Window("0" * 64, 0, 100, 1.0, 2.0), Window("0" * 64, 10, 50, 1.1, 1.6), Window("1" * 64, 5, 5, 1.2, 1.3)]
changes = st.fixed_dictionaries(
    {},
    optional={
        "review": st.sampled_from(["", "accepted", "rejected"]),
        "text": st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        "window": st.sampled_from([each.row() for each in WINDOWS]),
    },
)
decisions = st.builds(
    Decision,
    when=st.just("2026-01-02T03:04:05.678Z"),
    who=st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    clip=st.sampled_from(IDS),
    action=st.sampled_from(["accept", "reject", "text", "trim", "undo"]),
    before=changes,
    after=changes,
    undoes=st.integers(0, 9),
)


def append(path: Path, *wanted: Decision) -> Journal:
    journal = Journal(path)
    for each in wanted:
        with journal.appending() as page:
            page.add(each)
    return journal


def decision(clip: str = "a", action: str = "accept", **after: object) -> Decision:
    return Decision("2026-01-02T03:04:05.678Z", "ann", clip, action, {}, after or {"review": "accepted"})


def manifest() -> Manifest:
    source = Recording("r", "r.wav", "f" * 64, 60.0, 24000, 1, "pcm_s16le")
    rows = [
        Segment(name, "r", place * 5.0, place * 5.0 + 2, 2.0, f"text {name}", "ann", "train", str(place) * 64)
        for place, name in enumerate(IDS[:3])
    ]
    anchors = (Anchor("anchor_01", "a", "ann", "text a", "0" * 64, 2.0),)
    return Manifest("d", "2026", 24000, "pcm_s16le", {}, (source,), tuple(rows), anchors=anchors)


@given(st.lists(decisions, max_size=12))
def test_what_was_written_is_read(tmp_path_factory, wanted):
    path = tmp_path_factory.mktemp("j") / FILE
    append(path, *wanted)
    assert read_decisions(path) == wanted
    assert path.read_bytes().count(b"\n") == len(wanted) if wanted else not path.exists()


@given(st.lists(decisions, min_size=1, max_size=6), st.data())
def test_a_file_cut_anywhere_keeps_every_whole_line_and_goes_on(tmp_path_factory, wanted, data):
    path = tmp_path_factory.mktemp("j") / FILE
    append(path, *wanted)
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    left = wanted[: whole[:cut].count(b"\n")]
    assert read_decisions(path) == left
    append(path, decision("b"))
    assert read_decisions(path) == [*left, decision("b")]


@given(st.lists(decisions, max_size=10), st.integers(0, 10))
def test_replaying_in_two_parts_is_replaying_at_once(wanted, place):
    def keep(window: Window) -> str:
        return f"{window.first_sample:064d}"

    at_once = replay(manifest(), wanted, keep)
    assert replay(replay(manifest(), wanted[:place], keep), wanted[place:], keep) == at_once
    assert at_once.reviews == len(wanted)
    assert [each.id for each in at_once.segments if each.id not in {d.clip for d in wanted}] == [
        each for each in IDS[:3] if each not in {d.clip for d in wanted}
    ]
    for name in IDS[:3]:
        said = [each.after["review"] for each in wanted if each.clip == name and "review" in each.after]
        (row,) = (each for each in at_once.segments if each.id == name)
        assert row.review == (said[-1] if said else "")


def test_a_new_text_has_its_own_pace():
    base = manifest()
    base = replace(base, segments=tuple(replace(each, qc={"speech_s": 2.0, "snr_db": 20.0}) for each in base.segments))
    row = replay(base, [decision("a", "text", text="Ten letters", text_source="review")], str).segments[0]
    assert row.qc == {"speech_s": 2.0, "snr_db": 20.0, "chars_per_s": 5.0, "words_per_min": 60}
    assert replay(base, [decision("b")], str).segments[1].qc == base.segments[1].qc


def test_an_anchor_follows_its_clip_and_goes_when_the_clip_is_rejected():
    edited = replay(manifest(), [decision("a", "text", text="Other", text_source="review")], str)
    assert edited.anchors[0].text == "Other"
    assert replay(edited, [decision("a", "reject", review="rejected")], str).anchors == ()


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        '{"when": "x"}',
        '{"when": "x", "who": 1, "clip": "a", "action": "accept"}',
        '{"when": "x", "who": "y", "clip": "a", "action": "explode"}',
        '{"when": "x", "who": "y", "clip": "a", "action": "accept", "after": {"split": "test"}}',
        '{"when": "x", "who": "y", "clip": "a", "action": "accept", "after": {"review": "maybe"}}',
        '{"when": "x", "who": "y", "clip": "a", "action": "trim", "after": {"window": {"sha256": "../../x"}}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_line_is_named(tmp_path, line):
    path = tmp_path / FILE
    append(path, decision())
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UsageError, match=f"{FILE}:2: no decision"):
        read_decisions(path)


def test_two_who_append_see_each_other(tmp_path):
    ann, bob = Journal(tmp_path / FILE), Journal(tmp_path / FILE)
    with ann.appending() as page:
        assert page.others == []
        assert page.add(decision("a")) == 1
    with bob.appending() as page:
        assert page.others == [decision("a")]
        assert page.add(decision("b")) == 2
    with ann.appending() as page:
        assert page.others == [decision("b")], "its own is not new to it"


def test_a_journal_that_became_shorter_is_refused(tmp_path):
    journal = append(tmp_path / FILE, decision(), decision())
    (tmp_path / FILE).write_text("")
    with pytest.raises(UsageError, match="shorter"):
        journal.read_on()


def test_a_full_disk_leaves_the_journal_as_it_was(small_disk):
    path = small_disk(1) / FILE
    append(path, decision())
    with (path.parent / "full").open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(bytes(4096))
    long = decision("a", "text", text="x" * 5000)
    with pytest.raises(OutputError, match="disk is full"):
        append(path, long)
    assert read_decisions(path) == [decision()]
    (path.parent / "full").unlink()
    append(path, long)
    assert read_decisions(path) == [decision(), long]


def test_reviews_become_rows_once(tmp_path):
    dataset = make_dataset(tmp_path / "data", recordings=2, segments=3, quarantined=1, anchors=1)
    first, _, doubtful = dataset.manifest().segments[:3]
    append(
        dataset.path / FILE,
        decision(first.id, "reject", review="rejected"),
        decision(doubtful.id),
        decision(doubtful.id, "text", text="Heard.", text_source="review"),
        decision("unknown"),
    )
    done = apply_reviews(dataset.path)
    assert (done.decisions, done.changed, done.unknown) == (4, 2, 1)
    rows = {each.id: each for each in dataset.manifest().segments}
    assert (dataset.path / "quarantine" / first.file_name).is_file()
    assert (dataset.path / "train" / doubtful.file_name).is_file()
    assert (rows[doubtful.id].text, rows[doubtful.id].text_source) == ("Heard.", "review")
    assert dataset.manifest().anchors == ()
    assert dataset.manifest().reviews == count_decisions(dataset.path) == 4
    assert [each.message for each in dataset.versions()] == ["dataset build", "review"]
    assert apply_reviews(dataset.path).decisions == 0
    assert len(dataset.versions()) == 2


@pytest.mark.parametrize("encoding", ["pcm_s16le", "pcm_s24le", "pcm_f32le"])
def test_a_trim_is_an_exact_slice_and_can_be_taken_back(tmp_path, encoding):
    dataset = make_dataset(tmp_path / "data", recordings=1, segments=2, encoding=encoding)
    clip = dataset.manifest().segments[0]
    whole = Window(clip.sha256, 0, 24000, clip.start_s, clip.end_s)
    part = whole.part(2400, 12001, 24000)
    append(dataset.path / FILE, decision(clip.id, "trim", window=part.row()))
    apply_reviews(dataset.path)
    row = dataset.manifest().segments[0]
    path, source = dataset.path / row.path, dataset.object_path(clip.sha256)
    assert (row.start_s, row.end_s) == (clip.start_s + 0.1, pytest.approx(clip.start_s + 14401 / 24000, abs=1e-6))
    assert row.duration_s == pytest.approx(wav_info(path).duration_s, abs=1e-6)
    assert wav_info(path).num_samples == 12001
    assert row.qc == {**clip.qc, "qc_stale": True}
    assert samples_of(path, wav_info(path), 0, 12001) == samples_of(source, wav_info(source), 2400, 12001)
    append(dataset.path / FILE, decision(clip.id, "undo", window=whole.row()))
    apply_reviews(dataset.path)
    assert dataset.manifest().segments[0] == clip
    assert not list(dataset.hidden.glob("cut-*")), "nothing is left of the work"


def test_a_window_that_its_file_does_not_have_is_told(tmp_path):
    dataset = make_dataset(tmp_path / "data", recordings=1, segments=1)
    clip = dataset.manifest().segments[0]
    far = Window(clip.sha256, 0, 24000, clip.start_s, clip.end_s).part(20000, 5000, 24000)
    append(dataset.path / FILE, decision(clip.id, "trim", window=far.row()))
    with pytest.raises(MediaError, match="shorter"):
        apply_reviews(dataset.path)
    assert dataset.manifest().reviews == 0


APPLY = "import sys; from pathlib import Path; from demod_voice.dataset.review.replay import apply_reviews\n"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_applying_that_is_killed_ends_the_same(tmp_path, seed):
    dataset = make_dataset(tmp_path / "data", recordings=2, segments=6, seconds=0.2, quarantined=2)
    rows = dataset.manifest().segments
    append(dataset.path / FILE, *(decision(each.id, "reject", review="rejected") for each in rows[::2]))
    window = Window(rows[1].sha256, 0, 4800, rows[1].start_s, rows[1].end_s).part(100, 4000, 24000)
    append(dataset.path / FILE, decision(rows[1].id, "trim", window=window.row()))
    code = f"{APPLY}print(flush=True); apply_reviews(Path(sys.argv[1]))"
    process = subprocess.Popen([sys.executable, "-c", code, str(dataset.path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(random.Random(seed).uniform(0, 0.03))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    apply_reviews(dataset.path)
    manifest = Dataset.reading(dataset.path).manifest()
    assert manifest.reviews == len(rows[::2]) + 1
    assert [each.review for each in manifest.segments[::2]] == ["rejected"] * len(rows[::2])
    on_disk = {str(path.relative_to(dataset.path)) for path in dataset.path.glob("[a-z]*/*.wav")}
    assert on_disk == {each.path for each in manifest.segments}
    assert json.loads((dataset.path / "dataset.json").read_text())["reviews"] == manifest.reviews
