"""``piper preprocess``: the numbers of the phonemes as Piper itself counts them, in steps that are never done twice."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.datasets import make_dataset

from demod_voice.api.piper_training import PreprocessOptions, preprocess_piper
from demod_voice.cli import main
from demod_voice.config import load_settings
from demod_voice.config.settings import Settings
from demod_voice.dataset.keeping.exporting import export_dataset
from demod_voice.dataset.piper.phonemes import clauses_of, numbers, piper_text, sentences
from demod_voice.dataset.piper.table import PHONEME_IDS
from demod_voice.dataset.store import Dataset
from demod_voice.errors import FaultsError, UsageError
from demod_voice.media.wav import wav_info

pytestmark = pytest.mark.slow

TEXTS = (
    "Hello, world! How are you? I'm fine: really; yes.",
    'The quick brown fox (it jumped) said "no" to us.',
    "One; two: three, four. Five? Six!",
    "A long dash — here, and an ellipsis… there.",
    "Dr. Smith has 3.14 apples, 1,000 pears e.g. this one",
    "He said: 'stop!', then left.",
    "What?! Well... fine.",
)
IN_PIPER = """
import json, sys
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP, phonemes_to_ids
from piper.phonemize_espeak import EspeakPhonemizer
told = EspeakPhonemizer()
ids = [sum((phonemes_to_ids(each) for each in told.phonemize("en-us", text)), []) for text in json.load(sys.stdin)]
print(json.dumps([DEFAULT_PHONEME_ID_MAP, ids]))
"""


@pytest.fixture(scope="module")
def counted_by_piper(engine_python: Callable[[str], Path]) -> tuple[dict, list[list[int]]]:
    """Piper's own table, and its numbers of ``TEXTS``."""
    command = [str(engine_python("piper")), "-c", IN_PIPER]
    done = subprocess.run(command, input=json.dumps(TEXTS), capture_output=True, text=True, check=True)
    table, ids = json.loads(done.stdout)
    return table, ids


@pytest.fixture
def espeak(espeak_engine: Path) -> Settings:
    return load_settings(jobs=1)


def change(dataset: Dataset, **texts: str) -> None:
    with Dataset.writing(dataset.path) as opened:
        manifest = opened.manifest()
        rows = [replace(each, text=texts.get(f"t{n}", each.text)) for n, each in enumerate(manifest.segments)]
        opened.commit(replace(manifest, segments=tuple(rows)), "test")


def rows_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "dataset.jsonl").read_text().splitlines()]


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and ".demod" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_the_table_is_pipers_own(counted_by_piper):
    assert counted_by_piper[0] == PHONEME_IDS


def test_the_piper_engine_gives_pipers_own_numbers(tmp_path, engine_python, counted_by_piper, monkeypatch):
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__PIPER__PYTHON", str(engine_python("piper")))
    data = make_dataset(tmp_path / "data", recordings=1, segments=len(TEXTS), seconds=0.3)
    change(data, **{f"t{n}": text for n, text in enumerate(TEXTS)})
    report = preprocess_piper(data.path, tmp_path / "out", settings=load_settings(jobs=1))
    assert (report.engine, report.notes, report.unknown) == ("piper", (), ())
    assert [row["phoneme_ids"] for row in rows_of(tmp_path / "out")] == counted_by_piper[1]
    code = (
        "import json, sys; from piper.config import PiperConfig\n"
        "c = PiperConfig.from_dict(json.load(open(sys.argv[1])))\n"
        "print(c.sample_rate, c.espeak_voice, c.num_speakers, c.num_symbols, c.phoneme_type.value, len(c.phoneme_id_map))"
    )
    command = [str(engine_python("piper")), "-c", code, str(tmp_path / "out" / "config.json")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.split() == ["22050", "en-us", "1", "256", "espeak", "166"]


def test_the_espeak_engine_comes_near(tmp_path, espeak, counted_by_piper):
    """Its release writes no glide between vowels; everything else is Piper's."""
    data = make_dataset(tmp_path / "data", recordings=1, segments=len(TEXTS), seconds=0.3)
    change(data, **{f"t{n}": text for n, text in enumerate(TEXTS)})
    report = preprocess_piper(data.path, tmp_path / "out", PreprocessOptions(engine="espeak"), settings=espeak)
    assert report.notes == (
        "the phonemes are espeak's, as asked: Piper's own release also writes glides between vowels",
    )
    glide = PHONEME_IDS["ʲ"][0]
    assert [without(row["phoneme_ids"], glide) for row in rows_of(tmp_path / "out")] == [
        without(ids, glide) for ids in counted_by_piper[1]
    ]


def without(ids: list[int], phoneme: int) -> list[int]:
    """The numbers without a phoneme and the pad after it."""
    return [each for n, each in enumerate(ids) if each != phoneme and not (n and ids[n - 1] == phoneme)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("One, two. Three", [("One,", ","), (" two.", "."), (" Three", "")]),
        ("Say e.g. this", [("Say e.g. this", "")]),
        ("It is 5:30, or 1,000.5?", [("It is 5:30,", ","), (" or 1,000.5?", "?")]),
        ('"Yes." He went', [('"Yes.', "."), ('" He went', "")]),
        ("Wait... No!", [("Wait...", ""), (" No!", "!")]),
        ("Really?! - Yes.", [("Really?!", "?"), (" - Yes.", ".")]),
        ("...", []),
    ],
)
def test_clauses_end_where_espeak_ends_them(text, wanted):
    assert clauses_of(text) == wanted


