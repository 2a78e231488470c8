"""What a person decided outlives a build that makes the clips anew, in today's sound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.corpus import make, write

from demod_voice.api.datasets import add_recordings, build_dataset, rejudge_dataset
from demod_voice.audio.clip import Clip
from demod_voice.config import load_settings
from demod_voice.dataset.carrying import carry
from demod_voice.dataset.keeping.check import check_dataset
from demod_voice.dataset.review.journal import FILE, Decision, Journal, now
from demod_voice.dataset.review.replay import apply_reviews
from demod_voice.dataset.review.window import Window, cut
from demod_voice.errors import UsageError
from demod_voice.formats.dataset_manifest import read_manifest
from demod_voice.media.wav import read_wav, wav_info, write_wav
from demod_voice.records.progress import Silent

pytestmark = pytest.mark.slow

RATE = 24000


class Notes(Silent):
    """Keeps what a person would see."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, message: str) -> None:
        self.lines.append(message)


def carried(dataset, before, after):
    return carry(before, after, RATE, lambda window: cut(dataset, window))


def trimmed(dataset, segment, first, count):
    window = Window(segment.sha256, 0, 24000, segment.start_s, segment.end_s).part(first, count, RATE)
    times = {"start_s": window.start_s, "end_s": window.end_s, "duration_s": count / RATE}
    return replace(segment, **times, sha256=cut(dataset, window), qc={**segment.qc, "qc_stale": True})


def test_word_and_text_go_to_the_same_clip(dataset):
    rows = dataset.manifest().segments
    said = [replace(rows[0], review="rejected"), replace(rows[1], text="Other words.", text_source="review"), *rows[2:]]
    found = carried(dataset, said, rows)
    assert (found.segments[0].review, found.segments[1].text, found.lost) == ("rejected", "Other words.", 0)
    assert found.segments[2:] == rows[2:]


def test_a_clip_whose_edges_moved_a_little_is_the_same(dataset):
    row = dataset.manifest().segments[1]
    moved = replace(row, id=f"{row.source}_99999999", start_s=row.start_s - 0.2, end_s=row.end_s + 0.1)
    assert carried(dataset, [replace(row, review="accepted")], [moved]).segments[0].review == "accepted"


@pytest.mark.parametrize("end_s", [-2.0, 2.0])
def test_a_clip_that_ends_elsewhere_is_another_though_it_begins_there(dataset, end_s):
    row = dataset.manifest().segments[0]
    other = replace(row, end_s=row.end_s + end_s)
    found = carried(dataset, [replace(row, text="Words of the first.", text_source="review")], [other])
    assert (found.segments, found.lost) == ((other,), 1)


def test_what_was_decided_of_a_recording_that_is_gone_is_not_told_as_lost(dataset):
    rows = dataset.manifest().segments
    rest = [each for each in rows if each.source != rows[0].source]
    assert carried(dataset, [replace(rows[0], review="rejected")], rest).lost == 0


def test_a_trim_alone_is_kept_with_the_mark_on_its_measures(dataset):
    row = dataset.manifest().segments[0]
    short = trimmed(dataset, row, 2400, 12000)
    found = carried(dataset, [short], [row]).segments[0]
    assert (found.sha256, found.start_s, found.duration_s) == (short.sha256, short.start_s, 0.5)
    assert found.qc["qc_stale"] is True


def test_a_trim_is_cut_out_of_todays_sound(dataset):
    rows = dataset.manifest().segments
    row, other = rows[0], rows[1]
    today = replace(row, sha256=other.sha256)
    found = carried(dataset, [trimmed(dataset, row, 2400, 12000)], [today]).segments[0]
    whole = read_wav(dataset.object_path(other.sha256)).samples
    assert np.array_equal(read_wav(dataset.object_path(found.sha256)).samples, whole[:, 2400:14400])


def test_a_clip_without_a_trim_takes_todays_sound(dataset):
    rows = dataset.manifest().segments
    today = replace(rows[0], sha256=rows[1].sha256)
    assert carried(dataset, [replace(rows[0], review="accepted")], [today]).segments[0].sha256 == rows[1].sha256


@pytest.fixture(scope="module")
def talk(tmp_path_factory, module_engines):
    folder = tmp_path_factory.mktemp("talk")
    for number in (1, 2):
        write(folder, f"talk-{number}", make(number, 25.0, speakers=1), ".flac")
    return folder


def decide(path, clip, action, after):
    with Journal(path / FILE).appending() as page:
        page.add(Decision(now(), "anna", clip, action, {}, after))


