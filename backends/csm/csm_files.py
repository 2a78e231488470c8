"""The files of a model and of an adapter, looked at before anything heavy is imported. Standard library only.

Weights are read as safetensors and nothing else: a pickle can run code. The header of such a file tells every tensor's
name, shape and place, so a truncated file, a model of another kind and an adapter of another base are seen at once.

Source of the format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demod_worker.failures import BadRequest, EngineFault, ModelMissing
from demod_worker.model_folder import content_revision, model_name

MODEL_TYPE = "csm"
INDEX, WEIGHTS = "model.safetensors.index.json", "model.safetensors"
HUB_INDEX = "transformers.safetensors.index.json"
"""How the hub's own repository calls it: its model.safetensors is of another library."""
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
TOKENIZER = ("tokenizer.json", "tokenizer_config.json")
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
LONGEST_HEADER = 100_000_000
"""Bytes; the format's own limit."""
PULL = "fetch it: demod-voice models pull csm-1b"
SAFE = "convert it with its library's save_pretrained(..., safe_serialization=True)"
_LORA = re.compile(r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<side>[AB])(?:\.[^.]+)?\.weight")

Shapes = Mapping[str, tuple[int, ...]]
"""Name of a tensor -> its shape."""


@dataclass(frozen=True)
class Checkpoint:
    """A model that can be loaded."""

    folder: Path
    name: str
    """Never a path."""
    revision: str
    """Hash of its content."""
    shapes: Shapes
    weights: str
    """The file that holds them, or the index of those that do."""


@dataclass(frozen=True)
class AdapterFiles:
    """An adapter that fits a model."""

    folder: Path
    revision: str
    """Hash of its content."""


def read_checkpoint(path: str) -> Checkpoint:
    """The model in a folder.

    Raises:
        ModelMissing: the folder, or a file of it, is not there.
        BadRequest: it is a model of another kind, or holds pickles only.
        EngineFault: a file is damaged.
    """
    folder = Path(path)
    if not folder.is_dir():
        what = "is a file: a CSM model is a folder" if folder.exists() else "does not exist"
        raise ModelMissing(f"{folder} {what}", PULL)
    config = _settings(folder)
    kind = config.get("model_type")
    if kind != MODEL_TYPE:
        raise BadRequest(f"{folder} holds a model of type {kind!r}, not {MODEL_TYPE!r}", f"choose another, or {PULL}")
    named = _named_weights(folder, config)
    weights = _shards(named)
    for name in TOKENIZER:
        if not (folder / name).is_file():
            raise ModelMissing(f"{folder} has no {name}", PULL)
    shapes = {name: shape for file in weights for name, shape in read_shapes(file).items()}
    files = ["config.json", *TOKENIZER, *(file.name for file in weights)]
    return Checkpoint(folder, model_name(folder), content_revision(folder, files), shapes, named.name)


def read_adapter(path: str, base: Checkpoint) -> AdapterFiles:
    """The adapter in a folder, if it belongs to ``base``.

    Raises:
        ModelMissing: the folder, or a file of it, is not there.
        BadRequest: it is an adapter of another base, or holds pickles only.
        EngineFault: a file is damaged.
    """
    folder = Path(path)
    if not (folder / ADAPTER_CONFIG).is_file():
        what = f"has no {ADAPTER_CONFIG}" if folder.is_dir() else "is not a folder"
        raise ModelMissing(f"the adapter {folder} {what}", "name the folder that training wrote")
    config = read_json(folder / ADAPTER_CONFIG)
    if not (folder / ADAPTER_WEIGHTS).is_file():
        _refuse_pickles(folder)
        raise ModelMissing(f"the adapter {folder} has no {ADAPTER_WEIGHTS}", "name the folder that training wrote")
    if config.get("peft_type") != "LORA":
        raise BadRequest(f"the adapter {folder} is of type {config.get('peft_type')!r}", "only LoRA adapters are used")
    _check_base(folder, config, base)
    _check_shapes(folder, read_shapes(folder / ADAPTER_WEIGHTS), base)
    return AdapterFiles(folder, content_revision(folder, [ADAPTER_CONFIG, ADAPTER_WEIGHTS]))