def test_sentences_and_numbers_by_hand():
    assert sentences([("a", ","), ("b", "."), ("(fr)ç", "")]) == (("a", ",", " ", "b", "."), ("c", "\u0327"))
    assert numbers([("a", "☃", "b")]) == ((1, 0, 14, 0, 15, 0, 2), ("☃",))
    assert numbers([("a",), ("b",)])[0] == (1, 0, 14, 0, 2, 1, 0, 15, 0, 2)


def test_clauses_that_do_not_add_up_are_asked_for_one_by_one():
    asked = []

    def phonemize(text: str) -> list[str]:
        asked.append(text)
        return ["a", "b", "c"] if text == "One, two." else [text.strip(" ,.")[0].lower()]

    assert piper_text("One, two.", phonemize).phonemes == (("o", ",", " ", "t", "."),)
    assert asked == ["One, two.", "One,", " two."]


def test_the_folder_is_what_training_reads(tmp_path, espeak):
    data = make_dataset(
        tmp_path / "data", recordings=4, segments=3, seconds=0.3, speakers=("anna", "ben", "cleo", "dan")
    )
    change(data, t0='He said "a | b", then 5.', t1="   ")
    options = PreprocessOptions(sample_rate=16000, engine="espeak")
    report = preprocess_piper(data.path, tmp_path / "out", options, splits=("train", "val"), settings=espeak)
    assert (report.clips, report.made, report.speakers) == (8, 8, ("anna", "ben", "dan"))
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["audio"]["sample_rate"] == 16000
    assert config["espeak"]["voice"] == "en-us"
    assert (config["num_speakers"], config["speaker_id_map"]) == (3, {"anna": 0, "ben": 1, "dan": 2})
    rows = rows_of(tmp_path / "out")
    assert rows[0]["text"] == 'He said "a | b", then 5.'
    assert [row["speaker_id"] for row in rows] == [0, 0, 1, 1, 1, 2, 2, 2]
    for row in rows:
        info = wav_info(tmp_path / "out" / row["audio_path"])
        assert (info.sample_rate, info.num_samples, info.encoding) == (16000, 4800, "pcm_s16le")
    for name, last in (("metadata.csv", "text"), ("metadata_ids.csv", "phoneme_ids")):
        with (tmp_path / "out" / name).open(encoding="utf-8") as file:
            table = list(csv.reader(file, delimiter="|"))
        assert [line[0] for line in table] == [Path(row["audio_path"]).name for row in rows]
        said = [line[-1] if last == "text" else [int(each) for each in line[-1].split()] for line in table]
        assert said == [row[last] for row in rows]
        assert table[0][1] == "anna"


def test_an_ljspeech_folder_gives_the_same_as_the_dataset_it_is_of(tmp_path, espeak):
    data = make_dataset(tmp_path / "data", recordings=1, seconds=0.3)
    export_dataset(data.path, "ljspeech", tmp_path / "lj")
    options = PreprocessOptions(engine="espeak", name="same")
    for source, out in ((data.path, "a"), (tmp_path / "lj", "b")):
        preprocess_piper(source, tmp_path / out, options, settings=espeak)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_every_wrong_row_of_a_table_is_told_at_once(tmp_path, espeak):
    (tmp_path / "lj" / "wavs").mkdir(parents=True)
    (tmp_path / "lj" / "wavs" / "bad.wav").write_bytes(b"nonsense")
    (tmp_path / "lj" / "metadata.csv").write_text("gone|Some words.\nbad|Some words.\nbad|Again.\nempty|\nalone\n")
    with pytest.raises(FaultsError) as caught:
        preprocess_piper(tmp_path / "lj", tmp_path / "out", settings=espeak)
    assert [each.line for each in caught.value.faults] == [1, 2, 3, 4, 5]
    assert not (tmp_path / "out").exists()


