"""AMD's GPUs, read from what the Linux kernel says of them: no ROCm library is loaded.

torch for ROCm calls them ``cuda:N`` too. Read off the kernel's documentation and never run on such a card.

Source: Linux kernel, "AMD GPU driver" (mem_info_vram_total, gpu_busy_percent) and the topology of /sys/class/kfd; ROCm
documentation, "GPU isolation techniques" (ROCR_VISIBLE_DEVICES, then HIP_VISIBLE_DEVICES).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from demod_voice.engines.inventory import MB, Device, Inventory

SYS = Path("/sys")
VARIABLES = ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
"""In the order in which they apply: the second counts in what the first leaves."""
TOOLS = ("amd-smi", "rocm-smi")


def read_rocm(environ: Mapping[str, str], sys: Path = SYS) -> Inventory:
    """AMD's devices that this process may see; nothing, and no reason, on a machine without AMD's compute driver.

    Args:
        environ: where ROCR_VISIBLE_DEVICES and HIP_VISIBLE_DEVICES are read.
        sys: the kernel's folder.
    """
    nodes = sys / "class" / "kfd" / "kfd" / "topology" / "nodes"
    if not nodes.is_dir():
        tool = next((tool for tool in TOOLS if shutil.which(tool)), None)
        return Inventory(reason=f"{tool} is here, but AMD's compute driver (/dev/kfd) is not loaded" if tool else "")
    found = [device for node in sorted(nodes.iterdir(), key=_node_number) if (device := _device(node, sys)) is not None]
    seen = _visible([replace(each, index=index) for index, each in enumerate(found)], environ)
    numbered = tuple(replace(each, number=number) for number, each in enumerate(seen))
    hidden = f"{' and '.join(name for name in VARIABLES if name in environ)} leave none" if found and not seen else ""
    return Inventory(numbered, "" if numbered else hidden)


def _node_number(node: Path) -> int:
    return int(node.name) if node.name.isdecimal() else -1


def _device(node: Path, sys: Path) -> Device | None:
    """The GPU behind a node of the topology; None for a processor, and for what may not be read."""
    facts = _facts(node / "properties")
    if not facts.get("simd_count"):
        return None
    card = sys / "class" / "drm" / f"renderD{facts.get('drm_render_minor', 0)}" / "device"
    total = _number(card / "mem_info_vram_total")
    version = facts.get("gfx_target_version", 0)
    return Device(
        uuid=f"GPU-{facts.get('unique_id', 0):016x}" if facts.get("unique_id") else f"kfd-{node.name}",
        name=_text(card / "product_name") or _text(node / "name") or "AMD GPU",
        index=0,
        total_mb=total // MB,
        free_mb=(total - _number(card / "mem_info_vram_used")) // MB,
        load=_number(card / "gpu_busy_percent") if (card / "gpu_busy_percent").exists() else None,
        temperature_c=_temperature(card),
        capability=(version // 10000, version // 100 % 100),
        cores=facts["simd_count"],
        card=f"kfd-{node.name}",
        kind="rocm",
    )


def _temperature(card: Path) -> int | None:
    found = sorted(card.glob("hwmon/hwmon*/temp1_input"))
    return _number(found[0]) // 1000 if found else None


def _visible(devices: Sequence[Device], environ: Mapping[str, str]) -> list[Device]:
    """What both variables leave, each counting in what the one before it left; an entry that is none ends its list."""
    left = list(devices)
    for name in VARIABLES:
        if name in environ:
            left = _named(environ[name], left)
    return left


def _named(text: str, devices: Sequence[Device]) -> list[Device]:
    found: list[Device] = []
    for entry in text.split(","):
        word = entry.strip()
        by_number = re.fullmatch(r"\d{1,4}", word, re.ASCII)
        matching = [each for each in devices if word and each.uuid.lower() == word.lower()]
        if by_number and int(word) < len(devices):
            matching = [devices[int(word)]]
        if not matching:
            break
        found += [each for each in matching if each not in found]
    return found


def _facts(path: Path) -> dict[str, int]:
    rows = [row.split() for row in _text(path).splitlines()]
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdecimal()}


def _number(path: Path) -> int:
    text = _text(path)
    return int(text) if text.isdecimal() else 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
