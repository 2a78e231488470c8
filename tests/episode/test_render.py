"""A whole episode: bytes, resumption, increments, outputs, bad input. With the fake engine as a real process."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support.scripts import script_text, sentence

from demod_voice.api.episodes import check_episode, clean_episode, new_episode, render_episode
from demod_voice.config import load_settings
from demod_voice.config.folders import cache_folder
from demod_voice.errors import EngineError, FaultsError, OutputError, UsageError
from demod_voice.mix.loudness import measure
from demod_voice.records.hashing import hash_file
from demod_voice.records.progress import Silent

pytestmark = pytest.mark.usefixtures("fake_engine")
RESULTS = ("show.manifest.json", "show.vtt", "show.srt", "show.demod/master.wav")


@pytest.fixture(autouse=True)
def fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


def digest(folder: Path) -> dict[str, str]:
    """SHA-256 of every result in a folder."""
    names = [*RESULTS, *(path.name for path in sorted(folder.glob("show.[mw][pa][3v]")))]
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def render(script: Path, folder: Path, suffix: str = "mp3", **changes: object):
    folder.mkdir(exist_ok=True)
    settings = replace(load_settings(), **changes)  # type: ignore[arg-type]
    return render_episode(script, folder / f"show.{suffix}", settings=settings)


def test_the_same_bytes_whatever_the_jobs_and_the_folder(tmp_path: Path, write_script) -> None:
    script = write_script(script_text([sentence(number) for number in range(12)]))
    render(script, tmp_path / "one", jobs=1)
    shutil.rmtree(cache_folder())
    render(script, tmp_path / "three", jobs=3)
    assert digest(tmp_path / "one") == digest(tmp_path / "three")


def test_a_second_run_speaks_nothing_and_changes_no_byte(tmp_path: Path, write_script) -> None:
    script = write_script(script_text([sentence(number) for number in range(6)]))
    first = render(script, tmp_path / "out")
    before = digest(tmp_path / "out")
    second = render(script, tmp_path / "out")
    assert (first.metrics["utterances_generated"], second.metrics["utterances_generated"]) == (6, 0)
    assert digest(tmp_path / "out") == before


@pytest.mark.slow
@pytest.mark.parametrize(("edit", "spoken"), [("change", 1), ("insert", 1), ("delete", 0), ("move", 0)])
def test_an_edit_of_one_line_speaks_that_line_only(
    tmp_path: Path, write_script, monkeypatch: pytest.MonkeyPatch, edit: str, spoken: int
) -> None:
    monkeypatch.setenv("DEMOD_VOICE_CACHE__ENABLED", "false")
    lines = [f"Number {number}." for number in range(200)]
    speakers = {"Ada": "low"}
    render(write_script(script_text(lines, speakers)), tmp_path / "out", "wav")
    edited = {
        "change": [*lines[:77], "Something else.", *lines[78:]],
        "insert": [*lines[:77], "Something else.", *lines[77:]],
        "delete": [*lines[:77], *lines[78:]],
        "move": [*lines[:20], lines[150], *lines[20:150], *lines[151:]],
    }[edit]
    report = render(write_script(script_text(edited, speakers)), tmp_path / "out", "wav")
    assert report.metrics["utterances_generated"] == spoken
    assert len(report.manifest["segments"]) == len(edited)
    render(write_script(script_text(edited, speakers)), tmp_path / "fresh", "wav")
    assert digest(tmp_path / "out") == digest(tmp_path / "fresh")


def test_the_manifest_names_the_script_that_was_read_whatever_became_of_the_file(tmp_path: Path, write_script) -> None:
    script = write_script(script_text([sentence(1)]))
    read = hash_file(script)

    class Editor(Silent):
        """A person who saves the file while it is rendered."""

        def start(self, step: str, total: float, unit: str = "") -> None:
            script.write_text("another text")

    report = render_episode(script, tmp_path / "show.wav", settings=load_settings(), progress=Editor())
    assert report.manifest["generation"]["script_sha256"] == read != hash_file(script)


def test_another_episode_takes_the_line_from_the_cache(tmp_path: Path, write_script) -> None:
    script = write_script(script_text([sentence(1), sentence(2)]))
    render(script, tmp_path / "one")
    report = render(script, tmp_path / "two")
    assert report.metrics["cache_hits"] == 2
    assert report.metrics["utterances_generated"] == 0
    assert digest(tmp_path / "one") == digest(tmp_path / "two")


@pytest.mark.slow
def test_deleting_the_cache_in_the_middle_harms_nothing(tmp_path: Path, write_script) -> None:
    script = write_script(
        script_text([f"{sentence(number)} [[slow 0.05]]".replace("[[", "\\[\\[") for number in range(12)])
    )
    stop = threading.Event()

    def vandal() -> None:
        while not stop.is_set():
            shutil.rmtree(cache_folder(), ignore_errors=True)
            time.sleep(0.01)

    thread = threading.Thread(target=vandal)
    thread.start()
    try:
        render(script, tmp_path / "one")
    finally:
        stop.set()
        thread.join()
    render(script, tmp_path / "two")
    assert digest(tmp_path / "one") == digest(tmp_path / "two")


def test_the_manifest_tells_the_whole_story(tmp_path: Path, write_script) -> None:
    script = write_script(script_text([sentence(1), sentence(2)]))
    report = render(script, tmp_path / "out")
    story = json.loads((tmp_path / "out" / "show.manifest.json").read_text())
    assert story == json.loads(json.dumps(report.manifest))
    assert story["episode_id"] == "a-test"
    assert story["speakers"] == ["Ada", "Ben"]
    assert [segment["text"] for segment in story["segments"]] == [sentence(1), sentence(2)]
    assert story["audio_files"] == {"mp3": "show.mp3"}
    assert story["generation"]["timestamp"] == "2023-11-14T22:13:20Z"
    for name, value in story["files"].items():
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == value
    for segment in story["segments"]:
        assert 0 <= segment["start_sec"] < segment["end_sec"] <= story["duration_sec"] + 1e-6
    assert str(tmp_path) not in json.dumps(story)


def test_the_master_is_on_target(tmp_path: Path, write_script) -> None:
    script = write_script(script_text([sentence(number) for number in range(6)]))
    report = render(script, tmp_path / "out")
    found = measure(tmp_path / "out" / "show.demod" / "master.wav")
    assert found.lufs == pytest.approx(-19.0, abs=0.1)
    assert found.true_peak_dbtp <= -1.0 + 0.05
    assert report.manifest["duration_sec"] == pytest.approx(found.duration_s, abs=0.001)


def test_a_failing_line_is_named_and_the_others_are_kept(tmp_path: Path, write_script) -> None:
    lines = [sentence(number) for number in range(5)]
    broken = [*lines[:2], "Bad \\[\\[raise\\]\\] line.", *lines[3:]]
    script = write_script(script_text(broken))
    with pytest.raises(EngineError) as caught:
        render(script, tmp_path / "out")
    assert "1 of 5 lines" in caught.value.message
    assert "show.md:" in caught.value.message
    assert not (tmp_path / "out" / "show.mp3").exists()
    report = render(write_script(script_text(lines)), tmp_path / "out")
    assert report.metrics["utterances_generated"] == 1


def test_bad_outputs_are_told_before_any_work(tmp_path: Path, write_script) -> None:
    script = write_script(script_text([sentence(1)]))
    settings = load_settings()
    for output, error, words in [
        (tmp_path / "show", UsageError, "no extension"),
        (tmp_path / "show.xyz", UsageError, "unknown audio format"),
        (tmp_path / "no" / "show.mp3", OutputError, "mkdir -p"),
    ]:
        with pytest.raises(error) as caught:
            render_episode(script, output, settings=settings)
        assert words in str(caught.value)
    (tmp_path / "folder.mp3").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        render_episode(script, tmp_path / "folder.mp3", settings=settings)
    assert not list(tmp_path.glob("*.demod"))


def test_a_path_outside_the_allowed_roots(tmp_path: Path, write_script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMOD_VOICE_PATHS__ALLOWED_ROOTS", str(tmp_path / "inside"))
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "link").symlink_to(tmp_path)
    script = write_script(script_text([sentence(1)]), "inside/show.md")
    for output in (tmp_path / "show.mp3", tmp_path / "inside" / ".." / "show.mp3", tmp_path / "inside/link/show.mp3"):
        with pytest.raises(UsageError, match="outside the allowed"):
            render_episode(script, output, settings=load_settings())


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("mount"), reason="needs mount")
def test_a_full_disk_is_one_clear_error_and_keeps_finished_work(tmp_path: Path, write_script, small_disk) -> None:
    script = write_script(script_text([sentence(number) for number in range(40)]))
    disk = small_disk(megabytes=1)
    with pytest.raises(OutputError, match="disk is full") as caught:
        render_episode(script, disk / "show.mp3", settings=load_settings())
    assert "run the same command again" in str(caught.value)
    assert not (disk / "show.mp3").exists()
    assert not [path for path in disk.rglob(".tmp-*") if path.stat().st_size]


def test_check_tells_what_is_in_a_script_and_new_gives_one(tmp_path: Path) -> None:
    path = new_episode(tmp_path / "mine.md")
    with pytest.raises(UsageError, match="exists already"):
        new_episode(path)
    text = path.read_text().replace("espeak", "fake").replace("en-us+f3", "low").replace("en-us+m3", "high")
    path.write_text(text)
    report = check_episode(path, settings=load_settings(engines__default="fake"))
    assert report.lines > 1
    assert report.words > 10
    assert report.estimated_s > 3


def test_clean_removes_the_work_and_nothing_else(tmp_path: Path, write_script) -> None:
    script = write_script(script_text([sentence(1)]))
    render(script, tmp_path / "out")
    assert clean_episode(tmp_path / "out" / "show.mp3") > 1000
    assert not (tmp_path / "out" / "show.demod").exists()
    assert (tmp_path / "out" / "show.mp3").exists()
    with pytest.raises(UsageError):
        clean_episode(tmp_path / "out" / "show.mp3")


def test_an_empty_script_is_a_fault(write_script, tmp_path: Path) -> None:
    with pytest.raises(FaultsError):
        render_episode(write_script(""), tmp_path / "x.mp3", settings=load_settings())