def test_what_is_finished_is_not_done_again(tmp_path, espeak):
    data = make_dataset(tmp_path / "data", recordings=4, segments=3, seconds=0.3)
    options = PreprocessOptions(engine="espeak")
    first = preprocess_piper(data.path, tmp_path / "out", options, splits=("train", "val"), settings=espeak)
    made = files(tmp_path / "out")
    again = preprocess_piper(data.path, tmp_path / "out", options, splits=("train", "val"), settings=espeak)
    assert (first.made, again.made) == (9, 0)
    assert files(tmp_path / "out") == made
    change(data, t0="Another text entirely.")
    third = preprocess_piper(data.path, tmp_path / "out", options, splits=("train", "val"), settings=espeak)
    assert third.made == 3
    fewer = preprocess_piper(data.path, tmp_path / "out", options, splits=("val",), settings=espeak)
    assert (fewer.clips, fewer.made) == (3, 0)
    assert sum(name.endswith(".wav") for name in files(tmp_path / "out")) == 3
    back = preprocess_piper(data.path, tmp_path / "out", options, splits=("train", "val"), settings=espeak)
    assert back.clips == 9
    assert sum(name.endswith(".wav") for name in files(tmp_path / "out")) == 9


def test_a_damaged_output_is_made_again(tmp_path, espeak):
    data = make_dataset(tmp_path / "data", recordings=1, seconds=0.3)
    options = PreprocessOptions(engine="espeak")
    preprocess_piper(data.path, tmp_path / "out", options, settings=espeak)
    made = files(tmp_path / "out")
    clip = next((tmp_path / "out" / "wavs").iterdir())
    clip.write_bytes(b"cut off")
    preprocess_piper(data.path, tmp_path / "out", options, settings=espeak)
    assert files(tmp_path / "out") == made


def test_what_is_wrong_is_told_before_anything_is_written(tmp_path, espeak):
    data = make_dataset(tmp_path / "data", recordings=1, seconds=0.3)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    for arguments, told in (
        ((data.path, tmp_path / "full"), "is not empty"),
        ((data.path, data.path), "is a dataset"),
        ((tmp_path / "full", tmp_path / "out"), "is no dataset, and no LJ Speech folder"),
    ):
        with pytest.raises(UsageError, match=told):
            preprocess_piper(*arguments, settings=espeak)
    for wishes, told in (
        ({"splits": ("dev",)}, "no split 'dev'"),
        ({"splits": ("val",)}, "nothing to learn"),
        ({"speakers": ("zoe",)}, "no speaker 'zoe'"),
    ):
        with pytest.raises(UsageError, match=told):
            preprocess_piper(data.path, tmp_path / "out", settings=espeak, **wishes)
    assert not (tmp_path / "out").exists()


def test_an_unknown_language_is_an_error(tmp_path, espeak):
    data = make_dataset(tmp_path / "data", recordings=1, seconds=0.3)
    with pytest.raises(Exception, match="xx"):
        preprocess_piper(data.path, tmp_path / "out", PreprocessOptions("xx", engine="espeak"), settings=espeak)


def test_the_command_and_its_older_name(tmp_path, espeak_engine, capsys):
    data = make_dataset(tmp_path / "data", recordings=1, seconds=0.3)
    words = ["--in", str(data.path), "--out", str(tmp_path / "out"), "--language", "en-us", "--engine", "espeak"]
    assert main(["piper-preprocess", *words]) == 0
    captured = capsys.readouterr()
    out = tmp_path / "out"
    assert captured.out == f"{out}: 4 clips (4 worked on), 1.2 s, 22050 Hz, en-us, phonemes by espeak\n"
    assert "the phonemes are espeak's, as asked" in captured.err
    assert main(["piper", "preprocess", *words[:-2], "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["made"] == 0
    assert "for engine piper is not installed" in captured.err