def adapter_stamp(path: str) -> tuple[tuple[int, int], ...]:
    """Size in bytes and time of change in nanoseconds of each file of an adapter: equal stamps mean equal content."""
    files = [Path(path) / name for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS)]
    return tuple((each.stat().st_size, each.stat().st_mtime_ns) for each in files if each.is_file())


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object.

    Raises:
        EngineFault: it does not.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EngineFault(f"{path} cannot be read: {error}", "bring the file again") from error
    if not isinstance(found, dict):
        raise EngineFault(f"{path} holds no object", "bring the file again")
    return found


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The tensors of a safetensors file, whose size must be the one that its header tells.

    Raises:
        EngineFault: it is truncated, or no such file.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(LONGEST_HEADER, size - 8):
                raise ValueError("its header is cut off")
            header = json.loads(file.read(length))
        tensors = {name: each for name, each in header.items() if name != "__metadata__"}
        end = 8 + length + max((each["data_offsets"][1] for each in tensors.values()), default=0)
        shapes = {name: tuple(int(side) for side in each["shape"]) for name, each in tensors.items()}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise EngineFault(f"{path} is no whole safetensors file: {error}", "bring the file again") from error
    if size != end:
        raise EngineFault(f"{path} is truncated: {size} bytes in place of {end}", "bring the file again")
    return shapes


def _settings(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        _refuse_pickles(folder)
        raise ModelMissing(f"{folder} has no config.json: it is no model", PULL)
    return read_json(path)


def _named_weights(folder: Path, config: Mapping[str, Any]) -> Path:
    """The file with the weights, or their index; ``transformers_weights`` of config.json names another than the usual."""
    named = config.get("transformers_weights")
    own = [named] if isinstance(named, str) and Path(named).name == named else []
    found = next((folder / each for each in (*own, HUB_INDEX, INDEX, WEIGHTS) if (folder / each).is_file()), None)
    if found is None:
        _refuse_pickles(folder)
        raise ModelMissing(f"{folder} has no {own[0] if own else WEIGHTS}", PULL)
    return found


def _shards(named: Path) -> list[Path]:
    """The files that hold the weights."""
    if not named.name.endswith(".index.json"):
        return [named]
    shards = read_json(named).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise EngineFault(f"{named} names no files", "bring the file again")
    files = [named.parent / Path(str(each)).name for each in sorted(set(shards.values()))]
    gone = [each.name for each in files if not each.is_file()]
    if gone:
        raise ModelMissing(f"{named.parent} lacks {', '.join(gone)}", PULL)
    return files


def _refuse_pickles(folder: Path) -> None:
    """Tell pickles from nothing at all."""
    found = sorted(each.name for each in folder.iterdir() if each.suffix in PICKLES) if folder.is_dir() else []
    if found:
        raise BadRequest(f"{folder / found[0]} is a pickle, which can run code: only safetensors are loaded", SAFE)


def _check_base(folder: Path, config: Mapping[str, Any], base: Checkpoint) -> None:
    """Training writes the base's content hash as ``revision: sha256-...``; others leave it out."""
    revision = config.get("revision")
    if not isinstance(revision, str) or not revision.startswith("sha256-"):
        return
    if revision.removeprefix("sha256-") != base.revision:
        raise BadRequest(
            f"the adapter {folder} was trained on another base ({revision}), this is {base.name} (sha256-{base.revision})",
            "load the base that it was trained on: engines.csm.model, or the voice's model",
        )


def _check_shapes(folder: Path, shapes: Shapes, base: Checkpoint) -> None:
    """Both factors of each adapted layer must be as wide as the base's weight."""
    for name, shape in shapes.items():
        match = _LORA.fullmatch(name)
        if match is None:
            continue
        weight = base.shapes.get(f"{match['module']}.weight")
        side = -1 if match["side"] == "A" else 0
        if weight is None or len(shape) != len(weight) or shape[side] != weight[side]:
            has = "does not have that layer" if weight is None else f"has {tuple(weight)} there"
            raise BadRequest(
                f"the adapter {folder} is of another base: {match['module']} is {tuple(shape)}, and {base.name} {has}",
                "load the base that it was trained on: engines.csm.model, or the voice's model",
            )
