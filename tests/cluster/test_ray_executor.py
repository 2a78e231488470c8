"""Batches on a cluster of three nodes: the same bytes as on one machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.batch_rows import contents, rows_of, run_rows
from support.signals import speechlike, wav

from demod_voice.batch.cluster.executor import RayExecutor
from demod_voice.batch.speech.task import SpeechTask
from demod_voice.batch.types import DONE, FAILED, SKIPPED, Finished, Row, Timing, Unit
from demod_voice.errors import EngineError, EngineNotInstalled
from demod_voice.records.progress import Silent

from .conftest import ROOT, Nodes

pytestmark = pytest.mark.cluster
Make = Callable[..., Any]
Results = dict[int, tuple[Finished, Timing]]


class Notes(Silent):
    """A progress that keeps what a person should see."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def note(self, message: str) -> None:
        self.found.append(message)


def lines(count: int, text: str = "Line {} is here.", **cells: str) -> list[Row]:
    return rows_of([{"text": text.format(n), "output": f"{n:03}.wav", **cells} for n in range(count)])


def one_by_one(task: SpeechTask, asked: Sequence[Row]) -> Iterator[Unit]:
    """A unit for each row."""
    planned = task.plan([task.job(row) for row in asked])
    for unit in task.units(planned, frozenset(job.row.number for job in planned)):
        for job in unit.jobs:
            yield replace(unit, jobs=(job,), wanted=frozenset([job.row.number]))


def run_on(
    executor: RayExecutor,
    task: SpeechTask,
    asked: Sequence[Row],
    each: Callable[[int], None] = lambda _: None,
    until: Callable[[], bool] = lambda: False,
) -> Results:
    """Rows by number, as an executor that is open gives them, each once.

    Args:
        executor: open.
        task: speech.
        asked: rows.
        each: told how many rows have come.
        until: no more rows are asked for once it is true.
    """
    units = takewhile(lambda _: not until(), one_by_one(task, asked))
    done: Results = {}
    for record, timing in executor.run(units, task.finish):
        assert record.number not in done
        done[record.number] = (record, timing)
        each(len(done))
    return done


def told(found: Results) -> dict[int, Finished]:
    """What was recorded, without the clock of the outputs."""
    return {number: replace(record, mtime_ns=0) for number, (record, _) in found.items()}


def both(make: Make, executor: Make, asked: Sequence[Row], tmp_path: Path, **options: Any) -> Results:
    """Rows on one machine and on the cluster: the same files, the same records. Returns those of the cluster."""
    with make("here", **options) as task:
        local = run_rows(task, asked)
    with make("there", **options) as task, executor(task) as ray:
        found = run_on(ray, task, asked)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert told(found) == told(local)
    return found


def test_three_engines_give_the_files_of_one_machine(
    make: Make, executor: Make, tmp_path: Path, tiny_voice: Make, here: Nodes
) -> None:
    cells = [{"engine": "espeak", "voice": "en-us+f3"}, {"model": tiny_voice()}, {"engine": "fake", "voice": "low"}]
    texts = [f"Line {n} is here.\n\nAnd more of it." for n in range(60)]
    asked = rows_of([{"text": text, "output": f"{n:03}.flac", **cells[n % 3]} for n, text in enumerate(texts)])
    found = both(make, executor, asked, tmp_path)
    assert {record.status for record, _ in found.values()} == {DONE}
    assert len({timing.worker for _, timing in found.values()}) == 3, "every node has spoken"
    assert here.left_behind() == []


def test_a_reference_travels_by_content(make: Make, executor: Make, tmp_path: Path, here: Nodes) -> None:
    for name, seed in (("ada", 1), ("ben", 2)):
        wav(tmp_path / f"{name}.wav", speechlike(seed, 8.0, 24000), 24000)
    asked = rows_of(
        [
            {
                "text": f"Line {n}.",
                "output": f"{n}.wav",
                "engine": "burner",
                "reference": f"{'ada ben'.split()[n % 2]}.wav",
            }
            for n in range(8)
        ]
    )
    found = both(make, executor, asked, tmp_path, consent="self")
    assert len({record.sha256 for record, _ in found.values()}) == 2, "two voices"
    assert here.left_behind() == []


def test_bad_rows_fail_alone_and_as_on_one_machine(make: Make, executor: Make, tmp_path: Path) -> None:
    bad = {3: "A [[crash]] word.", 11: "A [[raise]] word.", 12: "A [[refuse]] word.", 20: "A [[silent]] word."}
    asked = rows_of(
        [
            {"text": bad.get(n, f"Line {n}."), "output": f"{n}.wav", "engine": "fake", "voice": "low"}
            for n in range(1, 25)
        ]
    )
    found = both(make, executor, asked, tmp_path)
    assert {number for number, (record, _) in found.items() if record.status == FAILED} == set(bad)
    assert "died" in found[3][0].error


