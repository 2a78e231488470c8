"""Recordings are divided by their names; one alone by blocks."""

from collections import Counter
from dataclasses import replace

from demod_voice.config.settings import Splits
from demod_voice.dataset.splits import divide
from demod_voice.formats.dataset_manifest import Recording, Segment


def recording(name: str) -> Recording:
    return Recording(f"{name}-000000", f"{name}.mp3", name.ljust(64, "0"), 100.0, 44100, 1, "mp3")


def segments(recordings, count=10):
    return [
        Segment(f"{each.id}_{n}", each.id, n * 10.0, n * 10.0 + 8.0, 8.0, "", "", "", "0")
        for each in recordings
        for n in range(count)
    ]


def test_no_recording_stands_in_two_splits():
    recordings = [recording(f"talk{n}") for n in range(40)]
    made = divide(recordings, segments(recordings), Splits(val=0.2, test=0.2), 42)
    where = {each.source: set() for each in made.segments}
    for each in made.segments:
        where[each.source].add(each.split)
    assert all(len(each) == 1 for each in where.values())
    assert made.method == "recordings"


def test_the_shares_are_about_what_is_asked():
    recordings = [recording(f"talk{n}") for n in range(2000)]
    made = divide(recordings, [], Splits(val=0.1, test=0.05), 42)
    counts = Counter(each.split for each in made.recordings)
    assert 150 < counts["val"] < 250
    assert 65 < counts["test"] < 135


def test_a_recordings_split_does_not_depend_on_the_others():
    many = [recording(f"talk{n}") for n in range(200)]
    settings = Splits(val=0.2, test=0.2)
    all_of_them = {each.id: each.split for each in divide(many, [], settings, 42).recordings}
    some = {each.id: each.split for each in divide(many[50:120], [], settings, 42).recordings}
    assert all(all_of_them[name] == split for name, split in some.items())


def test_another_seed_divides_otherwise():
    many = [recording(f"talk{n}") for n in range(200)]
    splits = [[each.split for each in divide(many, [], Splits(val=0.3, test=0.3), seed).recordings] for seed in (1, 2)]
    assert splits[0] != splits[1]


def test_channels_of_one_file_stay_together():
    left, right = recording("talk"), recording("talk")
    other = [recording(f"x{n}") for n in range(9)]
    made = divide([left, right, *other], [], Splits(val=0.4, test=0.4), 3)
    assert made.recordings[0].split == made.recordings[1].split


def test_a_split_that_would_be_empty_gets_the_nearest_recording():
    recordings = [recording(f"talk{n}") for n in range(3)]
    made = divide(recordings, [], Splits(), 42)
    assert Counter(each.split for each in made.recordings) == {"train": 1, "val": 1, "test": 1}


def test_two_recordings_keep_one_for_training_and_say_what_is_empty():
    made = divide([recording("a"), recording("b")], [], Splits(), 42)
    assert Counter(each.split for each in made.recordings) == {"train": 1, "test": 1}
    assert made.notes == ("val is empty: no recording fell into it, and none could be spared",)


def test_what_was_divided_before_never_moves():
    recordings = [recording(f"talk{n}") for n in range(30)]
    kept = {each.id: "val" for each in recordings[:10]}
    made = divide(recordings, [], Splits(val=0.1, test=0.1), 42, kept)
    assert [each.split for each in made.recordings[:10]] == ["val"] * 10


def test_one_recording_is_cut_into_blocks_with_a_gap_and_says_so():
    only = [recording("talk")]
    made = divide(only, segments(only, 100), Splits(val=0.1, test=0.1, gap_s=10.0), 42)
    assert made.method == "blocks"
    assert "one recording only" in made.notes[0]
    by = {split: [each for each in made.segments if each.split == split] for split in ("train", "val", "test")}
    assert by["val"][0].start_s - by["train"][-1].end_s >= 10.0
    assert by["test"][0].start_s - by["val"][-1].end_s >= 10.0
    assert [each.reason for each in made.dropped] == ["in the gap between two splits"] * 2
    assert len(made.segments) + len(made.dropped) == 100
    assert 8 <= len(by["test"]) <= 11


