"""Rows that are scripts: keys, faults, what is recorded of an episode, and what is kept of one that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.scripts import script_text
from support.signals import noise, wav

from demod_voice.api.batch_episodes import episode_task
from demod_voice.batch.episode_task import EpisodeTask
from demod_voice.batch.options import BatchOptions
from demod_voice.batch.table.paths import places_of
from demod_voice.batch.types import DONE, FAILED, Finished, Job, Row
from demod_voice.config import load_settings
from demod_voice.config.settings import Settings
from demod_voice.errors import DemodError, OutputError, UsageError
from demod_voice.records.hashing import hash_file
from demod_voice.voices.choice import VoiceChoice

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "---\ntitle: Short\nspeakers:\n  Ada: en-us+f3\n---\n\nAda: A short episode.\n\nAda: It ends here.\n"


@pytest.fixture(autouse=True)
def fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


@contextmanager
def open_task(folder: Path, settings: Settings | None = None, lexicon: Path | None = None) -> Iterator[EpisodeTask]:
    jobs = folder / "scripts.csv"
    jobs.touch()
    known = settings or load_settings()
    options = BatchOptions(out_dir=folder / "out", task="episode", lexicon=lexicon)
    places = places_of(jobs, options, known)
    places.work.mkdir(parents=True, exist_ok=True)
    with episode_task(options, places, known) as task:
        yield task


def row(number: int = 1, **cells: str) -> Row:
    return Row(number, number + 1, {"script": "a.md", "output": "a.wav", **cells})


def done(folder: Path, *rows: Row) -> list[Finished]:
    """As the batch does it: jobs, units, each spoken and finished."""
    with open_task(folder) as task:
        return finished(task, [task.job(each) for each in rows])


def finished(task: EpisodeTask, jobs: list[Job]) -> list[Finished]:
    units = task.units(task.plan(jobs), frozenset(each.row.number for each in jobs))
    return [task.finish(spoken)[0] for unit in units for spoken in task.speak(unit)]


def key(folder: Path, settings: Settings | None = None, **cells: str) -> str:
    with open_task(folder, settings) as task:
        return task.job(row(**cells)).key


@pytest.fixture
def show(tmp_path: Path) -> Path:
    """A folder with a script that uses a lexicon, a mix with music, a cast, a cover-less show and an effect."""
    wav(tmp_path / "bed.wav", noise(1, 3.0, -30.0, 24000), 24000)
    wav(tmp_path / "bell.wav", noise(2, 0.5, -20.0, 24000), 24000)
    (tmp_path / "mix.yaml").write_text("music: bed.wav\n")
    (tmp_path / "words.yaml").write_text("words: {short: brief}\n")
    (tmp_path / "cast.yaml").write_text("Ben: en-us+m3\n")
    (tmp_path / "show.yaml").write_text("title: Shows\n")
    head = "---\ntitle: Short\nlexicon: words.yaml\ncast: cast.yaml\nspeakers:\n  Ada: en-us+f3\n---\n"
    (tmp_path / "a.md").write_text(f"{head}\nAda: A short episode.\n\n[sfx bell.wav]\n\nBen: It ends here.\n")
    return tmp_path


@pytest.mark.usefixtures("espeak_engine")
def test_an_episode_is_recorded_with_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(SCRIPT.replace("Ada: It", "Ada: (sad) It"))
    (one,) = done(tmp_path, row(format="flac; mp3", id="e1"))
    made = tmp_path / "out" / "a.wav"
    assert (one.status, one.output, one.engine) == (DONE, "a.wav", "espeak")
    assert (one.sha256, one.num_bytes, one.mtime_ns) == (
        hash_file(made),
        made.stat().st_size,
        made.stat().st_mtime_ns,
    )
    assert one.audio_s == pytest.approx((made.stat().st_size - 44) / 2 / 24000, abs=0.1)
    assert {"a.flac", "a.mp3", "a.manifest.json"} <= {path.name for path in made.parent.iterdir()}
    assert one.notes == "espeak cannot use the hint emotion (line 9)"
    (voice,) = one.facts["voices"]
    assert (voice["name"], voice["engine"], voice["model"]) == ("en-us+f3", "espeak", one.model)
    assert one.facts["files"]["a.flac"] == (tmp_path / "out" / "a.flac").stat().st_size
    assert {"a.mp3", "a.vtt", "a.manifest.json"} <= set(one.facts["files"])


@pytest.mark.usefixtures("espeak_engine")
def test_the_key_is_the_content_of_all_that_is_read(show: Path) -> None:
    before = key(show, mix="mix.yaml")
    changes = {
        "a.md": (show / "a.md").read_text().replace("ends", "stops"),
        "words.yaml": "words: {short: little}\n",
        "mix.yaml": "music: bed.wav\npositions: {Ada: -0.5}\n",
        "cast.yaml": "Ben: en-us+m1\n",
        "show.yaml": "title: Other\n",
    }
    keys = {before}
    for name, text in changes.items():
        kept = (show / name).read_text()
        (show / name).write_text(text)
        keys.add(key(show, mix="mix.yaml"))
        (show / name).write_text(kept)
    for name in ("bed.wav", "bell.wav"):
        kept_bytes = (show / name).read_bytes()
        wav(show / name, noise(3, 1.0, -30.0, 24000), 24000)
        keys.add(key(show, mix="mix.yaml"))
        (show / name).write_bytes(kept_bytes)
    assert len(keys) == 1 + len(changes) + 2
    assert key(show, mix="mix.yaml") == before


@pytest.mark.usefixtures("espeak_engine")
def test_the_key_has_the_cells_and_the_settings(show: Path) -> None:
    settings = load_settings()
    other = [
        key(show),
        key(show, seed="7"),
        key(show, format="flac"),
        key(show, preset="apple"),
        key(show, output="b.wav"),
        key(show, id="x"),
        key(show, cast="cast.yaml", mix="mix.yaml"),
        key(show, replace(settings, loudness=replace(settings.loudness, mono_lufs=-20.0))),
        key(show, replace(settings, attempts=settings.attempts + 1)),
    ]
    assert len(set(other)) == len(other)
    assert key(show, replace(settings, jobs=3)) == other[0]


@pytest.mark.usefixtures("espeak_engine")
def test_a_folder_that_was_moved_has_the_same_keys(show: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = key(show, mix="mix.yaml")
    moved = show.rename(tmp_path_factory.mktemp("elsewhere") / "moved")
    assert key(moved, mix="mix.yaml") == before


@pytest.mark.usefixtures("espeak_engine")
def test_an_error_of_one_episode_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(SCRIPT)
    (tmp_path / "b.md").write_text(SCRIPT)
    with open_task(tmp_path) as task:
        jobs = [task.job(row(1, output="sub/a.wav")), task.job(row(2, script="b.md", output="b.wav"))]
        (tmp_path / "out" / "sub").write_text("in the way")
        first, second = finished(task, jobs)
        assert (first.status, first.kind, second.status) == (FAILED, "OutputError", DONE)
        assert first.error == "cannot write sub: a file of that name is in the way"


def test_lines_that_could_not_be_spoken_are_told_without_a_path(tmp_path: Path, fake_engine: Path) -> None:
    text = script_text(["Fine.", "Bad \\[\\[raise\\]\\]."])
    (tmp_path / "a.md").write_text(text)
    (one,) = done(tmp_path, row())
    assert (one.status, one.kind) == (FAILED, "EngineFailed")
    assert one.error.startswith("a.md:")
    assert str(tmp_path) not in one.error


def test_an_episode_below_its_quality_is_a_failed_row(tmp_path: Path, fake_engine: Path) -> None:
    (tmp_path / "a.md").write_text(script_text(["Silence \\[\\[slow 0.01\\]\\]."]))
    (tmp_path / "mix.yaml").write_text("loudness: -5\ntrue_peak: -9\n")
    (one,) = done(tmp_path, row(mix="mix.yaml"))
    assert (one.status, one.kind) == (FAILED, "QualityError")
    assert "the episode is written, but: " in one.error
    assert (tmp_path / "out" / "a.wav").exists()


@pytest.mark.parametrize(
    ("cells", "word"),
    [
        ({"script": "none.md"}, "none.md"),
        ({"script": ""}, "the column script is empty"),
        ({"output": ""}, "the column output is empty"),
        ({"output": "a"}, "no extension that says its format"),
        ({"output": "a.xyz"}, "no extension that says its format"),
        ({"format": "mp3;xyz"}, "unknown audio format"),
        ({"seed": "many"}, "seed"),
        ({"mix": "none.yaml"}, "none.yaml"),
        ({"preset": "none"}, "none"),
        ({"cast": "none.yaml"}, "none.yaml"),
    ],
)
def test_faults_of_a_row(tmp_path: Path, cells: dict[str, str], word: str) -> None:
    (tmp_path / "a.md").write_text(SCRIPT)
    with open_task(tmp_path) as task:
        ((what, _),) = task.faults(row(**cells))
        assert word in what
        assert str(tmp_path) not in what
        with pytest.raises(DemodError):
            task.job(row(**cells))


def test_every_fault_of_a_script_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(SCRIPT + "\nNobody: Hello.\n\n[sfx none.wav]\n\nAda: Bye.\n")
    with open_task(tmp_path) as task:
        found = [what for what, _ in task.faults(row())]
    assert len(found) == 2
    assert [what.split(" ")[0] for what in found] == ["a.md:11:", "a.md:13:"]
    with open_task(tmp_path) as task, pytest.raises(UsageError, match=r"a.md:11: .*; .*a.md:13: "):
        task.job(row())


def test_a_good_row_has_no_fault_and_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(SCRIPT)
    with open_task(tmp_path) as task:
        assert task.faults(row()) == []
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["batch.demod"]


def test_two_episodes_cannot_share_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(SCRIPT)
    with open_task(tmp_path) as task:
        assert task.faults(row(1, output="a.wav")) == []
        ((what, remedy),) = task.faults(row(2, output="a.mp3"))
        assert "a.mp3 has the name of another episode" in what
        assert "row 1 writes a.wav" in remedy
        with pytest.raises(UsageError):
            task.job(row(2, output="a.mp3"))
        assert task.faults(row(1, output="a.wav")) == []


def test_paths_outside_the_allowed_roots(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "a.md").write_text(SCRIPT)
    settings = load_settings()
    only = replace(settings, paths=replace(settings.paths, allowed_roots=(str(inside),)))
    with open_task(inside, only) as task:
        ((what, _),) = task.faults(row(script="../a.md"))
    assert "outside the allowed folders" in what


def test_a_full_disk_stops_and_space_goes_on(tmp_path: Path, fake_engine: Path, small_disk) -> None:
    disk = small_disk(1)
    (tmp_path / "a.md").write_text(script_text([f"Number {number} is said here." for number in range(12)]))
    (tmp_path / "out").symlink_to(disk)
    with pytest.raises(OutputError, match="full"):
        done(tmp_path, row())
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    (one,) = done(tmp_path, row())
    (tmp_path / "out").unlink()
    (calm,) = done(tmp_path, row())
    assert one == replace(calm, mtime_ns=one.mtime_ns)


def test_a_killed_episode_goes_on_with_the_same_bytes(tmp_path: Path, fake_engine: Path) -> None:
    text = script_text([f"Number {number} \\[\\[slow 0.1\\]\\]." for number in range(8)])
    (tmp_path / "a.md").write_text(text)
    code = (
        "import sys; sys.path.insert(0, 'tests'); from pathlib import Path\n"
        "from batch.test_episode_task import done, row\n"
        "done(Path(sys.argv[1]), row())\n"
    )
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])
    environ = {**os.environ, "PYTHONPATH": path, "DEMOD_VOICE_JOBS": "1", "DEMOD_VOICE_CACHE__ENABLED": "false"}
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=environ, cwd=ROOT)
    takes = tmp_path / "out" / "a.demod" / "takes"
    deadline = time.monotonic() + 30
    while len(list(takes.glob("*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "out" / "a.wav").exists()
    kept = {path: path.stat().st_mtime_ns for path in takes.glob("[0-9a-f]*.json")}
    assert kept
    (one,) = done(tmp_path, row())
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    (tmp_path / "out").rename(tmp_path / "killed")
    (calm,) = done(tmp_path, row())
    assert replace(one, mtime_ns=0) == replace(calm, mtime_ns=0)


def test_episodes_share_a_worker(tmp_path: Path, fake_engine: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.md").write_text(script_text([f"Of {name} there is a lot to tell \\[\\[log\\]\\]."]))
    rows = [row(number, script=f"{name}.md", output=f"{name}.wav") for number, name in enumerate("abc", 1)]
    with open_task(tmp_path, replace(load_settings(), jobs=1)) as task:
        assert [each.status for each in finished(task, [task.job(each) for each in rows])] == [DONE] * 3
    assert (tmp_path / "out" / "batch.demod" / "run.log").read_text().count("a log line") == 3


def test_two_bad_episodes_give_up_no_engine(tmp_path: Path, fake_engine: Path) -> None:
    (tmp_path / "bad.md").write_text(script_text(["Bad \\[\\[kill\\]\\].", "Worse \\[\\[kill\\]\\]."]))
    (tmp_path / "good.md").write_text(script_text(["Good words are heard here.", "And some more of them."]))
    rows = [row(n, script=f"{s}.md", output=f"{n}.wav") for n, s in enumerate(("bad", "bad", "good"), 1)]
    found = done(tmp_path, *rows)
    assert [each.status for each in found] == [FAILED, FAILED, DONE]
    assert found[0].error == found[1].error
    assert "SIGKILL" in found[0].error


def test_voices_are_asked_for_before_the_first_episode(tmp_path: Path, espeak_engine: Path) -> None:
    (tmp_path / "a.md").write_text(SCRIPT)
    (tmp_path / "b.md").write_text(SCRIPT.replace("en-us+f3", "nobody"))
    rows = [row(1), row(2, script="b.md", output="b.wav")]
    with open_task(tmp_path) as task:
        assert [task.faults(each) for each in rows] == [[], []]
        ((where, what, _),) = task.verify_voices()
    assert where is rows[1]
    assert what.startswith("b.md:4: speaker Ada: ")
    assert "nobody" in what


def test_an_engine_that_is_not_there_is_an_error_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(SCRIPT.replace("en-us+f3", "{engine: csm, voice: x}"))
    with open_task(tmp_path) as task:
        task.faults(row())
        with pytest.raises(DemodError, match="csm"):
            task.verify_voices()


@pytest.mark.usefixtures("espeak_engine")
def test_a_lexicon_of_every_episode(show: Path) -> None:
    lexicon = show / "more.yaml"
    lexicon.write_text("words: {ends: stops}\n")
    before = key(show)
    with open_task(show, lexicon=lexicon) as task:
        assert task.job(row()).key != before


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        ({"loudness": -16.0}, "--loudness"),
        ({"markup": True}, "--markup"),
        ({"consent": "self"}, "--consent"),
        ({"voice": VoiceChoice(engine="piper")}, "--engine"),
    ],
)
def test_flags_that_would_be_without_effect_are_refused(tmp_path: Path, options: dict[str, Any], flag: str) -> None:
    (tmp_path / "scripts.csv").touch()
    asked = BatchOptions(task="episode", **options)
    places = places_of(tmp_path / "scripts.csv", asked, load_settings())
    with pytest.raises(UsageError, match=flag), episode_task(asked, places, load_settings()):
        pass
