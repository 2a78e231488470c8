"""Hashing, atomic writes, locks, steps and run folders."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.errors import OutputError
from demod_voice.records.atomic import (
    TEMPORARY_MARK,
    check_name,
    output_error,
    replacing,
    sweep,
    write_json,
    write_text,
)
from demod_voice.records.hashing import canonical_json, hash_bytes, hash_file, hash_json, seed_from
from demod_voice.records.lock import locked
from demod_voice.records.steps import RunFolder, Step

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def test_a_known_hash() -> None:
    assert hash_bytes(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_hash_of_a_file_larger_than_a_block(tmp_path: Path) -> None:
    data = os.urandom((1 << 20) + 17)
    (tmp_path / "f").write_bytes(data)
    assert hash_file(tmp_path / "f") == hash_bytes(data)


@given(st.dictionaries(st.text(), JSON))
def test_key_order_does_not_change_a_hash(value: dict[str, object]) -> None:
    assert hash_json(value) == hash_json(dict(reversed(value.items())))


def test_nan_is_not_hashed() -> None:
    with pytest.raises(ValueError, match=r"not JSON compliant|Out of range"):
        canonical_json(float("nan"))


@given(st.integers(), st.text())
def test_seeds_are_in_range_and_differ_by_part(number: int, text: str) -> None:
    seed = seed_from(number, text)
    assert 0 <= seed < 2**31
    assert seed == seed_from(number, text)


def test_seed_of_joined_parts_is_another_seed() -> None:
    assert seed_from("ab", "c") != seed_from("a", "bc")


def test_a_failed_write_leaves_the_old_file_and_no_temporary(tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    write_json(target, {"a": 1})
    with pytest.raises(RuntimeError):
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("killed")
    assert json.loads(target.read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_the_temporary_name_keeps_the_suffix_and_the_folder(tmp_path: Path) -> None:
    with replacing(tmp_path / "x.mp3") as temporary:
        assert temporary.suffix == ".mp3"
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(TEMPORARY_MARK)
        temporary.write_bytes(b"1")


def test_leftovers_of_a_file_are_swept_and_nothing_else(tmp_path: Path) -> None:
    left = tmp_path / f"{TEMPORARY_MARK}12-0123abcd-show.mp3"
    others = [tmp_path / name for name in (f"{TEMPORARY_MARK}12-0123abcd-a-show.mp3", "show.mp3", "x-show.mp3")]
    for path in (left, *others):
        path.write_bytes(b"")
    sweep([tmp_path / "show.mp3", tmp_path / "none.vtt"])
    assert sorted(tmp_path.iterdir()) == sorted(others)


@pytest.mark.parametrize("name", ["x" * 250, "file/x"])
def test_the_error_of_a_name_that_cannot_be_is_not_hidden_by_the_cleaning_up(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"too long|not a folder"):
        write_text(tmp_path / name, "x")


def test_a_name_too_long_for_its_temporary_is_told_before_the_work(tmp_path: Path) -> None:
    check_name(tmp_path / ("ü" * 100))
    with pytest.raises(OutputError, match="too long"):
        check_name(tmp_path / ("ü" * 120))


def test_a_missing_folder_is_named_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="its folder does not exist") as caught:
        write_text(tmp_path / "no" / "x.txt", "hello")
    assert "mkdir -p" in str(caught.value)


@pytest.mark.parametrize("code", [28, 13, 30, 21, 36, 5])
def test_every_os_error_becomes_one_sentence_with_the_path(code: int) -> None:
    error = output_error(Path("/a/b.wav"), OSError(code, os.strerror(code)))
    assert "/a/b.wav" in error.message
    assert error.exit_code == 7


def test_a_lock_is_waited_for_and_told(tmp_path: Path) -> None:
    told = threading.Event()
    order: list[str] = []

    def second() -> None:
        with locked(tmp_path / "lock", told.set):
            order.append("second")

    with locked(tmp_path / "lock"):
        thread = threading.Thread(target=second)
        thread.start()
        assert told.wait(5)
        time.sleep(0.05)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]


def test_who_waited_for_a_lock_that_was_removed_with_its_folder_holds_the_new_one(tmp_path: Path) -> None:
    """``episode clean`` removes the folder that its own lock lies in."""
    told, held, done = threading.Event(), threading.Event(), threading.Event()

    def second() -> None:
        with locked(tmp_path / "work" / "lock", told.set):
            held.set()
            assert done.wait(5)

    with locked(tmp_path / "work" / "lock"):
        thread = threading.Thread(target=second)
        thread.start()
        assert told.wait(5)
        shutil.rmtree(tmp_path / "work")
    assert held.wait(5)
    third = threading.Event()
    waiting = threading.Thread(target=lambda: _hold(tmp_path / "work" / "lock", third))
    waiting.start()
    assert third.wait(5), "a third one waits for the second"
    done.set()
    thread.join(5)
    waiting.join(5)


def _hold(path: Path, told: threading.Event) -> None:
    with locked(path, told.set):
        pass


def test_a_lock_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"), locked(tmp_path / "file" / "lock"):
        pass


def test_a_folder_without_work_is_removed_and_one_with_a_word_of_an_engine_is_kept(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "a.demod")
    (run.path / "run.log").touch()
    run.remove_if_empty()
    assert not run.path.exists()
    run = RunFolder(tmp_path / "a.demod")
    (run.path / "run.log").write_text("it died")
    run.remove_if_empty()
    assert (run.path / "run.log").exists()


def test_a_dead_holder_frees_its_lock(tmp_path: Path) -> None:
    code = (
        "import sys, os, signal; from pathlib import Path; from demod_voice.records.lock import locked\n"
        "with locked(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "lock")], cwd=root, check=False)
    assert done.returncode == -9
    with locked(tmp_path / "lock", lambda: pytest.fail("still held")):
        pass


def make_step(**changes: object) -> Step:
    fields = {"name": "double", "version": 1, "outputs": ("a.txt",), "inputs": {"in": "00"}, "params": {"gain": 2}}
    return Step(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_finished_step_is_not_done_again(tmp_path: Path) -> None:
    calls: list[int] = []

    def make(paths: object) -> dict[str, int]:
        calls.append(1)
        paths["a.txt"].write_text("out")  # type: ignore[index]
        return {"size": 3}

    first = RunFolder(tmp_path / "x.demod").run(make_step(), make)
    second = RunFolder(tmp_path / "x.demod").run(make_step(), make)
    assert len(calls) == 1
    assert (first.reused, second.reused) == (False, True)
    assert first.facts == second.facts == {"size": 3}
    assert first.hashes == second.hashes


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"inputs": {"in": "01"}}, {"params": {"gain": 3}}, {"outputs": ("b.txt",)}]
)
def test_any_declared_change_does_it_again(tmp_path: Path, change: dict[str, object]) -> None:
    calls: list[int] = []

    def make(paths: dict[str, Path]) -> None:
        calls.append(1)
        for path in paths.values():
            path.write_text("out")

    run = RunFolder(tmp_path / "x.demod")
    run.run(make_step(), make)  # type: ignore[arg-type]
    run.run(make_step(**change), make)  # type: ignore[arg-type]
    assert len(calls) == 2


@pytest.mark.parametrize("damage", ["remove", "change", "record"])
def test_existence_is_not_taken_for_finished(tmp_path: Path, damage: str) -> None:
    run = RunFolder(tmp_path / "x.demod")
    run.run(make_step(), lambda paths: paths["a.txt"].write_text("out") and None)
    if damage == "remove":
        (run.path / "a.txt").unlink()
    elif damage == "change":
        (run.path / "a.txt").write_text("oux")
    else:
        (run.path / "steps" / "double.json").write_text("{")
    assert run.finished(make_step()) is None


def test_a_step_that_fails_records_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "x.demod")

    def make(paths: dict[str, Path]) -> None:
        paths["a.txt"].write_text("half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        run.run(make_step(), make)  # type: ignore[arg-type]
    assert run.finished(make_step()) is None
    assert not list(run.path.rglob("*.txt"))


def test_an_output_beside_the_folder_is_swept_when_left_half_written(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "x.demod")
    step = make_step(outputs=("../x.mp3",))
    seen: list[Path] = []

    def make(paths: dict[str, Path]) -> None:
        seen.append(paths["../x.mp3"])
        paths["../x.mp3"].write_text("music")

    run.run(step, make)  # type: ignore[arg-type]
    assert (tmp_path / "x.mp3").read_text() == "music"
    assert seen[0].parent == run.path
    assert seen[0].suffix == ".mp3"
    seen[0].write_text("left by a kill")
    RunFolder(tmp_path / "x.demod")
    assert not seen[0].exists()


def test_the_moment_of_creation_is_kept_and_the_epoch_beats_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    folder = tmp_path / "x.demod"
    first = RunFolder(folder).created
    write_json(folder / "created.json", {"created": "2001-02-03T04:05:06Z"})
    assert RunFolder(folder).created == "2001-02-03T04:05:06Z" != first
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert RunFolder(folder).created == "1970-01-01T00:00:00Z"


def test_a_run_folder_where_a_file_stands(tmp_path: Path) -> None:
    (tmp_path / "x.demod").write_text("a file")
    with pytest.raises(OutputError):
        RunFolder(tmp_path / "x.demod")