def test_decisions_of_a_review_outlive_other_settings(talk, tmp_path):
    out, given = tmp_path / "voice", [talk / "talk-1.flac"]
    build_dataset(given, out, settings=load_settings(), report=False)
    first, second = read_manifest(out).segments[:2]
    window = Window(first.sha256, 2400, 48000, round(first.start_s + 0.1, 6), round(first.start_s + 2.1, 6))
    decide(out, first.id, "trim", {"window": window.row()})
    decide(out, first.id, "accept", {"review": "accepted"})
    decide(out, second.id, "reject", {"review": "rejected"})
    progress = Notes()
    again = build_dataset(given, out, settings=load_settings(), report=False, progress=progress)
    assert (again.reused, again.manifest.reviews, progress.lines) == (1, 3, [])
    assert again.manifest.segments[0].duration_s == 2.0
    same = build_dataset(given, out, settings=load_settings(), report=False)
    assert same.version == again.version
    settings = load_settings(dataset__sample_rate=16000, dataset__clean__denoise_db=0.0)
    other = build_dataset(given, out, settings=settings, report=False, progress=progress)
    assert [each.review for each in other.manifest.segments] == ["accepted", "rejected"]
    assert [each.split for each in other.manifest.segments] == [each.split for each in again.manifest.segments]
    for segment in other.manifest.segments:
        assert wav_info(out / segment.path).sample_rate == 16000
    assert other.manifest.segments[0].duration_s == 2.0
    assert check_dataset(out).findings == ()


def test_a_build_tells_what_it_no_longer_holds(talk, tmp_path):
    out, progress = tmp_path / "voice", Notes()
    build_dataset([talk], out, settings=load_settings(), text=False, report=False)
    decide(out, read_manifest(out).segments[0].id, "accept", {"review": "accepted"})
    settings = load_settings(dataset__segments__min_s=2.0, dataset__segments__max_s=5.0)
    build_dataset([talk / "talk-1.flac"], out, settings=settings, text=False, report=False, progress=progress)
    assert progress.lines == [
        "decisions of reviews on 1 clips are not carried over: those clips are cut otherwise now",
        "1 recordings are no longer in the dataset, which holds what was given now: talk-2.flac",
    ]


def test_adding_says_what_was_skipped_and_no_longer_what_came_right(talk, tmp_path):
    out, bad = tmp_path / "voice", tmp_path / "talk-2.flac"
    build_dataset([talk / "talk-1.flac"], out, settings=load_settings(), text=False, report=False)
    bad.write_bytes((talk / "talk-2.flac").read_bytes()[:30000])
    add_recordings(out, [bad], settings=load_settings(), report=False)
    assert [each["name"] for each in read_manifest(out).skipped] == ["talk-2.flac"]
    add_recordings(out, [talk / "talk-2.flac"], settings=load_settings(), report=False)
    assert read_manifest(out).skipped == ()
    assert len(read_manifest(out).recordings) == 2


def test_rejudging_keeps_the_level_that_samples_were_counted_with(talk, tmp_path):
    out = tmp_path / "voice"
    build_dataset([talk / "talk-1.flac"], out, settings=load_settings(), text=False, report=False)
    rejudge_dataset(out, settings=load_settings(dataset__gates__clipping_level=0.5, dataset__gates__snr_min_db=1.0))
    gates = read_manifest(out).settings["gates"]
    assert (gates["clipping_level"], gates["snr_min_db"]) == (0.999, 1.0)


def test_what_is_read_lies_in_the_allowed_folders(talk, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/talk.flac").symlink_to(talk / "talk-1.flac")
    (tmp_path / "some.lst").write_text(f"{talk / 'talk-1.flac'}\n")
    settings = load_settings(paths__allowed_roots=(str(tmp_path),))
    for given, more in (("in", {}), ("some.lst", {}), ("in", {"subtitles": talk})):
        with pytest.raises(UsageError, match="outside the allowed folders"):
            build_dataset([tmp_path / given], tmp_path / "voice", settings=settings, text=False, **more)


def test_a_trim_of_a_page_that_was_left_open_brings_no_clip_of_another_rate(dataset, tmp_path):
    row = dataset.manifest().segments[0]
    write_wav(tmp_path / "old.wav", Clip(np.zeros((1, 16000), np.float32), 16000), "pcm_s16le")
    old = Window(dataset.keep(tmp_path / "old.wav"), 1600, 8000, row.start_s + 0.1, row.start_s + 0.6)
    decide(dataset.path, row.id, "trim", {"window": old.row()})
    decide(dataset.path, row.id, "accept", {"review": "accepted"})
    after = apply_reviews(dataset.path).manifest
    assert (after.segments[0].sha256, after.segments[0].review, after.reviews) == (row.sha256, "accepted", 2)
