"""Which devices the settings leave of what there is."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.gpus import Machine, card, instance

from demod_voice.config import load_settings
from demod_voice.config.settings import Settings
from demod_voice.engines.devices import asks_for_gpus, choose_devices, describe_gpus, device_for
from demod_voice.engines.inventory import read_inventory
from demod_voice.engines.locate import engine
from demod_voice.errors import UsageError


def asking(device: str = "auto", use: str = "all", exclude: str = "") -> Settings:
    return load_settings(device=device, gpu__use=use, gpu__exclude=exclude)


def chosen(*asked: str) -> list[int]:
    return [each.number for each in choose_devices(asking(*asked), read_inventory).devices]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (("auto",), [0, 1, 2, 3]),
        (("auto", "0,2"), [0, 2]),
        (("auto", "2,0"), [0, 2]),
        (("auto", "range:1-3"), [1, 2, 3]),
        (("auto", "all", "1,3"), [0, 2]),
        (("auto", "range:0-2", "1"), [0, 2]),
        (("auto", "none"), []),
        (("auto", "count:4"), [0, 1, 2, 3]),
        (("cpu",), []),
        (("cpu", "9"), []),
        (("cuda",), [0]),
        (("cuda:3",), [3]),
        (("cuda:1", "0,1"), [1]),
        (("cuda:1", "count:1"), [1]),
    ],
)
def test_what_is_left_of_four(machine: Machine, asked: tuple[str, ...], expected: list[int]) -> None:
    machine.has(*map(card, range(4)))
    assert chosen(*asked) == expected


@pytest.mark.parametrize(
    ("asked", "words", "hint"),
    [
        (("auto", "0,9"), "gpu.use 0,9: there is no GPU 9 here", "GPUs here: 0 (NVIDIA A), 1 (NVIDIA A)"),
        (("auto", "range:1-3"), "there is no GPU 2, 3 here", "devices list"),
        (("auto", "count:3"), "gpu.use count:3: only 2 may be used here", "GPUs here: 0"),
        (("auto", "count:2", "0"), "only 1 may be used here", "GPUs here: 0"),
        (("auto", "all", "5"), "gpu.exclude 5: there is no GPU 5 here", "GPUs here: 0"),
        (("auto", "all", "0,1"), "gpu.exclude 0,1 leaves no GPU of all", "say --gpu none"),
        (("auto", "1", "1"), "gpu.exclude 1 leaves no GPU of 1", "say --gpu none"),
        (("cuda:2",), "device cuda:2 does not exist", "GPUs here: 0"),
        (("cuda:1", "0"), "device cuda:1 is left out by gpu.use 0", "leave one of them out"),
        (("cuda:1", "all", "1"), "device cuda:1 is left out by gpu.use all, gpu.exclude 1", "leave one of them out"),
        (("cuda:0", "none"), "device cuda:0 and --gpu none contradict each other", "leave one of them out"),
    ],
)
def test_what_is_not_there_is_one_clear_error(machine: Machine, asked: tuple[str, ...], words: str, hint: str) -> None:
    machine.has(card(0), card(1))
    with pytest.raises(UsageError) as caught:
        chosen(*asked)
    assert words in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("asked", [("cuda:0",), ("auto", "0"), ("auto", "count:1"), ("auto", "range:0-1")])
def test_without_a_gpu_what_is_asked_for_by_name_is_an_error(machine: Machine, asked: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(*asked)
    assert "no GPU here: no NVIDIA driver is loaded" in f"{caught.value}"


@pytest.mark.parametrize(
    ("asked", "reason"),
    [(("auto",), "no NVIDIA driver is loaded"), (("auto", "all", "1"), "no NVIDIA driver is loaded"), (("cpu",), "")],
)
def test_without_a_gpu_it_is_the_cpu_and_why(machine: Machine, asked: tuple[str, ...], reason: str) -> None:
    found = choose_devices(asking(*asked), read_inventory)
    assert (found.devices, found.reason) == ((), reason)


def test_a_device_that_is_none_is_an_error_of_its_own(machine: Machine) -> None:
    from dataclasses import replace

    with pytest.raises(UsageError, match="unknown device 'mps'"):
        choose_devices(replace(load_settings(), device="mps"), read_inventory)


def test_so_many_are_the_emptiest_then_the_nearest(machine: Machine) -> None:
    links = {"GPU-00000001-aaaa GPU-00000003-aaaa": "nvlink", "GPU-00000000-aaaa GPU-00000001-aaaa": 30}
    machine.has(card(0), card(1, used_mb=0), card(2), card(3), links=links)
    assert chosen("auto", "count:1") == [1]
    assert chosen("auto", "count:2") == [1, 3], "of the equally empty ones the one with NVLink to it"
    assert chosen("auto", "count:3") == [0, 1, 3]
    machine.has(card(0), card(1, used_mb=0), card(2), card(3, used_mb=8000), links=links)
    assert chosen("auto", "count:2") == [0, 1], "a full one is not nearer"
    machine.has(card(0, load=90), card(1))
    assert chosen("auto", "count:1") == [1], "of the equally empty ones the one with the least to do"


def test_so_many_count_instances(machine: Machine) -> None:
    machine.has(card(0, mig=[instance(0, 0), instance(0, 1), instance(0, 2)]))
    assert chosen("auto", "count:2") == [0, 1]
    assert chosen("cuda:2") == [2]


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    count=st.integers(1, 6), use=st.sets(st.integers(0, 6), max_size=4), exclude=st.sets(st.integers(0, 6), max_size=3)
)
def test_what_is_left_is_what_was_asked_for_and_there(
    machine: Machine, count: int, use: set[int], exclude: set[int]
) -> None:
    machine.has(*map(card, range(count)))
    expected = sorted((use or set(range(count))) - exclude)
    asked = ("auto", ",".join(map(str, use)) or "all", ",".join(map(str, exclude)))
    if expected and (use | exclude) <= set(range(count)):
        assert chosen(*asked) == expected
    else:
        with pytest.raises(UsageError):
            chosen(*asked)


def test_names_for_people(machine: Machine) -> None:
    assert describe_gpus() == ((), "no NVIDIA driver is loaded")
    machine.has(card(0, name="NVIDIA H200", total_mb=143771), card(1))
    assert describe_gpus() == (("NVIDIA H200, 143771 MiB", "NVIDIA A, 8192 MiB"), "")


@pytest.mark.parametrize(
    ("device", "gpu", "expected"), [("auto", True, "cuda:0"), ("cuda:1", True, "cuda:1"), ("cuda:1", False, "cpu")]
)
def test_an_engine_that_has_no_use_for_a_gpu_gets_none(machine: Machine, device: str, gpu: bool, expected: str) -> None:
    from dataclasses import replace

    machine.has(card(0), card(1))
    assert device_for(replace(engine("espeak", load_settings()), gpu=gpu), asking(device)) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((), ""),
        (("auto", "none"), ""),
        (("cpu", "0"), ""),
        (("cuda:1",), "device cuda:1"),
        (("auto", "0,2"), "--gpu 0,2"),
        (("auto", "all", "1"), "--gpu-exclude 1"),
    ],
)
def test_what_was_asked_for_by_name(asked: tuple[str, ...], expected: str) -> None:
    assert asks_for_gpus(asking(*asked)) == expected
