"""``batch run``, ``status`` and ``clean`` as a person types them: what they print, and their exit codes."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from demod_voice.media.encode import decoded_blocks

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def batch(tmp_path: Path, espeak_engine: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``demod-voice batch ...`` in a folder of its own."""
    assert espeak_engine.exists()
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'backends' / '_sdk'}")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "demod_voice", "batch", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    path = tmp_path / "jobs.csv"
    path.write_text("text,output,mood\nHello there.,a/1.wav,=sad\nAnd again.,a/2.mp3,glad\n")
    return path


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_is_spoken_and_then_known(batch: Run, jobs: Path, tmp_path: Path) -> None:
    done = batch("run", "jobs.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 rows: 2 done\n")
    found = rows(tmp_path / "jobs-out")
    assert [(row["status"], row["output"], row["mood"]) for row in found] == [
        ("done", "a/1.wav", "'=sad"),
        ("done", "a/2.mp3", "glad"),
    ]
    for row in found:
        seconds = sum(block.duration_s for block in decoded_blocks(tmp_path / "jobs-out" / row["output"]))
        assert seconds == pytest.approx(float(row["audio_s"]), abs=0.1)
    again = batch("jobs.csv", "--json")
    assert again.returncode == 0, again.stderr
    summary = json.loads(again.stdout)["summary"]
    assert (summary["reused"], summary["utterances_generated"]) == (2, 0)
    assert jobs.exists()


@pytest.mark.usefixtures("jobs")
def test_status_and_clean(batch: Run, tmp_path: Path) -> None:
    nothing = batch("status", "jobs-out")
    assert nothing.returncode == 2
    assert "not the output folder of a batch" in nothing.stderr
    batch("run", "jobs.csv", "-q")
    assert batch("status", "jobs-out").stdout == "2 rows: 2 done, 0 failed, 0 left; no run is at work\n"
    assert json.loads(batch("status", "jobs-out", "--json").stdout)["done"] == 2
    cleaned = batch("clean", "jobs-out")
    assert cleaned.returncode == 0
    assert "the next run does every row again" in cleaned.stdout
    assert not (tmp_path / "jobs-out/batch.demod").exists()
    assert (tmp_path / "jobs-out/a/1.wav").exists()
    again = batch("run", "jobs.csv", "--json")
    assert json.loads(again.stdout)["summary"]["utterances_generated"] == 2


def test_a_row_that_fails_is_told_at_the_end_and_ends_in_its_code(batch: Run, jobs: Path, tmp_path: Path) -> None:
    jobs.write_text("text,output,voice\nFine.,1.wav,\nFine.,2.wav,no-such-voice\nFine.,3.wav,\n")
    refused = batch("run", "jobs.csv")
    assert refused.returncode == 2
    assert "row 2" in refused.stderr
    assert "no-such-voice" in refused.stderr
    assert not list((tmp_path / "jobs-out").glob("*.wav"))
    done = batch("run", "jobs.csv", "--no-check")
    assert done.returncode in (2, 4)
    assert "1 of 3 rows failed" in done.stderr
    assert "--retry-failed" in done.stderr
    assert [row["status"] for row in rows(tmp_path / "jobs-out")] == ["done", "failed", "done"]


@pytest.mark.usefixtures("jobs")
@pytest.mark.slow
def test_the_results_are_the_same_with_any_number_of_jobs(batch: Run, tmp_path: Path) -> None:
    for number in ("1", "3"):
        done = batch("run", "jobs.csv", "-o", f"out{number}", "--jobs", number)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "out1/results.csv").read_bytes() == (tmp_path / "out3/results.csv").read_bytes()


@pytest.mark.usefixtures("jobs")
def test_what_is_wrong_for_every_row_is_told_once(batch: Run) -> None:
    for arguments, message in (
        (("--ray-address", "auto"), "--ray-address auto without --executor ray"),
        (("--set", "engines.espeak.options=none=1"), "engine espeak has no option 'none'"),
    ):
        refused = batch("run", "jobs.csv", *arguments)
        assert (refused.returncode, refused.stderr.count(message)) == (2, 1)
        assert "row 1" not in refused.stderr


def test_without_a_table_it_says_what_one_is(batch: Run) -> None:
    done = batch("run", "none.csv")
    assert done.returncode == 2
    assert "none.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_table_that_is_called_like_the_results_is_not_overwritten(batch: Run, jobs: Path, tmp_path: Path) -> None:
    for name in ("results.csv", "timings.csv"):
        table = jobs.rename(tmp_path / name)
        for verb in ("run", "check"):
            refused = batch(verb, name, "-o", ".")
            assert (refused.returncode, f"{name} would be replaced by the {name} of the batch" in refused.stderr) == (
                2,
                True,
            )
        jobs.write_bytes(table.read_bytes())
        assert table.read_text().startswith("text,output,mood\n")
        table.unlink()


@pytest.mark.parametrize(
    "name",
    [
        "results.csv",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("timings.csv", "summary.json", "manifest.json")),
    ],
)
def test_files_of_others_are_not_overwritten(batch: Run, jobs: Path, tmp_path: Path, name: str) -> None:
    there = tmp_path / "out" / name
    there.parent.mkdir()
    there.write_text("name,value\nmine,1\n")
    for verb in ("run", "check"):
        refused = batch(verb, jobs.name, "-o", "out")
        assert (refused.returncode, f"{name} is there and is of no batch" in refused.stderr) == (2, True)
    assert (there.read_text(), list(there.parent.iterdir())) == ("name,value\nmine,1\n", [there])


@pytest.mark.usefixtures("jobs")
@pytest.mark.slow
def test_its_own_files_of_before_a_clean_are_replaced(batch: Run, tmp_path: Path) -> None:
    for _ in range(2):
        assert batch("run", "jobs.csv", "-o", "out").returncode == 0
        assert batch("clean", "out").returncode == 0
    assert (tmp_path / "out" / "results.csv").read_text().count(",done,") == 2