def test_with_jobs_there_are_not_more_actors(make: Make, executor: Make) -> None:
    with make("out") as task, executor(task, jobs=1) as ray:
        found = run_on(ray, task, lines(40, engine="fake"))
    assert len({timing.worker for _, timing in found.values()}) == 1


def test_a_node_that_is_removed_in_the_middle_costs_no_row(
    make: Make, executor: Make, tmp_path: Path, here: Nodes
) -> None:
    asked = lines(96, "[[slow 0.1]] Line {} is here.", engine="fake")
    with make("here") as task:
        local = run_rows(task, asked)
    node, notes = here.add(), Notes()

    def remove(count: int) -> None:
        if count == 24:
            here.remove(node)

    with make("there") as task, executor(task, notes) as ray:
        found = run_on(ray, task, asked, remove)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert told(found) == told(local)
    assert len({timing.worker for _, timing in found.values()}) == 4
    assert any("has lost an actor" in note for note in notes.found)


def test_when_every_node_is_gone_it_says_so_and_keeps_what_is_done(
    make: Make, executor: Make, tmp_path: Path, here: Nodes
) -> None:
    """Only one node has room for an actor of two processors."""
    node = here.cluster.add_node(num_cpus=2, object_store_memory=100 << 20, env_vars=here.environ())
    here.cluster.wait_for_nodes()
    found: list[int] = []

    def remove(count: int) -> None:
        found.append(count)
        if count == 5:
            here.remove(node)

    with (
        make("out") as task,
        pytest.raises(EngineError, match=r"no room for an actor \(2 CPU\) for too long; it has 3 nodes now") as caught,
        executor(task, batch__ray__cpus=2, batch__ray__wait_s=2) as ray,
    ):
        run_on(ray, task, lines(60, "[[slow 0.1]] Line {}.", engine="fake"), remove)
    assert "finished rows are kept" in str(caught.value)
    assert 5 <= len(found) < 60
    assert len(list((tmp_path / "out").glob("*.wav"))) == len(found)


def test_a_row_that_ends_its_actor_each_time_is_skipped(make: Make, executor: Make) -> None:
    asked = lines(3, "Line {}.", engine="burner")
    asked += [Row(4, 5, {"text": "A [[slay]] word.", "output": "9.wav", "engine": "burner"})]
    with make("out") as task, executor(task, jobs=1) as ray:
        found = run_on(ray, task, asked)
    assert [found[number][0].status for number in (1, 2, 3, 4)] == [DONE, DONE, DONE, SKIPPED]
    assert "lost 9 times" in found[4][0].error


def test_an_interrupted_run_leaves_nothing_on_the_nodes(make: Make, executor: Make, here: Nodes) -> None:
    seen: list[int] = []

    def stop(count: int) -> None:
        seen.append(count)
        if count == 4:
            assert len(here.left_behind()) >= 1
            raise KeyboardInterrupt

    with make("out") as task, pytest.raises(KeyboardInterrupt), executor(task) as ray:
        run_on(ray, task, lines(60, "[[slow 0.2]] Line {}.", engine="fake"), stop)
    assert seen == [1, 2, 3, 4]
    assert here.left_behind() == []


def test_a_connection_that_was_there_is_left_alone(make: Make, executor: Make, here: Nodes) -> None:
    import ray

    ray.init(address=here.address, log_to_driver=False, logging_level="ERROR")
    try:
        with make("out") as task, executor(task) as made:
            assert len(run_on(made, task, lines(3, engine="fake"))) == 3
        assert ray.is_initialized()
    finally:
        ray.shutdown()


def other_program(folder: Path, version: str, with_batches: bool = True) -> str:
    """A folder that holds this program under another version, with batches or before there were any; for PYTHONPATH."""
    package = folder / "demod_voice"
    package.mkdir()
    for path in (ROOT / "demod_voice").iterdir():
        if path.name not in ("__init__.py", "__pycache__") and (with_batches or path.name != "batch"):
            (package / path.name).symlink_to(path)
    (package / "__init__.py").write_text(f'__version__ = "{version}"\n')
    return f"{folder}:{ROOT / 'backends' / '_sdk'}"


