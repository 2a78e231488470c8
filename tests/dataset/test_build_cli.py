"""The commands build, add and rejudge, as a person types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.corpus import make, write

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])
    return subprocess.run(
        [sys.executable, "-m", "demod_voice", "dataset", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def raw(tmp_path_factory, module_engines) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    for number in (1, 2):
        write(folder, f"talk-{number}", make(number, 25.0, speakers=1), ".mp3")
    return folder


def test_the_first_words_of_a_dataset_tell_what_was_made_and_what_was_not(raw, tmp_path):
    (tmp_path / "empty.mp3").touch()
    done = run("build", raw, "empty.mp3", "-o", "voice", "--speaker", "anna", folder=tmp_path)
    assert done.returncode == 6
    assert "voice: 2 recordings (2 made)" in done.stdout
    assert "note: val is empty" in done.stdout
    assert "skipped: empty.mp3: it is empty" in done.stdout
    assert "1 of the recordings could not be used: empty.mp3" in done.stderr
    assert (tmp_path / "voice/report/index.html").exists()
    assert "look: voice/report/index.html" in done.stdout
    quiet = run("build", raw, "-o", "voice", "--speaker", "anna", "--quiet", folder=tmp_path)
    assert "voice: 2 recordings (2 kept)" in quiet.stdout
    assert "note:" not in quiet.stdout
    again = run("build", raw, "-o", "voice", "--speaker", "anna", "--json", folder=tmp_path)
    assert again.returncode == 0
    assert json.loads(again.stdout)["reused"] == 2


@pytest.mark.slow
def test_the_older_names_of_folders_and_settings_work(raw, tmp_path):
    (tmp_path / "studio.yaml").write_text("dataset:\n  sample_rate: 22050\n  segments: {max_s: 12}\n")
    done = run(
        "build",
        "--in-dir",
        raw,
        "--out-dir",
        "voice",
        "--config",
        "studio.yaml",
        "--no-text",
        "--no-report",
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    data = json.loads((tmp_path / "voice/dataset.json").read_text())
    assert data["sample_rate"] == 22050
    assert data["settings"]["segments"]["max_s"] == 12
    rows = [json.loads(line) for line in (tmp_path / "voice/train/metadata.jsonl").read_text().splitlines()]
    assert rows
    assert all(row["duration_s"] <= 12 for row in rows)


@pytest.mark.slow
def test_thresholds_are_applied_again_by_name(raw, tmp_path):
    run("build", raw, "-o", "voice", "--no-report", folder=tmp_path)
    done = run("rejudge", "voice", "--set", "dataset.gates.snr_min_db=79", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0 segments kept")


def test_nothing_to_build_from_is_one_clear_line(tmp_path):
    done = run("build", "-o", "voice", folder=tmp_path)
    assert done.returncode == 2
    assert "no recordings were given" in done.stderr
    assert not (tmp_path / "voice").exists()


def test_a_missing_engine_is_told_before_the_work(raw, tmp_path):
    (tmp_path / "only").mkdir()
    (tmp_path / "only/talk.mp3").write_bytes((raw / "talk-1.mp3").read_bytes())
    done = run("build", "only", "-o", "voice", "--language", "de", folder=tmp_path)
    assert done.returncode == 4
    assert "transcribe 'de'" in done.stderr
    assert "--no-text" in done.stderr
    assert not (tmp_path / "voice/.demod/work").exists()
