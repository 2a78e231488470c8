"""A whole run with a task of texts: resumed, changed, stopped, on a full disk, beside another one."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from support.batches import PlainTask
from support.folders import digests

from demod_voice.batch.folder import clean, status
from demod_voice.batch.kept.manifest import shaping
from demod_voice.batch.local import LocalExecutor
from demod_voice.batch.options import BatchOptions
from demod_voice.batch.run import Batch, BatchReport, Wishes, require_done, run_batch
from demod_voice.batch.table.paths import places_of
from demod_voice.batch.table.rows import jobs_table
from demod_voice.batch.types import Finish, Finished, Spoken, Timing, Unit
from demod_voice.config import load_settings
from demod_voice.config.settings import DEFAULTS
from demod_voice.errors import EngineError, EngineFailed, FaultsError, OutputError, UsageError
from demod_voice.records.progress import Silent

Rows = Sequence[tuple[str, str]]
PLAIN = Wishes()


class Notes(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.words: list[str] = []
        self.done = 0.0

    def advance(self, step: str, amount: float = 1.0) -> None:
        self.done += amount if step == "batch" else 0

    def tell(self, step: str, words: str) -> None:
        self.words.append(words)

    def note(self, message: str) -> None:
        self.notes.append(message)


class Bench:
    """A table and its output folder."""

    def __init__(self, folder: Path) -> None:
        self.jobs = folder / "jobs.csv"
        self.out = folder / "jobs-out"
        self.notes = Notes()
        self.task: PlainTask = PlainTask(self.out)

    def write(self, rows: Rows) -> None:
        """(output's stem, text) of each row."""
        with self.jobs.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "mood", "output"])
            writer.writerows((text, f"m{name}", f"{name}.wav") for name, text in rows)

    def batch(self) -> Batch:
        options = BatchOptions()
        places = places_of(self.jobs, options, DEFAULTS)
        return Batch(jobs_table(self.jobs, options, DEFAULTS), places, options, DEFAULTS)

    def run(self, wishes: Wishes = PLAIN, jobs: int = 2, together: int = 0, **more: object) -> BatchReport:
        self.task = PlainTask(self.out, together)
        executor = LocalExecutor(self.task.speak, jobs)
        return run_batch(self.batch(), self.task, executor, wishes, self.notes, **more)

    @property
    def results(self) -> list[dict[str, str]]:
        with (self.out / "results.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    @property
    def spoken(self) -> int:
        return sum(self.task.spoken.values())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(autouse=True)
def same_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


def result_digests(folder: Path) -> dict[str, str]:
    found = digests(folder, "batch.demod")
    return {name: found[name] for name in found if name not in ("summary.json", "timings.csv")}


def test_every_row_is_done_and_told_in_order(bench: Bench) -> None:
    bench.write([(f"a/{number}", f"text {number}") for number in range(200)])
    report = bench.run()
    assert [row["row"] for row in bench.results] == [str(number) for number in range(1, 201)]
    assert {row["status"] for row in bench.results} == {"done"}
    assert bench.results[6]["output"] == "a/6.wav"
    assert bench.results[6]["mood"] == "ma/6"
    assert (bench.out / "a/6.wav").read_bytes() == b"text 6 " * 8
    assert bench.notes.done == 200
    assert bench.notes.words
    assert "audio min/min" in bench.notes.words[0]
    assert report.summary["utterances_generated"] == report.summary["done"] == 200
    assert report.summary["total_duration_sec"] == pytest.approx(200.0)
    assert set(json.loads((bench.out / "summary.json").read_text())) >= {
        "utterances_generated",
        "total_duration_sec",
        "generation_time_sec",
        "realtime_factor",
        "peak_memory_gb",
        "cache_hits",
        "errors",
        "rows",
        "reused",
        "rows_per_minute",
        "audio_minutes_per_minute",
        "versions",
    }
    assert len((bench.out / "timings.csv").read_text().splitlines()) == 201
    require_done(report)


def test_a_second_run_does_nothing_and_changes_nothing(bench: Bench) -> None:
    bench.write([(str(number), f"text {number}") for number in range(50)])
    bench.run()
    before = result_digests(bench.out)
    times = {path: path.stat().st_mtime_ns for path in bench.out.glob("*.wav")}
    report = bench.run()
    assert bench.spoken == 0
    assert report.summary["reused"] == 50
    assert result_digests(bench.out) == before
    assert {path: path.stat().st_mtime_ns for path in bench.out.glob("*.wav")} == times


@pytest.mark.slow
def test_after_an_edit_of_ten_thousand_rows_only_what_changed_is_done(many: Bench) -> None:
    rows = [(str(number), f"text {number}") for number in range(10_000)]

    def again() -> list[str]:
        many.write(rows)
        many.run()
        assert [row["output"] for row in many.results] == [f"{name}.wav" for name, _ in rows]
        assert {row["status"] for row in many.results} == {"done"}
        return [rows[number - 1][0] for number in sorted(many.task.spoken)]

    assert again() == []
    rows[5000] = ("5000", "another text")
    assert again() == ["5000"]
    rows.insert(77, ("new", "a new text"))
    assert again() == ["new"]
    rows.pop(5000)
    assert again() == []
    rows.insert(0, rows.pop(9000))
    assert again() == []
    rows[3] = ("other name", rows[3][1])
    assert again() == ["other name"]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    bench = Bench(tmp_path_factory.mktemp("many"))
    bench.write([(str(number), f"text {number}") for number in range(10_000)])
    bench.run()
    return bench


def test_an_output_that_was_changed_or_removed_is_made_again(bench: Bench) -> None:
    bench.write([(str(number), f"text {number}") for number in range(10)])
    bench.run()
    before = result_digests(bench.out)
    (bench.out / "3.wav").unlink()
    (bench.out / "4.wav").write_bytes(b"other")
    same_size = (bench.out / "5.wav").read_bytes()[::-1]
    (bench.out / "5.wav").write_bytes(same_size)
    bench.run()
    assert sorted(bench.task.spoken) == [4, 5, 6]
    assert result_digests(bench.out) == before


def test_an_output_that_was_only_touched_is_kept(bench: Bench) -> None:
    bench.write([("1", "text")])
    bench.run()
    os.utime(bench.out / "1.wav", ns=(5, 5))
    bench.run()
    assert bench.spoken == 0


def test_after_the_machine_was_started_anew_outputs_are_known_by_their_bytes(bench: Bench) -> None:
    bench.write([(str(number), f"text {number}") for number in range(10)])
    bench.run()
    before = result_digests(bench.out)
    lost = bench.out / "3.wav"
    moment = lost.stat()
    lost.write_bytes(bytes(moment.st_size))
    os.utime(lost, ns=(moment.st_atime_ns, moment.st_mtime_ns))
    database = sqlite3.connect(bench.out / "batch.demod/rows.sqlite")
    database.execute("UPDATE sessions SET boot = 'an earlier one'")
    database.commit()
    database.close()
    bench.run()
    assert dict(bench.task.spoken) == {4: 1}
    assert result_digests(bench.out) == before
    bench.run()
    assert bench.spoken == 0


def test_a_row_that_fails_fails_alone_and_is_not_tried_again_until_it_is_asked_for(bench: Bench) -> None:
    bench.write([("1", "fine"), ("2", "fail"), ("3", "fine too")])
    report = bench.run()
    assert [row["status"] for row in bench.results] == ["done", "failed", "done"]
    assert bench.results[1]["error"] == "it would not (try another)"
    assert bench.results[1]["sha256"] == ""
    assert report.summary["errors"] == [{"row": 2, "error": "it would not (try another)"}]
    with pytest.raises(EngineFailed, match="1 of 3 rows failed\n  row 2: it would not") as caught:
        require_done(report)
    assert caught.value.exit_code == 4
    assert "--retry-failed" in (caught.value.hint or "")
    report = bench.run()
    assert bench.spoken == 0
    assert report.summary["failed"] == 1
    bench.run(Wishes(retry_failed=True))
    assert dict(bench.task.spoken) == {2: 1}


def test_a_row_that_cannot_be_a_job_fails_without_a_trace_of_the_machine(bench: Bench) -> None:
    bench.write([("1", "fine"), ("2", ""), ("3", "fine")])
    with pytest.raises(FaultsError, match="row 2"):
        bench.run()
    assert not bench.out.exists()
    report = bench.run(Wishes(check=False))
    assert [row["status"] for row in bench.results] == ["done", "failed", "done"]
    assert bench.results[1]["error"] == "2.wav: nothing is said (write a text)"
    with pytest.raises(UsageError):
        require_done(report)


def test_unchecked_the_second_row_with_one_output_fails(bench: Bench) -> None:
    bench.write([("1", "fine"), ("2", "fine"), ("1", "other")])
    bench.run(Wishes(check=False))
    assert [row["status"] for row in bench.results] == ["done", "done", "failed"]
    assert "the output of row 1 too" in bench.results[2]["error"]


def test_a_row_that_an_executor_loses_is_a_defect_and_no_finished_batch(bench: Bench) -> None:
    class Forgetful(LocalExecutor):
        def run(self, units: Iterable[Unit | None], finish: Finish) -> Iterator[tuple[Finished, Timing]]:
            return (each for each in super().run(units, finish) if each[0].number != 3)

    bench.write([(f"r{number}", f"Text {number}.") for number in range(5)])
    with pytest.raises(RuntimeError, match="row 3 of 5 has no result"):
        run_batch(bench.batch(), bench.task, Forgetful(bench.task.speak, 1))
    assert not (bench.out / "manifest.json").exists()
    assert bench.run().summary["done"] == 5


def test_the_first_error_stops_a_run_that_was_told_so(bench: Bench) -> None:
    bench.write([("1", "fail"), *((str(number), f"slow 0.01{'0' * 9}") for number in range(2, 300))])
    report = bench.run(Wishes(on_error="stop"), jobs=1)
    told = [row["status"] for row in bench.results]
    assert len(told) == 299
    assert told[0] == "failed"
    assert 0 < told.count("done") < 40
    assert "stopped" in bench.results[-1]["error"]
    assert report.summary["skipped"] == told.count("skipped")
    report = bench.run()
    assert [row["status"] for row in bench.results].count("done") == 298


def test_rows_of_an_engine_that_was_given_up_are_tried_by_the_next_run(bench: Bench) -> None:
    bench.write([("1", "fine"), ("2", "skip")])
    report = bench.run()
    assert [row["status"] for row in bench.results] == ["done", "skipped"]
    assert status(bench.out, DEFAULTS).left == 1
    with pytest.raises(EngineError, match="1 of 2 rows not tried") as caught:
        require_done(report)
    assert caught.value.exit_code == 4
    bench.run()
    assert dict(bench.task.spoken) == {2: 1}


def test_a_flawed_output_is_tried_again_when_more_attempts_are_allowed(bench: Bench) -> None:
    bench.write([("1", "flawed 2"), ("2", "fine")])
    bench.run(attempts=lambda _: 2)
    bench.run(attempts=lambda _: 2)
    assert bench.spoken == 0
    bench.run(attempts=lambda _: 3)
    assert dict(bench.task.spoken) == {1: 1}


def test_what_is_spoken_together_is_done_together_and_again_when_its_batch_changes(bench: Bench) -> None:
    rows = [(str(number), f"text {number}") for number in range(12)]
    bench.write(rows)
    bench.run(together=4)
    plan = json.loads((bench.out / "batch.demod/plans/000001.json").read_text())
    assert [batch["rows"] for batch in plan["batches"]] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]
    before = result_digests(bench.out)
    (bench.out / "5.wav").unlink()
    bench.run(together=4)
    assert sorted(bench.task.spoken) == [5, 6, 7, 8]
    assert result_digests(bench.out) == before
    assert json.loads((bench.out / "batch.demod/plans/000001.json").read_text()) == plan
    rows[1] = ("1", "changed")
    bench.write(rows)
    bench.run(together=4)
    assert sorted(bench.task.spoken) == [1, 2, 3, 4]


