"""Where workers compute: a simulated driver, real workers, the whole pool."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.gpus import FAKES_GPU, LOST, Machine, card, instance

from demod_voice.config import load_settings
from demod_voice.engines import inventory, warm
from demod_voice.engines.inventory import Device, read_inventory
from demod_voice.engines.ledger import Ledger
from demod_voice.engines.placement import Candidate, NoRoom, best_of
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import Speech, SpeechRequest
from demod_voice.errors import EngineError, EngineFailed, EngineOutOfMemory, UsageError
from demod_voice.records.progress import Silent

pytestmark = pytest.mark.usefixtures("gpu_engine")
ENGINE = "fakegpu"
CPU_PEAK, GPU_PEAK = 8000 / 32768, 16000 / 32768
"""The fake engine speaks louder on a GPU."""


def uuid(number: int) -> str:
    return str(card(number)["uuid"])


class Notes(Silent):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


def a_pool(jobs: int = 1, notes: Notes | None = None, log: Path | None = None, **flags: Any) -> Pool:
    return Pool(load_settings(**flags), jobs=jobs, progress=notes or Notes(), log_path=log)


def say(pool: Pool, text: str = "hello", engine: str = ENGINE) -> float:
    """The peak of what is said."""
    return float(abs(pool.speak(engine, SpeechRequest(text)).clip.samples).max())


def say_at_once(pool: Pool, count: int, seconds: float = 0.6) -> list[float]:
    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(lambda _: say(pool, f"[[slow {seconds}]]"), range(count)))


def another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *changes: tuple[str, str]) -> str:
    """A second engine like the first one, with other words in its engine.toml."""
    folder = shutil.copytree(FAKES_GPU / ENGINE, tmp_path / "more" / name)
    text = (folder / "engine.toml").read_text().replace('"fakegpu"', f'"{name}"')
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    (folder / "engine.toml").write_text(text)
    worker = (folder / "worker.py").read_text().replace('name = "fakegpu"', f'name = "{name}"')
    (folder / "worker.py").write_text(worker)
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__SEARCH_PATH", f"{FAKES_GPU}:{tmp_path / 'more'}")
    monkeypatch.setenv(f"DEMOD_VOICE_ENGINES__{name.upper()}__PYTHON", sys.executable)
    return name


# ---- what a worker is shown


@pytest.mark.parametrize(
    ("visible", "asked", "expected"),
    [
        (None, {"device": "cuda:2"}, uuid(2)),
        (None, {"gpu__use": "3"}, uuid(3)),
        ("2,1", {"device": "cuda:0"}, uuid(2)),
        ("2,1", {"gpu__use": "1"}, uuid(1)),
        (uuid(3), {}, uuid(3)),
        ("0,9,1", {"gpu__exclude": ""}, uuid(0)),
    ],
)
def test_a_worker_sees_the_wanted_device_alone(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, visible: str | None, asked: dict[str, Any], expected: str
) -> None:
    machine.has(*map(card, range(4)))
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with a_pool(**asked) as pool:
        assert say(pool) == pytest.approx(GPU_PEAK)
    (load,) = machine.loads()
    assert (load["device"], load["CUDA_VISIBLE_DEVICES"], load["CUDA_DEVICE_ORDER"]) == (
        "cuda:0",
        expected,
        "PCI_BUS_ID",
    )
    assert (load["fraction"], load["mb"]) == (None, None)


def test_an_instance_is_shown_by_its_own_name(machine: Machine) -> None:
    machine.has(card(0, mig=[instance(0, 0), instance(0, 1)]))
    with a_pool(gpu__use="1") as pool:
        say(pool)
    assert machine.shown() == ["MIG-00000001-bbbb"]


@pytest.mark.parametrize("asked", [{"device": "cpu"}, {"gpu__use": "none"}, {"device": "cpu", "gpu__use": "7"}])
def test_a_worker_on_the_cpu_sees_no_device_and_nothing_is_told(machine: Machine, asked: dict[str, Any]) -> None:
    machine.has(card(0))
    notes = Notes()
    with a_pool(notes=notes, **asked) as pool:
        assert say(pool) == pytest.approx(CPU_PEAK)
        assert pool.observed() == {"used": {ENGINE: {"CPU": 1}}, "remarks": []}
    (load,) = machine.loads()
    assert (load["device"], load["CUDA_VISIBLE_DEVICES"], load["HIP_VISIBLE_DEVICES"]) == ("cpu", "-1", "-1")
    assert notes.notes == []


def test_no_gpu_is_the_cpu_with_one_note_and_only_when_something_is_spoken(tmp_path: Path) -> None:
    notes = Notes()
    with a_pool(notes=notes, log=tmp_path / "run.log") as pool:
        pool.load(ENGINE)
        assert notes.notes == []
        for _ in range(2):
            assert say(pool) == pytest.approx(CPU_PEAK)
        expected = "engine fakegpu runs on the CPU: no NVIDIA driver is loaded"
        assert pool.observed() == {"used": {ENGINE: {"CPU": 1}}, "remarks": [expected]}
    assert notes.notes == [expected]
    assert f"devices: {expected}\n" in (tmp_path / "run.log").read_text()


@pytest.mark.parametrize("asked", [{"gpu__cpu_fallback": False}, {"device": "cuda:0"}, {"gpu__use": "0"}])
def test_no_gpu_is_an_error_where_the_cpu_is_not_allowed(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="no NVIDIA driver is loaded"), a_pool(**asked) as pool:
        say(pool)


def test_an_engine_that_computes_elsewhere_is_told_and_leaves_its_place(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has(card(0), card(1))
    name = another(tmp_path, monkeypatch, "dull")
    worker = tmp_path / "more" / name / "worker.py"
    worker.write_text(worker.read_text().replace("= request.device, os", '= "cpu", os'))
    notes = Notes()
    with a_pool(notes=notes, device="cuda:1") as pool:
        assert pool.speak(name, SpeechRequest("hello")).degraded == ()
        assert Ledger().read() == []
        assert pool.observed()["used"] == {name: {"CPU": 1}}
    assert notes.notes == ["dull: computes on cpu in place of cuda:1"]


# ---- which device


def test_workers_spread_over_the_devices_and_take_turns_where_no_more_fit(machine: Machine) -> None:
    machine.has(*map(card, range(4)))
    with a_pool(jobs=4) as pool:
        assert say_at_once(pool, 4) == pytest.approx([GPU_PEAK] * 4)
        assert pool.observed()["used"] == {ENGINE: {f"GPU {n} (NVIDIA A)": 1 for n in range(4)}}
    assert sorted(machine.shown()) == [uuid(number) for number in range(4)]


def test_more_jobs_than_fit_wait_for_each_other_and_never_go_to_the_cpu(machine: Machine) -> None:
    machine.has(card(0))
    notes = Notes()
    with a_pool(jobs=6, notes=notes) as pool:
        assert say_at_once(pool, 6, 0.2) == pytest.approx([GPU_PEAK] * 6)
    assert machine.shown() == [uuid(0)] * 2, "3000 MiB each: two fit into 8000"
    assert notes.notes == []


def test_an_engine_has_so_many_workers_on_one_gpu_and_no_more(machine: Machine) -> None:
    machine.has(card(0, total_mb=80000), card(1, total_mb=80000))
    with a_pool(jobs=6, gpu__workers=1) as pool:
        assert say_at_once(pool, 6, 0.2) == pytest.approx([GPU_PEAK] * 6)
    assert sorted(machine.shown()) == [uuid(0), uuid(1)]


def test_packed_workers_fill_one_device_first_and_then_the_nearest(machine: Machine) -> None:
    machine.has(*map(card, range(4)), links={f"{uuid(0)} {uuid(3)}": "nvlink"})
    with a_pool(jobs=3, gpu__strategy="pack") as pool:
        say_at_once(pool, 3)
    assert sorted(machine.shown()) == [uuid(0), uuid(0), uuid(3)]


def test_the_fastest_is_filled_first(machine: Machine) -> None:
    machine.has(card(0), card(1, capability=[9, 0]), card(2, capability=[9, 0], cores=9000))
    with a_pool(jobs=3, gpu__strategy="fastest") as pool:
        say_at_once(pool, 3)
    assert sorted(machine.shown()) == [uuid(1), uuid(2), uuid(2)]


def test_one_process_at_a_time_where_the_device_is_exclusive(machine: Machine) -> None:
    machine.has(card(0, mode=3), card(1, mode=3))
    with a_pool(jobs=3) as pool:
        say_at_once(pool, 3, 0.2)
    assert sorted(machine.shown()) == [uuid(0), uuid(1)]


def a_candidate(number: int, room_mb: int = 5000, workers: int = 0, **facts: Any) -> Candidate:
    device = Device(uuid(number), "NVIDIA A", number, 8192, room_mb, number=number, card=uuid(number), **facts)
    return Candidate(device, room_mb, workers)


@pytest.mark.parametrize(
    ("strategy", "candidates", "expected"),
    [
        ("balanced", [a_candidate(0, 7000, 1), a_candidate(1, 4000)], 1),
        ("balanced", [a_candidate(0, 4000), a_candidate(1, 7000)], 1),
        ("balanced", [a_candidate(0, 7000, load=90), a_candidate(1, 4000, load=10)], 1),
        ("balanced", [a_candidate(0, 2000), a_candidate(1, 3000, 5)], 1),
        ("balanced", [a_candidate(0), a_candidate(1)], 0),
        ("pack", [a_candidate(0, 7000), a_candidate(1, 4000, 1)], 1),
        ("pack", [a_candidate(0, 7000), a_candidate(1, 4000)], 1),
        ("pack", [a_candidate(0, 7000), a_candidate(1, 2000, 3)], 0),
        ("fastest", [a_candidate(0, capability=(8, 6)), a_candidate(1, 3000, 7, capability=(9, 0))], 1),
        ("fastest", [a_candidate(0, cores=100), a_candidate(1, cores=200)], 1),
        ("fastest", [a_candidate(0, 5000, 1), a_candidate(1)], 1),
        ("fastest", [a_candidate(0, 2999)], None),
    ],
)
def test_strategies(strategy: str, candidates: list[Candidate], expected: int | None) -> None:
    found = best_of(candidates, 3000, strategy, {})
    assert (None if found is None else found.device.number) == expected


@given(
    st.lists(st.tuples(st.integers(0, 8000), st.integers(0, 3)), max_size=8),
    st.integers(0, 6000),
    st.sampled_from(["balanced", "pack", "fastest"]),
)
def test_a_place_has_room_and_is_found_where_one_has(rooms: list[tuple[int, int]], need_mb: int, strategy: str) -> None:
    candidates = [a_candidate(number, *each) for number, each in enumerate(rooms)]
    found = best_of(candidates, need_mb, strategy, {})
    fits = [each for each in candidates if each.room_mb >= max(1, need_mb)]
    assert (found in fits) if fits else (found is None)


# ---- limits


@pytest.mark.parametrize(("used_mb", "expected"), [(0, 6553), (1000, 5553)])
def test_the_limit_reaches_an_engine_that_can_hold_to_it(machine: Machine, used_mb: int, expected: int) -> None:
    machine.has(card(0, used_mb=used_mb))
    with a_pool(gpu__memory_limit=80) as pool:
        say(pool)
    (load,) = machine.loads()
    assert load["mb"] == expected
    assert load["fraction"] == pytest.approx(expected / 8192, abs=1e-4)
    assert load["fraction"] <= expected / 8192


def test_an_engine_that_cannot_hold_to_a_limit_is_placed_by_it_alone(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = another(tmp_path, monkeypatch, "plain", ('"torch"', '"placement"'))
    machine.has(card(0, used_mb=0))
    notes = Notes()
    with a_pool(gpu__memory_limit=40, notes=notes) as pool:
        assert say(pool, engine=name) == pytest.approx(GPU_PEAK)
    with a_pool(gpu__memory_limit=30, notes=notes) as pool:
        assert say(pool, engine=name) == pytest.approx(CPU_PEAK)
    assert [load["mb"] for load in machine.loads()] == [None, None]
    assert "has 2457 MB left of the 30 % that may be in use" in notes.notes[0]


# ---- no room


def test_no_room_is_the_cpu_with_a_note_and_a_record(machine: Machine) -> None:
    machine.has(card(0, used_mb=6000), card(1, used_mb=7000))
    notes = Notes()
    with a_pool(notes=notes) as pool:
        for _ in range(2):
            assert say(pool) == pytest.approx(CPU_PEAK)
        told = pool.observed()
    assert told["used"] == {ENGINE: {"CPU": 1}}
    assert told["remarks"] == notes.notes
    (note,) = notes.notes
    assert "needs 3000 MB of GPU memory: GPU 0 (NVIDIA A) has 2192 MB left, GPU 1 (NVIDIA A) has 1192 MB left" in note
    assert "it computes on the CPU for now" in note


@pytest.mark.parametrize("asked", [{"gpu__cpu_fallback": False}, {"device": "cuda:0"}])
def test_no_room_is_an_error_where_the_cpu_is_not_allowed(machine: Machine, asked: dict[str, Any]) -> None:
    machine.has(card(0, used_mb=6000))
    with a_pool(**asked) as pool, pytest.raises(NoRoom, match="needs 3000 MB"):
        say(pool)
    assert machine.loads() == []


def test_after_a_while_it_looks_for_room_again(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "ON_CPU_S", 0.2)
    machine.has(card(0, used_mb=7000))
    with a_pool() as pool:
        assert say(pool) == pytest.approx(CPU_PEAK)
        machine.change(0, used_mb=0)
        time.sleep(0.25)
        assert say(pool) == pytest.approx(GPU_PEAK)


def test_idle_workers_make_room_for_another_engine(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = another(tmp_path, monkeypatch, "large", ("gpu_memory_mb = 3000", "gpu_memory_mb = 7000"))
    machine.has(card(0))
    notes = Notes()
    with a_pool(notes=notes) as pool:
        assert say(pool) == pytest.approx(GPU_PEAK)
        assert say(pool, engine=name) == pytest.approx(GPU_PEAK)
        assert len(Ledger().read()) == 1
    assert "engine large needs 7000 MB" in notes.notes[0]
    assert "idle engines were ended to make room" in notes.notes[0]


# ---- out of memory


def test_memory_that_runs_out_at_load_is_tried_afresh_and_then_on_the_cpu(machine: Machine) -> None:
    machine.has(card(0))
    notes = Notes()
    options = {"engines.fakegpu.options": ["takes=9000"]}
    with Pool(
        load_settings(**{key.replace(".", "__"): value for key, value in options.items()}), progress=notes
    ) as pool:
        assert say(pool) == pytest.approx(CPU_PEAK)
        remarks = pool.observed()["remarks"]
    assert machine.shown() == [uuid(0), uuid(0), "cpu"]
    assert [note.rpartition("; ")[2] for note in notes.notes] == [
        "trying once more with a fresh worker",
        "it computes on the CPU for now, which is slower",
    ]
    assert remarks == notes.notes
    assert Ledger().read() == []


def test_memory_that_runs_out_once_is_tried_once_more_on_the_gpu(machine: Machine, tmp_path: Path) -> None:
    machine.has(card(0))
    with a_pool() as pool:
        assert say(pool, f"[[oom-once {tmp_path / 'once'}]]") == pytest.approx(GPU_PEAK)
    assert machine.shown() == [uuid(0), uuid(0)]


def test_memory_that_runs_out_in_every_request_ends_on_the_cpu(machine: Machine) -> None:
    machine.has(card(0))
    with a_pool() as pool:
        assert say(pool, "[[oom-on-gpu]]") == pytest.approx(CPU_PEAK)
    assert machine.shown() == [uuid(0), uuid(0), "cpu"]


@pytest.mark.parametrize("asked", [{"gpu__cpu_fallback": False}, {"device": "cuda:0"}])
def test_memory_that_runs_out_is_an_error_where_the_cpu_is_not_allowed(machine: Machine, asked: dict[str, Any]) -> None:
    machine.has(card(0))
    with a_pool(**asked) as pool, pytest.raises(EngineOutOfMemory, match="CUDA out of memory"):
        say(pool, "[[oom-on-gpu]]")
    assert machine.shown() == [uuid(0), uuid(0)]


def test_a_batch_in_which_memory_ran_out_is_done_again_as_a_whole(machine: Machine) -> None:
    machine.has(card(0))
    requests = [SpeechRequest(text) for text in ("one", "[[oom-on-gpu]]", "three")]
    with a_pool() as pool:
        peaks = [
            float(abs(each.clip.samples).max())
            for each in pool.speak_many(ENGINE, requests)
            if isinstance(each, Speech)
        ]
    assert peaks == pytest.approx([CPU_PEAK] * 3)
    with a_pool(device="cuda:0") as pool:
        found = pool.speak_many(ENGINE, requests)
    assert [type(each) for each in found] == [Speech, EngineOutOfMemory, Speech]


def test_a_stream_that_was_heard_is_not_begun_again(machine: Machine) -> None:
    machine.has(card(0))
    with a_pool() as pool:
        assert [float(abs(each.samples).max()) for each in pool.stream(ENGINE, SpeechRequest("[[oom-on-gpu]]"))] == (
            pytest.approx([CPU_PEAK])
        )


# ---- a device that vanishes


@pytest.mark.parametrize("marker", ["lose", "lose-and-die", "lose-and-hang"])
def test_work_goes_elsewhere_when_a_gpu_vanishes(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marker: str
) -> None:
    monkeypatch.setattr(warm, "LOST_LOOK_S", 0.2)
    machine.has(card(0), card(1))
    notes = Notes()
    with a_pool(notes=notes) as pool:
        say(pool)
        assert say(pool, f"[[{marker} {tmp_path / 'lost'}]]") == pytest.approx(GPU_PEAK)
        assert say(pool) == pytest.approx(GPU_PEAK)
    assert machine.shown() == [uuid(0), uuid(1)]
    assert [note for note in notes.notes if "lost" in note and "CUDA" not in note] == [
        "GPU 0 (NVIDIA A) is lost: its workers are ended, and their work goes elsewhere"
    ]


def test_idle_workers_of_a_lost_gpu_are_ended(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "LOST_LOOK_S", 0.1)
    machine.has(card(0))
    with a_pool() as pool:
        say(pool)
        pid = machine.loads()[0]["pid"]
        machine.change(0, error=LOST)
        deadline = time.monotonic() + 10
        while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not os.path.exists(f"/proc/{pid}")
        assert say(pool) == pytest.approx(CPU_PEAK)
        assert any("GPU 0 (NVIDIA A) cannot be used any more" in note for note in pool.observed()["remarks"])


def test_a_driver_that_is_silent_for_a_while_loses_no_device(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.has(card(0), card(1))
    with a_pool() as pool:
        say(pool)
        pool._workers.retire(0.0)
        monkeypatch.setattr(inventory, "QUERY_TIMEOUT_S", 0.05)
        machine.has(card(0), card(1), slow_s=0.5)
        assert say(pool) == pytest.approx(GPU_PEAK)
        assert pool.observed()["remarks"] == []


def test_a_device_that_was_named_and_vanishes_is_an_error(machine: Machine, tmp_path: Path) -> None:
    machine.has(card(0), card(1))
    with a_pool(device="cuda:1") as pool, pytest.raises(EngineError, match=r"GPU 1 \(NVIDIA A\): it is lost"):
        say(pool, f"[[lose {tmp_path / 'lost'}]]")


def test_a_failure_of_the_engine_s_own_is_no_lost_gpu(machine: Machine) -> None:
    machine.has(card(0))
    with a_pool() as pool:
        with pytest.raises(EngineFailed):
            pool.speak(ENGINE, SpeechRequest("[[slow x]]"))
        assert pool.observed()["remarks"] == []


# ---- the ledger


def test_what_is_promised_shrinks_to_what_is_not_taken_yet(machine: Machine) -> None:
    machine.has(card(0))
    with a_pool() as pool:
        say(pool)
        (entry,) = Ledger().read()
        assert (entry.uuid, entry.mb, entry.engine, entry.pid) == (uuid(0), 1000, ENGINE, os.getpid())
    assert Ledger().read() == []


PROMISE = """
import sys, time
from demod_voice.engines.ledger import Ledger
ledger = Ledger()
with ledger.opened() as entries:
    ledger.promise(entries, sys.argv[1], int(sys.argv[2]), "other")
