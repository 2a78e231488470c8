"""``devices list|watch``, and the GPU flags of every command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from cli.conftest import Terminal
from support.gpus import LOST, Machine, card, instance
from support.signals import sine, wav


def test_without_a_gpu_it_says_so(cli: Callable, machine: Machine) -> None:
    assert cli("devices", "list").out == "no GPU: no NVIDIA driver is loaded\n"
    found = json.loads(cli("devices", "list", "--json").out)
    assert (found["devices"], found["reason"]) == ([], "no NVIDIA driver is loaded")
    assert cli("devices", "watch", "--count", "1").out == "no GPU: no NVIDIA driver is loaded\n"


def test_each_gpu_has_a_line(cli: Callable, machine: Machine) -> None:
    links = {"GPU-00000000-aaaa GPU-00000001-aaaa": "nvlink"}
    machine.has(card(0, load=7), card(1, used_mb=4192), card(2, error=LOST), links=links)
    done = cli("devices", "list", "--gpu", "1")
    rows = [line.split() for line in done.out.splitlines()]
    assert rows[0][:2] == ["gpu", "name"]
    assert rows[1] == "0 NVIDIA A 8192 8000 0 7 % 40 C 0 no GPU-00000000-aaaa".split()
    assert rows[2] == "1 NVIDIA A 8192 4000 0 0 % 40 C 0 yes GPU-00000001-aaaa".split()
    assert rows[-1] == ["0", "1", "NVLink"]
    assert "GPU 2 is lost" in done.err


def test_a_program_reads_the_same(program: Callable, machine: Machine) -> None:
    machine.has(card(0), card(1, mig=[instance(1, 0)]))
    done = program("--gpu-exclude", "0", "devices", "list", "--json", **machine.environ())
    assert done.code == 0, done.err
    first, second = json.loads(done.out)["devices"]
    assert (first["number"], first["allowed"], first["total_mb"], first["free_mb"]) == (0, False, 8192, 8000)
    assert (first["compute_capability"], first["load_percent"], first["mig"]) == ("8.0", 0, False)
    assert (second["uuid"], second["allowed"], second["mig"], second["load_percent"]) == (
        "MIG-00010000-bbbb",
        True,
        True,
        None,
    )


def test_watch_gives_a_line_of_json_for_each_look(cli: Callable, machine: Machine) -> None:
    machine.has(card(0))
    done = cli("devices", "watch", "--json", "--interval", "0.05", "--count", "3")
    looks = [json.loads(line) for line in done.out.splitlines()]
    assert len(looks) == 3
    assert looks[0]["at"] < looks[1]["at"] < looks[2]["at"]
    assert all(each["devices"][0]["free_mb"] == 8000 for each in looks)


def test_watch_refreshes_a_terminal(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look covers the one before, also where it has fewer lines, and no line is wider than the terminal."""
    from demod_voice.api import devices
    from demod_voice.cli import main

    monkeypatch.setenv("COLUMNS", "60")
    machine.has(card(0), card(1), card(2))
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    clock = SimpleNamespace(time=lambda: 0.0, sleep=lambda _: machine.has(card(0)))
    monkeypatch.setattr(devices, "time", clock)
    assert main(["devices", "watch", "--count", "3"]) == 0
    first, second, third = screen.getvalue().split("\033[4A")
    assert [look.count("\n") for look in (first, second, third)] == [4, 4, 4]
    assert max(len(line.replace("\033[K", "")) for line in screen.getvalue().split("\n")) < 60 + len("\033[4A")
    assert "GPU-" not in first
    assert second.count("NVIDIA A") == 1


def test_watch_sees_a_gpu_vanish_and_goes_on_until_it_is_interrupted(machine: Machine) -> None:
    machine.has(card(0), card(1))
    words = [sys.executable, "-m", "demod_voice", "devices", "watch", "--json", "--interval", "0.05", "--gpu", "0,1"]
    environ = {**os.environ, **machine.environ()}
    with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        assert len(json.loads(watch.stdout.readline())["devices"]) == 2
        machine.change(1, error=LOST)
        look = json.loads(watch.stdout.readline())
        while len(look["devices"]) == 2:
            look = json.loads(watch.stdout.readline())
        assert "GPU 1 is lost" in look["notes"][0]
        watch.send_signal(signal.SIGINT)
        _, told = watch.communicate(timeout=30)
    assert watch.returncode == 0
    assert "Traceback" not in told
    assert told.count("GPU 1 is lost") == 1


