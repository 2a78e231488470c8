"""A machine's NVIDIA driver, simulated: the part of pynvml that is asked here, answered from a JSON file.

It stands before the real module on the path, so that everything above it is the real code. ``TEST_FAKE_NVML`` names
the file, which is read anew with each start, so a card can vanish while a program runs::

    {"error": 0, "devices": [{"uuid": "GPU-0", "name": "NVIDIA A", "total_mb": 8192, "used_mb": 100, "load": 0,
      "temperature": 40, "capability": [8, 0], "cores": 6912, "error": 0, "mode": 0, "mig": [{"uuid": "MIG-0", ...}]}],
     "links": {"GPU-0 GPU-1": "nvlink"}, "processes": [{"pid": 1, "uuid": "GPU-0", "mb": 100}]}

A process of that list takes its memory for as long as it lives.
"""

import json
import os
import threading
import time
from types import SimpleNamespace

NVML_ERROR_NOT_SUPPORTED = 3
NVML_ERROR_NO_PERMISSION = 4
NVML_ERROR_NOT_FOUND = 6
NVML_ERROR_DRIVER_NOT_LOADED = 9
NVML_ERROR_LIBRARY_NOT_FOUND = 12
NVML_ERROR_GPU_IS_LOST = 15
NVML_ERROR_LIB_RM_VERSION_MISMATCH = 18
NVML_ERROR_GPU_NOT_FOUND = 28
NVML_COMPUTEMODE_DEFAULT = 0
NVML_COMPUTEMODE_PROHIBITED = 2
NVML_COMPUTEMODE_EXCLUSIVE_PROCESS = 3
NVML_DEVICE_MIG_ENABLE = 1
NVML_P2P_CAPS_INDEX_NVLINK = 2
NVML_P2P_STATUS_OK = 0
NVML_TEMPERATURE_GPU = 0
TEXTS = {3: "Not Supported", 4: "Insufficient Permissions", 15: "GPU is lost", 999: "Unknown Error"}
_mine = threading.local()
"""What this thread was told: each one that asks starts NVML for itself."""


class NVMLError(Exception):
    def __init__(self, value):
        super().__init__(value)
        self.value = value

    def __str__(self):
        return TEXTS.get(self.value, f"NVML Error with code {self.value}")


class NVMLLibraryMismatchError(Exception):
    pass


def nvmlInit():
    with open(os.environ["TEST_FAKE_NVML"], encoding="utf-8") as file:
        state = json.load(file)
    time.sleep(state.get("slow_s", 0))
    _check(state.get("error", 0))
    _mine.state = state


def nvmlShutdown():
    del _mine.state


def nvmlDeviceGetCount():
    return len(_mine.state["devices"])


def nvmlDeviceGetHandleByIndex(index):
    return _whole(_mine.state["devices"][index])


def nvmlDeviceGetHandleByUUID(uuid):
    found = [each for each in _mine.state["devices"] if each["uuid"] == uuid]
    _check(0 if found else NVML_ERROR_NOT_FOUND)
    return _whole(found[0])


def nvmlDeviceGetUUID(handle):
    return handle["uuid"]


def nvmlDeviceGetName(handle):
    return handle["name"]


def nvmlDeviceGetCudaComputeCapability(handle):
    return tuple(_has(handle, "capability"))


def nvmlDeviceGetNumGpuCores(handle):
    return _has(handle, "cores")


def nvmlDeviceGetComputeMode(handle):
    return handle.get("mode", NVML_COMPUTEMODE_DEFAULT)


def nvmlDeviceGetMemoryInfo(handle):
    total, used = _has(handle, "total_mb"), handle.get("used_mb", 0)
    mine = (handle["uuid"], *(part["uuid"] for part in handle.get("mig", ())))
    used += sum(each["mb"] for each in _processes() if each["uuid"] in mine)
    free = max(0, total - used)
    return SimpleNamespace(total=total << 20, free=free << 20, used=(total - free) << 20)


def nvmlDeviceGetUtilizationRates(handle):
    return SimpleNamespace(gpu=_has(handle, "load"), memory=0)


def nvmlDeviceGetTemperature(handle, sensor):
    assert sensor == NVML_TEMPERATURE_GPU
    return _has(handle, "temperature")


def nvmlDeviceGetComputeRunningProcesses(handle):
    return [
        SimpleNamespace(pid=each["pid"], usedGpuMemory=each["mb"] << 20)
        for each in _processes()
        if each["uuid"] == handle["uuid"]
    ]


def nvmlDeviceGetMigMode(handle):
    _check(0 if "mig" in handle else NVML_ERROR_NOT_SUPPORTED)
    return [NVML_DEVICE_MIG_ENABLE, NVML_DEVICE_MIG_ENABLE]


def nvmlDeviceGetMaxMigDeviceCount(handle):
    return 7


def nvmlDeviceGetMigDeviceHandleByIndex(handle, index):
    _check(0 if index < len(handle["mig"]) else NVML_ERROR_NOT_FOUND)
    return handle["mig"][index]


def nvmlDeviceGetGpuInstanceId(handle):
    return handle["instance"][0]


def nvmlDeviceGetComputeInstanceId(handle):
    return handle["instance"][1]


def nvmlDeviceGetAttributes(handle):
    return SimpleNamespace(multiprocessorCount=handle["cores"])


def nvmlDeviceGetP2PStatus(one, other, index):
    assert index == NVML_P2P_CAPS_INDEX_NVLINK
    return NVML_P2P_STATUS_OK if _link(one, other) == "nvlink" else 1


def nvmlDeviceGetTopologyCommonAncestor(one, other):
    level = _link(one, other)
    return level if isinstance(level, int) else 50


def _link(one, other):
    links = _mine.state.get("links", {})
    return links.get(f"{one['uuid']} {other['uuid']}") or links.get(f"{other['uuid']} {one['uuid']}")


def _whole(device):
    _check(device.get("error", 0))
    return device


def _has(handle, key):
    _check(0 if handle.get(key) is not None else NVML_ERROR_NOT_SUPPORTED)
    return handle[key]


def _processes():
    return [each for each in _mine.state.get("processes", ()) if os.path.exists(f"/proc/{each['pid']}/mem")]


def _check(error):
    if error:
        raise NVMLError(error)