def test_a_second_run_says_so_and_waits_or_is_refused(bench: Bench) -> None:
    bench.write([(str(number), "slow 0.05") for number in range(20)])
    first = threading.Thread(target=bench.run)
    first.start()
    deadline = time.monotonic() + 10
    while not (bench.out / "batch.demod/at-work").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert status(bench.out, DEFAULTS).at_work
    with pytest.raises(UsageError, match="a run works on"):
        clean(bench.out, DEFAULTS)
    second = Bench(bench.jobs.parent)
    with pytest.raises(UsageError, match="another run works on"):
        second.run(Wishes(wait=False))
    report = second.run()
    first.join()
    assert any("waiting" in note for note in second.notes.notes)
    assert report.summary["reused"] == 20
    assert second.spoken == 0
    found = status(bench.out, DEFAULTS)
    assert (found.at_work, found.rows, found.done, found.failed, found.left) == (False, 20, 20, 0, 0)


def test_a_table_that_changes_meanwhile_stops_the_run(bench: Bench) -> None:
    bench.write([(str(number), f"text {number}") for number in range(100)])
    touched = [0]

    def change(engines: frozenset[str]) -> None:
        assert engines == {"plain"}
        touched[0] += 1
        bench.jobs.write_text(bench.jobs.read_text().replace("text 99", "text 98"))

    with pytest.raises(UsageError, match="was changed while"):
        bench.run(before_work=change)
    assert touched == [1]
    report = bench.run()
    assert report.summary["done"] == 100