@pytest.mark.parametrize("words", [("--interval", "0"), ("--interval", "-1"), ("--interval", "nan"), ("--count", "-1")])
def test_watch_refuses_what_makes_no_sense(cli: Callable, machine: Machine, words: tuple[str, str]) -> None:
    assert cli("devices", "watch", *words).code == 2


FLAGS = ("--gpu", "range:0-2", "--gpu-exclude", "1", "--gpu-memory-limit", "80", "--gpu-strategy", "pack")


@pytest.mark.parametrize("before", [True, False])
def test_the_flags_stand_before_or_after_every_command(cli: Callable, before: bool) -> None:
    words = ("config", "show", "--json")
    found = json.loads(cli(*((*FLAGS, *words) if before else (*words, *FLAGS))).out)
    assert {name: found[f"gpu.{name}"]["value"] for name in ("use", "exclude", "memory_limit", "strategy")} == {
        "use": "range:0-2",
        "exclude": "1",
        "memory_limit": 80,
        "strategy": "pack",
    }
    assert found["gpu.use"]["origin"] == "flag"


def test_a_flag_wins_over_set_and_the_later_of_two_wins(cli: Callable) -> None:
    assert cli("--gpu", "0", "config", "get", "gpu.use", "--set", "gpu.use=1", "--gpu", "2").out == "2\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--gpu", "range:3-0"), "the range 3-0 runs backwards: range:0-3"),
        (("--gpu", "0;1"), "no list of GPU numbers (for example all, none"),
        (("--gpu-memory-limit", "120"), "gpu.memory_limit: '120' is out of range: 1 to 100"),
        (("--gpu-strategy", "packed"), "did you mean pack?"),
        (("--gpu", "5"), "there is no GPU 5 here"),
    ],
)
def test_a_bad_flag_is_one_clear_error(cli: Callable, machine: Machine, words: tuple[str, str], told: str) -> None:
    machine.has(card(0))
    done = cli("devices", "list", *words)
    assert (done.code, done.out) == (2, "")
    assert told in done.err


@pytest.mark.parametrize("before", [True, False])
def test_the_flag_reaches_the_engine(program: Callable, gpu_engine: Machine, tmp_path, before: bool) -> None:
    gpu_engine.has(*map(card, range(4)))
    words = ["speak", "Hello.", "--engine", "fakegpu", "-o", str(tmp_path / "a.wav")]
    flags = ["--gpu", "2,3", "--gpu-exclude", "2", "--gpu-memory-limit", "50"]
    done = program(*([*flags, *words] if before else [*words, *flags]), **gpu_engine.environ())
    assert done.code == 0, done.err
    (load,) = gpu_engine.loads()
    assert (load["device"], load["CUDA_VISIBLE_DEVICES"], load["mb"]) == ("cuda:0", card(3)["uuid"], 4096 - 192)


@pytest.mark.parametrize("engine", ["fakegpu", "espeak"])
def test_a_gpu_that_is_not_there_ends_the_command_before_any_work(
    program: Callable, gpu_engine: Machine, tmp_path, engine: str
) -> None:
    gpu_engine.has(card(0))
    words = ["speak", "Hello.", "--engine", engine, "-o", str(tmp_path / "a.wav"), "--gpu", "4"]
    done = program(*words, **gpu_engine.environ())
    assert (done.code, (tmp_path / "a.wav").exists()) == (2, False)
    assert "there is no GPU 4 here" in done.err
    assert gpu_engine.loads() == []


@pytest.mark.parametrize("flags", [["--gpu", "0"], ["--device", "cuda:0"]], ids=" ".join)
def test_a_gpu_by_number_where_there_is_none_is_an_error_for_every_engine(
    cli: Callable, machine: Machine, tmp_path, flags: list[str]
) -> None:
    recording = str(wav(tmp_path / "a.wav", sine(1000.0, 1.0, -20.0, 16000), 16000))
    out = tmp_path / "out.wav"
    for words in (
        ["speak", "Hello.", "-o", str(out)],
        ["transcribe", recording],
        ["separate", recording, "-o", str(out)],
    ):
        done = cli(*words, *flags)
        assert (done.code, done.out, out.exists()) == (2, "", False)
        assert "no GPU here: no NVIDIA driver is loaded" in done.err
