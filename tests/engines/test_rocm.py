"""AMD's GPUs, read from the kernel's folder; here a folder of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.gpus import Machine

from demod_voice.engines import rocm
from demod_voice.engines.inventory import read_inventory
from demod_voice.engines.rocm import read_rocm


@pytest.fixture
def amd(tmp_path: Path) -> Path:
    """A processor and two GPUs."""
    nodes = tmp_path / "class" / "kfd" / "kfd" / "topology" / "nodes"
    for number, minor in ((0, 0), (1, 128), (10, 129)):
        node = nodes / str(number)
        node.mkdir(parents=True)
        simd = 0 if number == 0 else 416
        facts = f"simd_count {simd}\ndrm_render_minor {minor}\ngfx_target_version 90402\nunique_id {number}\n"
        (node / "properties").write_text(facts)
        (node / "name").write_text("aqua_vanjaram\n")
        if minor:
            card = tmp_path / "class" / "drm" / f"renderD{minor}" / "device"
            (card / "hwmon" / "hwmon3").mkdir(parents=True)
            (card / "mem_info_vram_total").write_text(f"{64 << 30}\n")
            (card / "mem_info_vram_used").write_text(f"{1 << 30}\n")
            (card / "gpu_busy_percent").write_text("7\n")
            (card / "hwmon" / "hwmon3" / "temp1_input").write_text("41000\n")
    return tmp_path


def test_its_gpus_are_read(amd: Path) -> None:
    found = read_rocm({}, amd)
    first, second = found.devices
    assert (first.number, first.index, second.number, second.index) == (0, 0, 1, 1)
    assert (first.name, first.kind, first.capability, first.total_mb, first.free_mb) == (
        "aqua_vanjaram",
        "rocm",
        (9, 4),
        65536,
        64512,
    )
    assert (first.load, first.temperature_c, first.uuid) == (7, 41, "GPU-0000000000000001")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HIP_VISIBLE_DEVICES": "1"}, [1]),
        ({"HIP_VISIBLE_DEVICES": "1,5,0"}, [1]),
        ({"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "0"}, [1]),
        ({"ROCR_VISIBLE_DEVICES": "GPU-000000000000000a"}, [1]),
        ({"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "1"}, []),
        ({"HIP_VISIBLE_DEVICES": ""}, []),
    ],
)
def test_its_variables_are_honoured(amd: Path, environ: dict[str, str], expected: list[int]) -> None:
    found = read_rocm(environ, amd)
    assert [each.index for each in found.devices] == expected
    assert bool(found.reason) == (not expected)


def test_without_nvidia_they_are_what_there_is(machine: Machine, amd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rocm.read_rocm, "__defaults__", (amd,))
    assert [each.kind for each in read_inventory({}).devices] == ["rocm", "rocm"]


def test_tools_without_the_driver_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_rocm({}, tmp_path).reason == ""
    (tmp_path / "rocm-smi").write_text("#!/bin/sh\n")
    (tmp_path / "rocm-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_rocm({}, tmp_path).reason == "rocm-smi is here, but AMD's compute driver (/dev/kfd) is not loaded"