def test_what_must_be_right_before_the_work_is_asked_once_and_only_when_there_is_work(bench: Bench) -> None:
    bench.write([("1", "fine"), ("2", "fine")])
    asked: list[frozenset[str]] = []
    bench.run(before_work=asked.append)
    bench.run(before_work=asked.append)
    assert asked == [{"plain"}]


def test_a_full_disk_stops_the_run_and_keeps_what_is_finished(small_disk, tmp_path: Path) -> None:
    bench = Bench(small_disk(2))
    bench.write([(str(number), f"{number:03d} " + "y" * 6000) for number in range(60)])
    with pytest.raises(OutputError, match="full") as caught:
        bench.run(jobs=1)
    assert caught.value.exit_code == 7
    made = len([path for path in bench.out.glob("*.wav") if not path.name.startswith(".tmp-")])
    assert 5 < made < 60
    subject = Bench(tmp_path)
    shutil.copytree(bench.jobs.parent, tmp_path, dirs_exist_ok=True, copy_function=shutil.copy2)
    report = subject.run()
    assert report.summary["reused"] == made
    assert report.summary["done"] == 60
    calm = Bench(tmp_path / "calm")
    calm.out.mkdir(parents=True)
    shutil.copy(subject.jobs, calm.jobs)
    calm.run()
    assert result_digests(calm.out) == result_digests(subject.out)


