"""Kill -9 at any moment, run again: the same bytes, and finished lines are not spoken again."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.scripts import script_text, sentence
from support.signals import noise, wav

LINES = 18
RESULTS = ("show.mp3", "show.flac", "show.manifest.json", "show.vtt", "show.srt")
ROOT = Path(__file__).resolve().parents[2]


def command(script: Path, folder: Path) -> list[str]:
    arguments = ["episode", "render", str(script), "-o", str(folder / "show.mp3"), "--format", "flac", "--jobs", "2"]
    mix = script.with_name("mix.yaml")
    return [sys.executable, "-m", "demod_voice", *arguments, *(["--mix", str(mix)] if mix.exists() else [])]


def environment(cache: Path) -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])
    fakes = {
        "DEMOD_VOICE_ENGINES__SEARCH_PATH": str(ROOT / "tests" / "fakes"),
        "DEMOD_VOICE_ENGINES__FAKE__PYTHON": sys.executable,
    }
    places = {"PYTHONPATH": path, "XDG_CACHE_HOME": str(cache), "HOME": str(cache.parent)}
    return {**os.environ, **fakes, **places, "SOURCE_DATE_EPOCH": "1700000000"}


def digest(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in RESULTS}


def takes(folder: Path) -> set[str]:
    found = (folder / "show.demod" / "takes").glob("*.json")
    return {path.name for path in found if not path.name.startswith(".tmp-")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], float]:
    """The script, the digests of a run that nothing disturbed, and the seconds that it took."""
    return calm_run(tmp_path_factory.mktemp("calm"))


@pytest.fixture
def undisturbed_show(tmp_path: Path) -> tuple[Path, dict[str, str], float]:
    """The same of a stereo show with music."""
    wav(tmp_path / "bed.wav", noise(1, 20.0, -30.0, 44100), 44100)
    (tmp_path / "mix.yaml").write_text("positions: {Ada: -0.5}\nmusic: bed.wav\nintro: bed.wav\n")
    return calm_run(tmp_path)


def calm_run(tmp_path: Path) -> tuple[Path, dict[str, str], float]:
    lines = [f"{sentence(number)} \\[\\[slow 0.05\\]\\]" for number in range(LINES)]
    script = tmp_path / "show.md"
    script.write_text(script_text(lines))
    folder = tmp_path / "calm"
    folder.mkdir()
    began = time.monotonic()
    subprocess.run(command(script, folder), env=environment(tmp_path / "c0"), check=True, capture_output=True)
    return script, digest(folder), time.monotonic() - began


def kill_after(seconds: float, script: Path, folder: Path, cache: Path) -> int:
    process = subprocess.Popen(
        command(script, folder),
        env=environment(cache),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def check_point(tmp_path: Path, undisturbed: tuple[Path, dict[str, str], float], seed: int) -> None:
    script, expected, calm_s = undisturbed
    folder, cache = tmp_path / f"killed{seed}", tmp_path / f"cache{seed}"
    folder.mkdir()
    kill_after(random.Random(seed).uniform(0.1, 1.0) * calm_s, script, folder, cache)
    kept = takes(folder) if (folder / "show.demod").exists() else set()
    done = subprocess.run(command(script, folder), env=environment(cache), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert digest(folder) == expected
    assert not list(folder.rglob(".tmp-*"))
    metrics = json.loads((folder / "show.metrics.json").read_text())
    assert metrics["utterances_generated"] <= LINES - len(kept)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_killed_at_a_seeded_moment(tmp_path: Path, undisturbed, seed: int) -> None:
    check_point(tmp_path, undisturbed, seed)


@pytest.mark.kill
def test_killed_at_twenty_moments(tmp_path: Path, undisturbed) -> None:
    for seed in range(100, 120):
        check_point(tmp_path, undisturbed, seed)


@pytest.mark.kill
def test_a_show_killed_at_ten_moments(tmp_path: Path, undisturbed_show) -> None:
    for seed in range(200, 210):
        check_point(tmp_path, undisturbed_show, seed)


@pytest.mark.slow
def test_killed_again_and_again_it_still_ends(tmp_path: Path, undisturbed) -> None:
    script, expected, calm_s = undisturbed
    folder = tmp_path / "stubborn"
    folder.mkdir()
    for _ in range(12):
        if kill_after(calm_s * 0.45, script, folder, tmp_path / "cx") == 0:
            break
    subprocess.run(command(script, folder), env=environment(tmp_path / "cx"), check=True, capture_output=True)
    assert digest(folder) == expected


@pytest.mark.slow
def test_an_interrupt_leaves_nothing_half_written_and_says_how_to_go_on(tmp_path: Path, undisturbed) -> None:
    script, expected, _ = undisturbed
    folder = tmp_path / "interrupted"
    folder.mkdir()
    environ = environment(tmp_path / "ci")
    process = subprocess.Popen(command(script, folder), env=environ, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not list(folder.glob("show.demod/takes/*.json")):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "again" in errors
    assert not list(folder.rglob(".tmp-*"))
    assert not (folder / "show.mp3").exists()
    subprocess.run(command(script, folder), env=environ, check=True, capture_output=True)
    assert digest(folder) == expected
