"""What is read of a machine's GPUs, and what CUDA_VISIBLE_DEVICES leaves of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.gpus import FAKES_NVML, LOST, MISMATCH, NO_DRIVER, NO_PERMISSION, Machine, card, instance

from demod_voice.engines import inventory
from demod_voice.engines.inventory import NVLINK, read_distances, read_inventory


def uuids(environ: dict[str, str] | None = None) -> list[str]:
    return [each.uuid for each in read_inventory(environ or {}).devices]


@pytest.mark.parametrize("count", [1, 4, 8])
def test_every_card_is_read(machine: Machine, count: int) -> None:
    machine.has(*(card(number, used_mb=100 * number, temperature=30 + number) for number in range(count)))
    found = read_inventory({})
    assert (found.reason, found.notes) == ("", ())
    assert [each.number for each in found.devices] == list(range(count))
    last = found.devices[-1]
    assert (last.uuid, last.name, last.index) == (card(count - 1)["uuid"], "NVIDIA A", count - 1)
    assert (last.total_mb, last.used_mb) == (8192, 100 * (count - 1))
    assert (last.load, last.temperature_c, last.capability, last.cores) == (0, 29 + count, (8, 0), 4096)


def test_what_a_card_does_not_tell_is_none_and_no_fault(machine: Machine) -> None:
    machine.has(card(0, load=None, temperature=None, capability=None, cores=None, total_mb=None))
    (found,) = read_inventory({}).devices
    assert (found.load, found.temperature_c, found.capability, found.cores) == (None, None, (0, 0), 0)
    assert (found.total_mb, found.free_mb) == (0, 0)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (12, "no NVIDIA driver is loaded"),
        (NO_DRIVER, "no NVIDIA driver is loaded"),
        (NO_PERMISSION, "this user may not use the NVIDIA driver"),
        (MISMATCH, "restart the machine"),
        (999, "the NVIDIA driver fails: Unknown Error"),
    ],
)
def test_why_there_is_none(machine: Machine, error: int, words: str) -> None:
    machine.has(card(0), error=error)
    found = read_inventory({})
    assert found.devices == ()
    assert words in found.reason


def test_a_driver_that_never_answers_is_told(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "QUERY_TIMEOUT_S", 0.05)
    machine.has(card(0), slow_s=1.0)
    assert read_inventory({}).reason == "the NVIDIA driver does not answer within 0.05 s"


def test_a_machine_with_a_driver_and_no_card(machine: Machine) -> None:
    machine.has(error=0)
    assert read_inventory({}).reason == "the NVIDIA driver lists no GPU"


def test_cards_that_cannot_be_used_are_left_out_and_told(machine: Machine) -> None:
    machine.has(card(0, error=LOST), card(1, error=NO_PERMISSION), card(2, mode=2), card(3, error=999), card(4))
    found = read_inventory({})
    assert [(each.number, each.index) for each in found.devices] == [(0, 4)]
    assert [note.partition(":")[0] for note in found.notes] == [
        "GPU 0 is lost",
        "GPU 1 may not be used by this user",
        "GPU 2 may not be used by this user",
        "GPU 3 cannot be used",
    ]


MIG = (card(0), card(1, mig=[instance(1, 0), instance(1, 1)]), card(2, mig=[]))


def test_an_instance_is_a_device_of_its_own(machine: Machine) -> None:
    machine.has(*MIG)
    found = read_inventory({})
    assert [each.uuid for each in found.devices] == [card(0)["uuid"], "MIG-00010000-bbbb", "MIG-00010001-bbbb"]
    assert [each.instance for each in found.devices] == [None, (7, 0), (8, 0)]
    part = found.devices[2]
    assert (part.card, part.total_mb, part.load, part.capability, part.cores) == (
        card(1)["uuid"],
        4864,
        None,
        (8, 0),
        14,
    )
    assert found.notes == ("GPU 2 (NVIDIA A) is in MIG mode and has no instance that could compute",)


FAST = card(2, name="NVIDIA B", cores=16896, capability=[9, 0])
ZERO, ONE, TWO = card(0)["uuid"], card(1)["uuid"], card(2)["uuid"]


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("0", "PCI_BUS_ID", [ZERO]),
        ("2,0", "PCI_BUS_ID", [TWO, ZERO]),
        ("0", "", [TWO]),
        ("1,2", "FASTEST_FIRST", [ZERO, ONE]),
        ("0,7,1", "PCI_BUS_ID", [ZERO]),
        ("1,-1,0", "PCI_BUS_ID", [ONE]),
        ("-1", "PCI_BUS_ID", []),
        ("", "PCI_BUS_ID", []),
        ("  ", "PCI_BUS_ID", []),
        ("none", "PCI_BUS_ID", []),
        ("1,1", "PCI_BUS_ID", []),
        ("1x,0", "PCI_BUS_ID", [ONE, ZERO]),
        (f"1,{'1' * 5000}", "PCI_BUS_ID", [ONE]),
        (TWO, "", [TWO]),
        ("GPU-00000001", "", [ONE]),
        ("GPU-0000000", "", []),
        (f"{ONE},GPU-9,{ZERO}", "", [ONE]),
        ("MIG-00010000", "", []),
    ],
)
def test_cuda_visible_devices_as_cuda_reads_it(machine: Machine, text: str, order: str, expected: list[str]) -> None:
    machine.has(card(0), card(1), FAST)
    environ = {"CUDA_VISIBLE_DEVICES": text, **({"CUDA_DEVICE_ORDER": order} if order else {})}
    found = read_inventory(environ)
    assert [each.uuid for each in found.devices] == expected
    assert [each.number for each in found.devices] == list(range(len(expected)))
    assert bool(found.reason) == (not expected)
    assert "CUDA_VISIBLE_DEVICES" in (found.reason or "CUDA_VISIBLE_DEVICES")


ENTRIES = st.sampled_from(
    ["0", "1", "2", "3", "-1", "", " 1", "x", ONE, TWO, "GPU-0000000", "GPU-00000002", "MIG-1", "1,"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ENTRIES | st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=4), max_size=5))
def test_any_list_leaves_each_device_once_or_says_why_there_is_none(machine: Machine, entries: list[str]) -> None:
    machine.has(card(0), card(1), FAST)
    found = read_inventory({"CUDA_VISIBLE_DEVICES": ",".join(entries), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
    names = [each.uuid for each in found.devices]
    assert len(set(names)) == len(names)
    assert set(names) <= {ZERO, ONE, TWO}
    assert [each.number for each in found.devices] == list(range(len(names)))
    assert bool(found.reason) == (not names)
    longer = read_inventory(
        {"CUDA_VISIBLE_DEVICES": ",".join([*entries, "nothing"]), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    )
    assert longer.devices == found.devices, "what comes after the end of the list changes nothing"


def test_what_is_odd_about_the_list_is_told(machine: Machine) -> None:
    machine.has(card(0), card(1), FAST)
    told = read_inventory({"CUDA_VISIBLE_DEVICES": "0,7,1"}).notes
    assert "set CUDA_DEVICE_ORDER=PCI_BUS_ID, or name UUIDs" in told[0]
    assert told[1] == "CUDA_VISIBLE_DEVICES=0,7,1: '7' is no GPU here and ends the list"
    machine.has(card(0), card(1))
    assert read_inventory({"CUDA_VISIBLE_DEVICES": "1"}).notes == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", ["MIG-00010000-bbbb"]),
        ("2,0", []),
        (ONE, ["MIG-00010000-bbbb"]),
        ("MIG-00010001-bbbb", ["MIG-00010001-bbbb"]),
        (f"MIG-{ONE}/8/0", ["MIG-00010001-bbbb"]),
        (f"MIG-{ONE}/9/0", []),
        ("MIG-0001", []),
        ("MIG-00010001,0", ["MIG-00010001-bbbb", ZERO]),
    ],
)
def test_instances_are_named_in_every_way_that_cuda_knows(machine: Machine, text: str, expected: list[str]) -> None:
    machine.has(*MIG)
    assert uuids({"CUDA_VISIBLE_DEVICES": text}) == expected


def test_how_far_cards_are_from_each_other(machine: Machine) -> None:
    links = {f"{ZERO} {ONE}": "nvlink", f"{ZERO} {TWO}": 20}
    machine.has(card(0), card(1), card(2), links=links)
    devices = read_inventory({}).devices
    assert read_distances(devices) == {
        frozenset((ZERO, ONE)): NVLINK,
        frozenset((ZERO, TWO)): 20,
        frozenset((ONE, TWO)): 50,
    }
    assert read_distances(devices[:1]) == {}
    machine.has(error=NO_DRIVER)
    assert read_distances(devices) == {}


def test_the_simulated_driver_has_the_names_and_numbers_of_the_real_one() -> None:
    """The fake is only worth what it has in common with nvidia-ml-py."""
    code = (
        "import json, pynvml; print(json.dumps({k: v if isinstance(v, int) else '' for k, v in vars(pynvml).items()}))"
    )

    def names(path: str) -> dict[str, object]:
        environ = {**os.environ, "PYTHONPATH": path}
        return json.loads(subprocess.check_output([sys.executable, "-c", code], env=environ, text=True))

    fake, real = names(str(FAKES_NVML)), names("")
    own = {name: value for name, value in fake.items() if name.lower().startswith("nvml")}
    assert len(own) > 30
    assert {name: real.get(name, "missing") for name in own} == own


def test_the_real_library_gives_devices_or_a_reason() -> None:
    code = "from demod_voice.engines.inventory import read_inventory as r; i = r(); print(bool(i.devices) != bool(i.reason))"
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if "fakes" not in path)}
    assert subprocess.check_output([sys.executable, "-c", code], env=environ, text=True) == "True\n"