def test_an_interrupt_keeps_everything(bench: Bench) -> None:
    bench.write([(str(number), "slow 0.02") for number in range(100)])
    task = PlainTask(bench.out)
    local = LocalExecutor(task.speak, 1)

    class Interrupted:
        def run(self, units: Iterator[Unit | None], finish: object) -> Iterator[tuple[Finished, Timing]]:
            results = local.run(units, finish)
            for _ in range(10):
                yield next(results)
            results.close()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(bench.batch(), task, Interrupted())
    assert status(bench.out, DEFAULTS).done == 10
    assert (bench.out / "batch.demod/at-work").exists()
    report = bench.run()
    assert report.summary["reused"] >= 10
    assert report.summary["done"] == 100
    assert not (bench.out / "batch.demod/at-work").exists()


def test_after_a_kill_half_written_outputs_are_swept(bench: Bench) -> None:
    bench.write([("a/1", "fine"), ("a/2", "fine")])
    work = bench.out / "batch.demod"
    work.mkdir(parents=True)
    (work / "at-work").touch()
    (bench.out / "a").mkdir()
    left = bench.out / "a/.tmp-1-0123abcd-1.wav"
    other = bench.out / "a/.tmp-1-0123abcd-elsewhere.wav"
    part = bench.out / "a/.tmp-1-0123abcd-2.wav.part"
    own = [work / "references" / ".tmp-1-0123abcd-f00d.wav", bench.out / ".tmp-1-0123abcd-manifest.json"]
    own[0].parent.mkdir()
    for path in (left, other, part, *own):
        path.write_bytes(b"half")
    bench.run()
    assert [path.exists() for path in (left, part, other, *own)] == [False, False, True, False, False]


