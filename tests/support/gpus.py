"""A machine with GPUs of the test's own: the driver's library is simulated (tests/fakes_nvml), all above it is real."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

FAKES_NVML = Path(__file__).resolve().parents[1] / "fakes_nvml"
FAKES_GPU = Path(__file__).resolve().parents[1] / "fakes_gpu"
NO_LIBRARY, NO_DRIVER, NO_PERMISSION, LOST, MISMATCH = 12, 9, 4, 15, 18
"""NVML's error codes."""


def card(number: int, **facts: Any) -> dict[str, Any]:
    """A card as tests/fakes_nvml/pynvml.py takes it: an idle one of 8 GiB."""
    plain = {
        "uuid": f"GPU-{number:08d}-aaaa",
        "name": "NVIDIA A",
        "total_mb": 8192,
        "used_mb": 192,
        "load": 0,
        "temperature": 40,
        "capability": [8, 0],
        "cores": 4096,
    }
    return {**plain, **facts}


def instance(card_number: int, number: int, total_mb: int = 4864, **facts: Any) -> dict[str, Any]:
    """A MIG instance of a card."""
    plain = {
        "uuid": f"MIG-{card_number:04d}{number:04d}-bbbb",
        "name": "NVIDIA A MIG 1g.5gb",
        "total_mb": total_mb,
        "used_mb": 64,
        "cores": 14,
        "instance": [number + 7, 0],
    }
    return {**plain, **facts}


class Machine:
    """Its state is a file that the simulated driver reads anew each time."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = folder / "nvml.json"
        self._told = folder / "loads.jsonl"
        monkeypatch.setenv("TEST_FAKE_NVML", str(self.path))
        monkeypatch.setenv("TEST_FAKE_GPU_LOG", str(self._told))
        for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"):
            monkeypatch.delenv(name, raising=False)
        spec = importlib.util.spec_from_file_location("pynvml", FAKES_NVML / "pynvml.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setitem(sys.modules, "pynvml", module)
        self.has()

    def has(self, *cards: dict[str, Any], **state: Any) -> None:
        """Its cards; without any, no driver."""
        error = {} if cards else {"error": NO_LIBRARY}
        self._write({"devices": list(cards), **error, **state})

    def change(self, number: int, **facts: Any) -> None:
        """Other facts of one card from now on."""
        with open(f"{self.path}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self.state()
            state["devices"][number].update(facts)
            self._write(state)

    def loads(self) -> list[dict[str, Any]]:
        """What each worker of the fake engine was told and shown when it loaded its model, in order."""
        return [json.loads(line) for line in self._told.read_text().splitlines()] if self._told.exists() else []

    def shown(self) -> list[str]:
        """The devices that those workers were shown, ``cpu`` where they were to compute there."""
        return ["cpu" if each["device"] == "cpu" else each["CUDA_VISIBLE_DEVICES"] for each in self.loads()]

    def state(self) -> dict[str, Any]:
        return json.loads(self.path.read_text())

    def environ(self) -> dict[str, str]:
        """For a program of its own: the simulated library stands before the real one on its path."""
        paths = [str(FAKES_NVML), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {"PYTHONPATH": os.pathsep.join(paths), "TEST_FAKE_NVML": str(self.path)}

    def _write(self, state: dict[str, Any]) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(state))
        new.replace(self.path)