def changed_fake(folder: Path, old: str, new: str) -> str:
    """A folder of engines whose fake differs."""
    source, target = ROOT / "tests" / "fakes" / "fake", folder / "fake"
    target.mkdir()
    for path in source.iterdir():
        if path.is_file():
            text = path.read_text()
            (target / path.name).write_text(text.replace(old, new) if path.name == "engine.toml" else text)
    assert (target / "engine.toml").read_text() != (source / "engine.toml").read_text()
    return str(folder)


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ("version", EngineError, "has demod-voice 99.0, this machine "),
        (
            "old program",
            EngineError,
            "cannot start demod-voice: ModuleNotFoundError: No module named 'demod_voice.batch'",
        ),
        ("no engine", EngineNotInstalled, "engine fake is not installed"),
        ("output version", EngineError, "has output version 7, that of this machine 1"),
        ("chunks", EngineError, "would speak row [0-9]+ from other inputs than this machine"),
    ],
)
def test_a_node_that_does_not_fit_ends_the_batch(
    make: Make, executor: Make, here: Nodes, tmp_path: Path, change: str, kind: type[EngineError], words: str
) -> None:
    (tmp_path / "o").mkdir()
    changes = {
        "version": lambda: {"PYTHONPATH": other_program(tmp_path / "o", "99.0")},
        "old program": lambda: {"PYTHONPATH": other_program(tmp_path / "o", "0.0", with_batches=False)},
        "no engine": lambda: {"DEMOD_VOICE_ENGINES__FAKE__PYTHON": ""},
        "output version": lambda: {
            "DEMOD_VOICE_ENGINES__SEARCH_PATH": changed_fake(tmp_path / "o", "output_version = 1", "output_version = 7")
        },
        "chunks": lambda: {
            "DEMOD_VOICE_ENGINES__SEARCH_PATH": changed_fake(tmp_path / "o", "max_chars = 0", "max_chars = 10")
        },
    }
    node = here.add(**changes[change]())
    try:
        with make("out") as task, pytest.raises(kind, match=words) as caught, executor(task) as ray:
            run_on(ray, task, lines(2000, "[[slow 0.1]] Line {} is here.", engine="fake"))
        assert caught.value.hint is not None
        assert "node" in caught.value.message
        assert "install" in caught.value.hint
    finally:
        here.remove(node)


def test_a_node_that_comes_late_and_does_not_fit_is_left_out(make: Make, executor: Make, here: Nodes) -> None:
    added: list[Any] = []
    notes = Notes()

    def add(count: int) -> None:
        if count == 4:
            added.append(here.add(DEMOD_VOICE_ENGINES__FAKE__PYTHON=""))

    try:
        with make("out") as task, executor(task, notes) as ray:
            asked = lines(2000, "[[slow 0.1]] Line {}.", engine="fake")
            found = run_on(ray, task, asked, add, lambda: any("left out" in note for note in notes.found))
        assert {record.status for record, _ in found.values()} == {DONE}
        assert len(found) < 2000
        (note,) = [note for note in notes.found if "left out" in note]
        assert "engine fake is not installed" in note
        assert "demod-voice engines install fake" in note
    finally:
        here.remove(added[0])


def test_shares_of_a_gpu(make: Make, executor: Make, here: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two actors share the one GPU that Ray counts; that the machine has none is told by the engine's placement."""
    folder = str(ROOT / "tests" / "fakes_gpu")
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", folder)
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__FAKEGPU__PYTHON", here.engines["DEMOD_VOICE_ENGINES__FAKE__PYTHON"])
    own = here.environ(
        DEMOD_VOICE_ENGINES__SEARCH_PATH=folder,
        DEMOD_VOICE_ENGINES__FAKEGPU__PYTHON=here.engines["DEMOD_VOICE_ENGINES__FAKE__PYTHON"],
    )
    node = here.cluster.add_node(num_cpus=1, num_gpus=1, object_store_memory=100 << 20, env_vars=own)
    here.cluster.wait_for_nodes()
    notes = Notes()
    try:
        with make("out") as task, executor(task, notes, batch__ray__gpus=0.5) as ray:
            found = run_on(ray, task, lines(64, engine="fakegpu"))
    finally:
        here.remove(node)
    assert {record.status for record, _ in found.values()} == {DONE}
    assert len({timing.worker for _, timing in found.values()}) == 2


def test_many_rows_at_once_are_bounded(make: Make, executor: Make) -> None:
    """Units are pulled while there is room, two for each actor; None holds them back until a row has come."""
    pulled = 0
    with make("out") as task, executor(task) as ray:
        units = list(one_by_one(task, lines(200, engine="fake")))

        def feed() -> Any:
            nonlocal pulled
            for number, unit in enumerate(units):
                pulled = number + 1
                yield unit
                if number == 3:
                    while not came:
                        yield None

        came: list[int] = []
        for record, _ in ray.run(feed(), task.finish):
            came.append(record.number)
            assert pulled <= len(came) + 24
    assert sorted(came) == list(range(1, 201))
    assert threading.active_count() < 50
    assert np.unique(came).size == 200