def test_blocks_stay_when_recordings_come_to_the_only_one():
    recordings = [recording("talk"), recording("new")]
    rows = [replace(each, split="val") if each.source == recordings[0].id else each for each in segments(recordings, 4)]
    made = divide(recordings, rows, Splits(), 42, {recordings[0].id: "blocks"})
    assert {each.split for each in made.segments if each.source == recordings[0].id} == {"val"}
    assert made.method == "blocks"


def test_blocks_are_shares_of_what_passed_the_gates():
    only = [recording("talk")]
    rows = segments(only, 100)
    rows = [replace(each, reasons=("rms",)) if each.start_s >= 500 else each for each in rows]
    made = divide(only, rows, Splits(val=0.1, test=0.1, gap_s=5.0), 42)
    fit = Counter(each.split for each in made.segments if not each.quarantined)
    assert fit["val"] >= 3
    assert fit["test"] >= 4


def test_a_recording_that_is_too_short_for_all_blocks_says_which_are_empty():
    only = [recording("talk")]
    made = divide(only, segments(only, 6), Splits(), 42)
    assert made.notes[1:] == ("val is empty: the recording is too short for it",)


def test_the_channels_of_the_only_file_are_divided_at_the_same_moments():
    left, right = replace(recording("talk"), id="talk-left"), replace(recording("talk"), id="talk-right")
    rows = [
        *segments([left], 60),
        *[replace(each, start_s=each.start_s + 300, end_s=each.end_s + 300) for each in segments([right], 60)],
    ]
    made = divide([left, right], rows, Splits(val=0.1, test=0.1), 42)
    spans = {
        split: [(e.start_s, e.end_s) for e in made.segments if e.split == split] for split in ("train", "val", "test")
    }
    assert max(end for _, end in spans["train"]) + 10 <= min(start for start, _ in spans["val"])
    assert max(end for _, end in spans["val"]) + 10 <= min(start for start, _ in spans["test"])


def test_one_recording_in_two_formats_stands_in_one_split():
    wav = [recording(f"talk{n}") for n in range(60)]
    mp3 = [replace(each, id=f"{each.id}-2", name=f"{each.name[:-4]}.wav", duration_s=100.05) for each in wav]
    placed = {each.id: each.split for each in divide([*wav, *mp3], [], Splits(val=0.3, test=0.3), 42).recordings}
    assert all(placed[each.id] == placed[f"{each.id}-2"] for each in wav)


def test_a_copy_in_another_format_goes_where_its_recording_was_put():
    recordings = [recording(f"talk{n}") for n in range(30)]
    kept = {each.id: "test" for each in recordings}
    copies = [replace(each, id=f"{each.id}-2", name=f"{each.name[:-4]}.wav") for each in recordings]
    made = divide([*recordings, *copies], [], Splits(val=0.1, test=0.1), 42, kept)
    assert {each.split for each in made.recordings} == {"test"}


def test_recordings_that_are_all_called_the_same_are_divided():
    recordings = [
        replace(recording("audio"), id=f"audio-{n}", sha256=f"{n:064}", duration_s=100.0 + 37 * n) for n in range(40)
    ]
    made = divide(recordings, [], Splits(val=0.2, test=0.2), 42)
    assert {each.split for each in made.recordings} == {"train", "val", "test"}


def test_a_recording_too_short_to_be_divided_is_for_training():
    only = [recording("talk")]
    made = divide(only, segments(only, 2), Splits(), 42)
    assert [each.split for each in made.segments] == ["train", "train"]
    assert made.dropped == ()
    assert (made.recordings[0].split, made.method) == ("train", "recordings")
    assert made.notes == ("there is one recording only, and it is too short to be divided: all of it is train",)


def test_blocks_stay_where_they_are_when_a_person_rejects_or_accepts():
    only = [recording("talk")]
    rows = [replace(each, reasons=("rms",)) if n % 7 == 0 else each for n, each in enumerate(segments(only, 60))]
    said = [replace(each, review="rejected" if n % 2 else "accepted") for n, each in enumerate(rows)]
    before, after = (divide(only, each, Splits(val=0.1, test=0.1), 42) for each in (rows, said))
    assert [each.split for each in before.segments] == [each.split for each in after.segments]