def test_a_damaged_ledger_is_told_and_the_rows_are_done_again(bench: Bench) -> None:
    bench.write([("1", "fine"), ("2", "fine")])
    bench.run()
    before = result_digests(bench.out)
    (bench.out / "batch.demod/rows.sqlite").write_bytes(b"junk" * 100)
    bench.run()
    assert bench.spoken == 2
    assert any("damaged" in note for note in bench.notes.notes)
    assert result_digests(bench.out) == before


def test_rows_that_wait_for_a_slow_one_are_not_held_without_end(bench: Bench, monkeypatch) -> None:
    monkeypatch.setattr("demod_voice.batch.windows.WINDOW", 8)
    monkeypatch.setattr("demod_voice.batch.kept.keeping.WINDOW", 8)
    bench.write([("0", "slow 1.0"), *((str(number), "x") for number in range(1, 200))])
    most = [0]

    class Watched(PlainTask):
        def finish(self, spoken: Spoken) -> tuple[Finished, Timing]:
            most[0] = max(most[0], spoken.job.row.number)
            if spoken.job.row.number == 1:
                assert most[0] <= 32
            return super().finish(spoken)

    task = Watched(bench.out, size=1)
    report = run_batch(bench.batch(), task, LocalExecutor(task.speak, 2))
    assert report.summary["done"] == 200


def test_the_manifest_is_a_result_and_names_no_place(bench: Bench, tmp_path: Path) -> None:
    bench.write([("1", "fine"), ("2", "fail")])
    bench.run()
    story = (bench.out / "manifest.json").read_text()
    assert str(tmp_path) not in story
    told = json.loads(story)
    assert told["rows"] == {"done": 1, "failed": 1, "skipped": 0}
    assert told["jobs"]["rows"] == 2
    bench.run()
    assert (bench.out / "manifest.json").read_text() == story


def test_the_manifest_tells_what_is_set_for_engines_and_heard() -> None:
    plain = shaping(load_settings(), BatchOptions())
    assert (plain["language"], plain["engines"]) == ("en", {})
    own = {
        "language": "de",
        "engines.csm.options": ["dtype=float16"],
        "engines.espeak.guards": "off",
        "engines.piper.python": "/usr/bin/python3",
        "engines.xtts.options": ["none=such"],
    }
    told = shaping(load_settings(**own), BatchOptions())
    assert told["language"] == "de"
    assert told["engines"] == {
        "csm": {"guards": "retry", "options": {"dtype": "float16"}},
        "espeak": {"guards": "off", "options": {}},
    }


@pytest.mark.slow
def test_memory_does_not_grow_with_finished_rows(many: Bench) -> None:
    """When a window's garbage goes is chance: the smallest of three peaks. A row that is kept has over 500 bytes."""
    import tracemalloc

    def peak(rows: int) -> int:
        many.write([(str(number), f"text {number}") for number in range(rows)])
        many.run(Wishes(check=False))
        return min(again(rows) for _ in range(3))

    def again(rows: int) -> int:
        tracemalloc.start()
        report = many.run(Wishes(check=False))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert report.summary["reused"] == rows
        return most

    few = peak(12_000)
    assert peak(24_000) < few + 12_000 * 100
