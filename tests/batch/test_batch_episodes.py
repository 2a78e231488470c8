"""``batch run --task episode`` through the command: episodes of a table, resumed, killed, and what belongs to each."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.batch_runs import BatchFolder, end
from support.scripts import script_text

HEAD = "---\ntitle: Episode {}\nspeakers:\n  Ada: en-us+f3\n---\n\n"

Make = Callable[..., BatchFolder]


@pytest.fixture
def batch(tmp_path: Path, fake_engine: Path, espeak_engine: Path) -> Make:
    """Make the folder of a batch of episodes."""
    return lambda name="b", **environ: BatchFolder(tmp_path / name, ("--task", "episode"), environ)


def short(made: BatchFolder, count: int) -> list[dict[str, str]]:
    """So many scripts that espeak reads, and their rows."""
    for number in range(1, count + 1):
        text = HEAD.format(number) + f"Ada: This is number {number}.\n\nAda: It is over.\n"
        (made.folder / f"{number}.md").write_text(text)
    return [
        {"script": f"{number}.md", "output": f"season/{number}.mp3", "format": "flac", "mood": "=1"}
        for number in range(1, count + 1)
    ]


def test_episodes_of_a_table(batch: Make) -> None:
    made = batch()
    made.write(short(made, 3))
    ended = made.run()
    assert ended.code == 0, ended.error
    assert [(row["status"], row["output"], row["engine"], row["mood"]) for row in made.rows()] == [
        ("done", f"season/{number}.mp3", "espeak", "'=1") for number in (1, 2, 3)
    ]
    assert all(float(row["audio_s"]) > 1 for row in made.rows())
    story = json.loads((made.out / "manifest.json").read_text())
    (voice,) = story["voices"]
    assert (story["task"], voice["name"], voice["engine"], voice["rows"]) == ("episode", "en-us+f3", "espeak", 3)
    assert story["settings"]["episode"]["lexicons_sha256"] == []
    before = made.digest()
    times = {path: path.stat().st_mtime_ns for path in made.outputs("")}
    assert made.run().code == 0
    assert {path: path.stat().st_mtime_ns for path in times if path.name[0].isdigit()} == {
        path: time_ns for path, time_ns in times.items() if path.name[0].isdigit()
    }
    assert made.digest() == before
    (made.out / "season" / "2.flac").unlink()
    (made.folder / "3.md").write_text(HEAD.format(3) + "Ada: Other words are in it now.\n")
    assert made.run().code == 0
    after = made.digest()
    assert {name for name in before if after[name] != before[name] and "metrics" not in name} >= {"season/3.mp3"}
    assert after["season/1.mp3"] == before["season/1.mp3"]
    assert after["season/2.flac"] == before["season/2.flac"]


@pytest.mark.slow
def test_faults_and_failures(batch: Make) -> None:
    made = batch()
    rows = short(made, 3)
    (made.folder / "bad.md").write_text(HEAD.format(9) + "Ada: Fine.\n\nNobody: Who is this?\n")
    (made.folder / "dies.md").write_text(script_text(["It dies \\[\\[kill\\]\\] here."]))
    made.write([rows[0], {**rows[1], "script": "bad.md"}, {**rows[2], "script": "dies.md"}])
    ended = made.run()
    assert ended.code == 2
    assert "bad.md:9: unknown speaker 'Nobody'" in ended.error
    assert made.outputs(".mp3") == []
    (made.folder / "bad.md").write_text(HEAD.format(9).replace("en-us+f3", "nobody") + "Ada: Fine.\n")
    ended = made.run()
    assert ended.code == 2
    assert "row 2: bad.md:4: speaker Ada: " in ended.error
    assert made.outputs(".mp3") == []
    (made.folder / "bad.md").write_text(HEAD.format(9) + "Ada: Fine.\n\nNobody: Who is this?\n")
    ended = made.run("--no-check")
    assert ended.code == 2
    assert made.statuses() == ["done", "failed", "failed"]
    told = [row["error"] for row in made.rows()]
    assert told[1].startswith("bad.md:9: ")
    assert told[2].startswith("dies.md:")
    assert "SIGKILL" in told[2]
    assert str(made.folder) not in (made.out / "results.csv").read_text()


@pytest.mark.slow
def test_an_episode_that_misses_its_loudness(batch: Make) -> None:
    made = batch()
    rows = short(made, 2)
    (made.folder / "mix.yaml").write_text("loudness: -5\ntrue_peak: -9\n")
    made.write([{**rows[0], "mix": "mix.yaml"}, {**rows[1], "mix": ""}])
    ended = made.run()
    assert ended.code == 6, ended.error
    assert made.statuses() == ["failed", "done"]
    assert made.rows()[0]["error"].startswith("the episode is written, but: ")
    assert (made.out / "season" / "1.mp3").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_batch_of_episodes_that_is_ended_goes_on(batch: Make, number: int) -> None:
    calm, made = batch("calm"), batch("ended")
    for each in (calm, made):
        for name in "abc":
            lines = [f"Number {line} of {name} \\[\\[slow 0.1\\]\\]." for line in range(8)]
            (each.folder / f"{name}.md").write_text(script_text(lines))
        each.write([{"script": f"{name}.md", "output": f"{name}.wav"} for name in "abc"])
    assert calm.run().code == 0
    process = made.start("--jobs", "1")
    made.wait_for_outputs(1, process)
    time.sleep(0.4)
    began = time.monotonic()
    end(process, number)
    assert time.monotonic() - began < 5
    assert made.run().code == 0
    assert results(made) == results(calm)
    assert not list(made.out.rglob(".tmp-*"))


def results(made: BatchFolder) -> dict[str, str]:
    """Of the batch and of its episodes; metrics and reports tell of one run, and the work folders are not compared."""
    observed = (".metrics.json", ".report.html")
    digest = made.digest()
    return {name: sha for name, sha in digest.items() if not name.endswith(observed) and ".demod/" not in name}
