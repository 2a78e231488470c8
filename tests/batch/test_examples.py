"""The tables of the documentation: what is printed there is what happens."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.conftest import cli as cli

from demod_voice.config.settings import DEFAULTS
from demod_voice.media.foreign import decode, probe
from demod_voice.mix.loudness import measure

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "batch" / "jobs.csv"
PAGE = ROOT / "docs" / "batch.md"
TARGET_LUFS = -16.0


def results(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def loudness(path: Path, scratch: Path) -> float:
    decode(path, scratch / "decoded.wav", probe(path, DEFAULTS.limits).sample_rate, DEFAULTS.limits)
    return measure(scratch / "decoded.wav").lufs


@pytest.fixture
def museum(tmp_path: Path, espeak_engine: Path) -> Path:
    return Path(shutil.copy(EXAMPLE, tmp_path / "jobs.csv"))


def test_the_example_has_no_fault(cli: Callable, museum: Path) -> None:
    done = cli("batch", "check", str(museum))
    assert done.code == 0, done.err
    assert "5 rows, 0 faults" in done.out
    assert list(museum.parent.iterdir()) == [museum]


def test_the_example_becomes_five_files(cli: Callable, museum: Path, tmp_path: Path) -> None:
    out = tmp_path / "museum"
    done = cli("batch", "run", str(museum), "-o", str(out))
    assert done.code == 0, done.err
    assert done.err == ""
    rows = results(out)
    assert [(row["row"], row["status"], row["error"]) for row in rows] == [(str(n), "done", "") for n in range(1, 6)]
    assert [row["room"] for row in rows] == ["entrance", "all", "entrance", "all", "stairs, ground floor"]
    codecs = {row["output"]: probe(out / row["output"], DEFAULTS.limits).codec for row in rows}
    assert {name: codec.removesuffix("float") for name, codec in codecs.items()} == {
        "en/welcome.wav": "pcm_s16le",
        "en/closing.mp3": "mp3",
        "fr/welcome.wav": "pcm_s16le",
        "fr/closing.mp3": "mp3",
        "en/step.flac": "flac",
    }
    for name in ("en/closing.mp3", "fr/closing.mp3"):
        assert loudness(out / name, tmp_path) == pytest.approx(TARGET_LUFS, abs=0.5)
    assert json.loads((out / "summary.json").read_text())["done"] == 5


def test_the_first_table_of_the_page_works_as_it_is_printed(
    cli: Callable, tmp_path: Path, espeak_engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three rows; one text is changed, and one row is spoken again."""
    table = re.search(r"```csv\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert table is not None
    monkeypatch.chdir(tmp_path)
    jobs = Path("jobs.csv")
    jobs.write_text(table[1], encoding="utf-8")
    assert cli("batch", "check", "jobs.csv").code == 0
    assert cli("batch", "run", "jobs.csv").code == 0
    out = Path("jobs-out")
    assert [row["status"] for row in results(out)] == ["done"] * 3
    before = {row["output"]: row["sha256"] for row in results(out)}
    jobs.write_text(table[1].replace("Mind the step", "Mind the stairs"), encoding="utf-8")
    assert cli("batch", "run", "jobs.csv").code == 0
    after = {row["output"]: row["sha256"] for row in results(out)}
    assert {name for name in after if after[name] != before[name]} == {"step.wav"}
    assert json.loads((out / "summary.json").read_text())["reused"] == 2


def test_a_text_that_looks_like_a_comment_is_told(cli: Callable, tmp_path: Path, espeak_engine: Path) -> None:
    jobs = tmp_path / "jobs.csv"
    jobs.write_text('text,output\n"#1 in the charts",one.wav\n#2 in the charts,two.wav\n')
    done = cli("batch", "run", str(jobs))
    assert (done.code, [row["output"] for row in results(tmp_path / "jobs-out")]) == (0, ["one.wav"])
    assert "left out, as what begins with # is a comment: 1 line" in done.err


def test_every_column_of_a_row_is_on_the_page() -> None:
    from demod_voice.batch.table.columns import EPISODE_COLUMNS, SPEECH_COLUMNS

    page = PAGE.read_text(encoding="utf-8")
    for name in SPEECH_COLUMNS.known:
        assert f"\n| `{name}` |" in page
    episodes = page.partition("## Many episodes")[2].partition("\n## ")[0]
    for name in EPISODE_COLUMNS.known:
        assert re.search(rf"[`, ]{name}[`, ]", episodes), name