print("promised", flush=True)
time.sleep(60)
"""


def test_other_runs_see_the_promise_and_forget_it_with_its_process(machine: Machine) -> None:
    machine.has(card(0), card(1))
    words = [sys.executable, "-c", PROMISE, uuid(0), "7000"]
    other = subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "promised\n"
        with a_pool() as pool:
            say(pool)
        other.send_signal(signal.SIGKILL)
        other.wait()
        with a_pool() as pool:
            say(pool)
        assert machine.shown() == [uuid(1), uuid(0)]
    finally:
        other.kill()
        other.wait()


def test_a_number_that_is_used_again_is_another_process() -> None:
    ledger = Ledger()
    with ledger.opened() as entries:
        ledger.promise(entries, uuid(0), 100, "x")
    rows = json.loads(ledger.path.read_text())
    rows[0]["started"] += 1
    ledger.path.write_text(json.dumps(rows))
    assert ledger.read() == []


@pytest.mark.parametrize("text", ["", "[", "{}", '[{"id": 1}]', "[3]"])
def test_a_damaged_ledger_is_an_empty_one(text: str) -> None:
    ledger = Ledger()
    ledger.path.parent.mkdir(parents=True)
    ledger.path.write_text(text)
    assert ledger.read() == []
    with ledger.opened() as entries:
        ledger.promise(entries, uuid(0), 100, "x")
    assert [each.mb for each in Ledger().read()] == [100]


def test_files_of_earlier_starts_of_the_machine_are_removed(tmp_path: Path) -> None:
    old, young = tmp_path / "old-1.json", tmp_path / "young-1.json"
    for path, age_s in ((old, 40 * 86400), (young, 86400)):
        path.write_text("[]")
        os.utime(path, (time.time() - age_s,) * 2)
    ledger = Ledger(tmp_path)
    with ledger.opened() as entries:
        ledger.promise(entries, uuid(0), 1, "x")
    assert (old.exists(), young.exists(), ledger.path.exists()) == (False, True, True)


def test_a_state_folder_that_cannot_be_written_stops_no_work(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    machine.has(card(0), card(1))
    with a_pool(jobs=2) as pool:
        say_at_once(pool, 2)
    assert sorted(machine.shown()) == [uuid(0), uuid(1)]


def test_many_threads_and_processes_write_one_ledger(tmp_path: Path) -> None:
    one, two = Ledger(tmp_path), Ledger(tmp_path)

    def promise(ledger: Ledger) -> None:
        for _ in range(10):
            with ledger.opened() as entries:
                made = ledger.promise(entries, uuid(0), 10, "x")
            ledger.shrink(made, 4)

    threads = [threading.Thread(target=promise, args=(each,)) for each in (one, two, one, two)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.mb for each in one.read()] == [6] * 40
    for each in one.read():
        two.release(each.id)
    assert one.read() == []
    assert read_inventory({}).devices == ()
