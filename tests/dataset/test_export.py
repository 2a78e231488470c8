"""``dataset export``: read back as the programs that it is for read it; whole or not at all, and the same bytes again."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from support.datasets import make_dataset

from demod_voice.audio.resample import resample
from demod_voice.cli import main
from demod_voice.dataset.keeping.exporting import ExportOptions, export_dataset
from demod_voice.dataset.keeping.made_folder import making_folder
from demod_voice.dataset.store import Dataset
from demod_voice.errors import OutputError, UsageError
from demod_voice.formats.dataset_manifest import Manifest
from demod_voice.media.wav import read_wav, wav_info

AWKWARD = 'He said "stop | go",\nthen paid $5.'


def change(dataset: Dataset, edit: Callable[[Manifest], Manifest]) -> None:
    with Dataset.writing(dataset.path) as opened:
        opened.commit(edit(opened.manifest()), "test")


def with_texts(manifest: Manifest, *texts: str) -> Manifest:
    rows = [replace(each, text=text) for each, text in zip(manifest.segments, texts, strict=False)]
    return replace(manifest, segments=(*rows, *manifest.segments[len(rows) :]))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_ljspeech_is_read_by_splitting_at_the_bar(dataset, tmp_path):
    change(dataset, lambda manifest: with_texts(manifest, AWKWARD, '"Quoted" at first.', "  "))
    report = export_dataset(dataset.path, "ljspeech", tmp_path / "lj")
    lines = (tmp_path / "lj" / "metadata.csv").read_text().splitlines()
    rows = [line.split("|") for line in lines]
    kept = [each for each in dataset.manifest().segments if not each.quarantined and each.text.strip()]
    assert [row[0] for row in rows] == [each.id for each in kept]
    assert {len(row) for row in rows} == {3}
    assert rows[0][1:] == ['He said "stop go", then paid $5.', 'He said "stop go", then paid five dollars.']
    assert rows[1][1] == '"Quoted" at first.'
    assert (report.clips, report.without_text, report.sample_rate) == (8, 1, 24000)
    for segment in kept:
        assert (tmp_path / "lj" / "wavs" / f"{segment.id}.wav").read_bytes() == (
            dataset.path / segment.path
        ).read_bytes()
    parts = [(tmp_path / "lj" / f"metadata_{split}.csv").read_text() for split in ("train", "val", "test")]
    assert "".join(parts) == (tmp_path / "lj" / "metadata.csv").read_text()


def test_piper_rows_are_read_by_the_csv_module(tmp_path):
    data = make_dataset(tmp_path / "data", speakers=("anna", "ben"))
    change(data, lambda manifest: with_texts(manifest, AWKWARD, '"Quoted" at first.'))
    export_dataset(data.path, "piper", tmp_path / "one", ExportOptions(speakers=("anna",)))
    with (tmp_path / "one" / "metadata.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="|"))
    assert rows[0] == [data.manifest().segments[0].file_name, 'He said "stop | go", then paid $5.']
    assert rows[1][1] == '"Quoted" at first.'
    assert {len(row) for row in rows} == {2}
    report = export_dataset(data.path, "piper", tmp_path / "two")
    with (tmp_path / "two" / "metadata.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="|"))
    assert [row[1] for row in rows] == ["anna"] * 4 + ["ben"] * 4 + ["anna"] * 4
    assert report.speakers == ("anna", "ben")
    info = wav_info(tmp_path / "two" / "wavs" / rows[0][0])
    assert (info.sample_rate, info.encoding, info.num_samples) == (22050, "pcm_s16le", 22050)


def test_another_rate_is_the_same_sound(dataset, tmp_path):
    export_dataset(dataset.path, "ljspeech", tmp_path / "lj", ExportOptions(sample_rate=16000))
    segment = dataset.manifest().segments[0]
    made = read_wav(tmp_path / "lj" / "wavs" / segment.file_name)
    wanted = resample(read_wav(dataset.path / segment.path), 16000)
    assert made.sample_rate == 16000
    assert np.abs(made.samples - wanted.samples).max() <= 0.5 / 32768 + 1e-7


def test_audiofolder_stands_beside_its_clips_and_has_a_card(dataset, tmp_path):
    report = export_dataset(dataset.path, "audiofolder", tmp_path / "hf", ExportOptions(link=True, language="de"))
    kept = [each for each in dataset.manifest().segments if not each.quarantined]
    for segment in kept:
        assert (tmp_path / "hf" / segment.path).samefile(dataset.path / segment.path)
    assert report.linked == report.clips == len(kept) == 9
    for split in ("train", "val", "test"):
        rows = [json.loads(line) for line in (tmp_path / "hf" / split / "metadata.jsonl").read_text().splitlines()]
        assert [row["file_name"] for row in rows] == [each.file_name for each in kept if each.split == split]
        assert list(rows[0])[:4] == ["file_name", "text", "speaker", "source"]
    _, head, body = (tmp_path / "hf" / "README.md").read_text().split("---\n", 2)
    told = YAML(typ="safe").load(head)
    assert (told["pretty_name"], told["language"], told["size_categories"]) == ("voice", ["de"], ["n<1K"])
    assert [each["split"] for each in told["configs"][0]["data_files"]] == ["train", "validation", "test"]
    assert "9 clips, 9.0 s, 24000 Hz mono, cut from 3 recordings. Speakers: anna." in body


def test_csm_turns_follow_each_other(tmp_path):
    data = make_dataset(tmp_path / "data", recordings=2, segments=11, seconds=0.5, speakers=("zoe", "anna"))
    change(data, lambda manifest: replace(manifest, segments=tuple(late(manifest))))
    export_dataset(data.path, "csm", tmp_path / "csm", ExportOptions(splits=("train",)))
    lines = [json.loads(line) for line in (tmp_path / "csm" / "train.jsonl").read_text().splitlines()]
    assert [len(line["turns"]) for line in lines] == [8, 1, 2]
    assert not (tmp_path / "csm" / "val.jsonl").exists()
    turns = [turn for line in lines for turn in line["turns"]]
    kept = [each for each in data.manifest().segments if each.split == "train"]
    assert [(turn["text"], turn["audio"]) for turn in turns] == [
        (each.text, f"audio/{each.file_name}") for each in kept
    ]
    assert {turn["speaker"] for turn in turns} == {0}
    assert json.loads((tmp_path / "csm" / "speakers.json").read_text()) == {"zoe": 0}
    assert wav_info(tmp_path / "csm" / turns[0]["audio"]).sample_rate == 24000
    export_dataset(data.path, "csm", tmp_path / "both")
    assert json.loads((tmp_path / "both" / "speakers.json").read_text()) == {"anna": 0, "zoe": 1}


def late(manifest: Manifest):
    """The last two segments of the first recording ten seconds later."""
    for number, each in enumerate(manifest.segments):
        shift = 10.0 if number in (9, 10) else 0.0
        yield replace(each, start_s=each.start_s + shift, end_s=each.end_s + shift)


@pytest.mark.parametrize("format", ["ljspeech", "piper", "audiofolder", "csm"])
def test_the_same_dataset_gives_the_same_bytes_and_a_smaller_one_leaves_nothing_behind(dataset, tmp_path, format):
    target = tmp_path / "out"
    export_dataset(dataset.path, format, target)
    first = files(target)
    export_dataset(dataset.path, format, target)
    assert files(target) == first
    export_dataset(dataset.path, format, target, ExportOptions(splits=("val",)))
    assert len(files(target)) < len(first)
    assert len([name for name in files(target) if name.endswith(".wav")]) == 3
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".tmp")] == []


def test_what_no_export_wrote_is_never_touched(dataset, tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        export_dataset(dataset.path, "piper", target)
    assert files(target) == {"thesis.txt": b"mine"}
    (target / "thesis.txt").unlink()
    export_dataset(dataset.path, "piper", target)
    (target / "wavs" / "take.wav").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"holds wavs/take\.wav, which no export wrote"):
        export_dataset(dataset.path, "piper", target)
    with pytest.raises(UsageError, match="is not empty"):
        export_dataset(dataset.path, "piper", dataset.path)
    with pytest.raises(UsageError, match="is a file"):
        export_dataset(dataset.path, "piper", target / "metadata.csv")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (ExportOptions(splits=("dev",)), "no split 'dev'"),
        (ExportOptions(speakers=("zoe",)), "no speaker 'zoe'"),
    ],
)
def test_what_is_not_there_is_named_and_nothing_is_written(dataset, tmp_path, options, told):
    with pytest.raises(UsageError, match=told):
        export_dataset(dataset.path, "csm", tmp_path / "out", options)
    assert not (tmp_path / "out").exists()


def test_without_a_text_only_audiofolder_has_something(dataset, tmp_path):
    change(dataset, lambda manifest: with_texts(manifest, *[""] * 12))
    with pytest.raises(UsageError, match="none of the chosen clips has a text"):
        export_dataset(dataset.path, "piper", tmp_path / "out")
    assert export_dataset(dataset.path, "audiofolder", tmp_path / "out").clips == 9


def test_a_missing_clip_leaves_nothing(dataset, tmp_path):
    gone = dataset.path / dataset.manifest().segments[0].path
    gone.unlink()
    for rate in (0, 16000):
        with pytest.raises(Exception, match=str(gone.name)):
            export_dataset(dataset.path, "ljspeech", tmp_path / "out", ExportOptions(sample_rate=rate))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_full_disk_leaves_nothing_and_says_so(dataset, small_disk):
    disk = small_disk(1)
    data = make_dataset(disk.parent / "big", segments=10, seconds=3.0)
    with pytest.raises(OutputError, match="the disk is full"):
        export_dataset(data.path, "audiofolder", disk / "out")
    assert list(disk.iterdir()) == []


def test_links_become_copies_on_another_file_system(dataset, small_disk):
    disk = small_disk(8)
    report = export_dataset(dataset.path, "audiofolder", disk / "out", ExportOptions(link=True))
    assert (report.clips, report.linked) == (9, 0)
    assert check_bytes(dataset, disk / "out") == 9


def check_bytes(dataset: Dataset, out: Path) -> int:
    kept = [each for each in dataset.manifest().segments if not each.quarantined]
    return sum((out / each.path).read_bytes() == (dataset.path / each.path).read_bytes() for each in kept)


def test_a_killed_export_is_swept_by_the_next(dataset, tmp_path):
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom demod_voice.dataset.keeping.made_folder import making_folder\n"
        "with making_folder(Path(sys.argv[1])) as folder:\n (folder / 'x').write_text('x'); os._exit(9)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")],
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert len([path for path in tmp_path.iterdir() if path.name.startswith(".tmp-")]) == 1
    export_dataset(dataset.path, "csm", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out"]


def test_the_command_says_what_it_did(dataset, tmp_path, capsys):
    change(dataset, lambda manifest: with_texts(manifest, ""))
    out = tmp_path / "out"
    words = ["dataset", "export", "piper", str(dataset.path), "-o", str(out), "--link", "--split", "train"]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{out}: 2 clips, 2.0 s, 22050 Hz, piper\n"
    assert "1 segments without a text were left out" in captured.err
    assert "2 clips are copies" in captured.err
    assert main([*words, "--json", "--sample-rate", "24000"]) == 0
    assert json.loads(capsys.readouterr().out)["linked"] == 2
    assert main(["dataset", "export", "wavenet", str(dataset.path), "-o", str(out)]) == 2


def test_an_export_does_not_lie_in_a_dataset(dataset: Dataset) -> None:
    with pytest.raises(UsageError, match="lies inside the dataset"):
        with making_folder(dataset.path / "for-piper"):
            pass
    assert not (dataset.path / "for-piper").exists()
