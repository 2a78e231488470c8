"""Read a Demucs model from files without running any code of theirs.

A model is a folder as on the hub (a bag ``NAME.yaml`` and a ``.safetensors`` file for each of its models), the same with the
older ``.th`` packages, or one such file.
"""

from __future__ import annotations

import inspect
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from demod_worker.model_folder import content_revision, model_name
from demod_worker.worker import BadRequest, ModelMissing

CLASSES = ("demucs.htdemucs.HTDemucs", "demucs.hdemucs.HDemucs", "demucs.demucs.Demucs")
"""What a file may name as its network."""
SUFFIXES = (".safetensors", ".th")
VOICE = "vocals"
"""The source that is the dialogue."""
MOST_MODELS = 16
LARGEST_BAG = 1 << 16


@dataclass(frozen=True)
class Bag:
    """Networks whose answers are averaged."""

    name: str
    revision: str
    models: tuple[Any, ...]
    weights: tuple[float, ...]
    """How much each model's dialogue counts; they sum up to 1."""
    segment: Fraction | float | None
    """Seconds that are heard at once; None = each model's own."""


def open_bag(model: str | None) -> Bag:
    """Load a model into main memory.

    Raises:
        ModelMissing: there is none, or a file of it is missing.
        BadRequest: a file is not what it should be.
    """
    if not model:
        raise ModelMissing("demucs needs a model", "run: demod-voice models pull htdemucs")
    path = Path(model)
    if not path.exists():
        raise ModelMissing(f"the model {path} does not exist", "run: demod-voice models pull htdemucs")
    folder = path if path.is_dir() else path.parent
    bag = _bag_file(path)
    described = _described(bag) if bag else {"models": [path.name if path.is_file() else _only(path)]}
    names = [_file_of(folder, each) for each in described["models"]]
    models = tuple(_network(folder / name) for name in names)
    sources = models[0].sources
    if VOICE not in sources or any(
        each.sources != sources or each.samplerate != models[0].samplerate for each in models
    ):
        raise BadRequest(f"{path} does not separate {VOICE}: its sources are {', '.join(map(str, sources))}")
    files = [*names, *([bag.name] if bag else [])]
    return Bag(
        bag.stem if bag else model_name(path),
        content_revision(folder, files),
        models,
        _weights(described.get("weights"), len(models), sources.index(VOICE), bag or path),
        _segment(described.get("segment"), bag or path),
    )


def _bag_file(path: Path) -> Path | None:
    """The description of a bag; None for a single file, or a folder of one."""
    if path.suffix == ".yaml":
        return path
    bags = sorted(path.glob("*.yaml")) if path.is_dir() else []
    if len(bags) > 1:
        raise BadRequest(
            f"{path} holds several models: {', '.join(each.name for each in bags)}", "name one of the files"
        )
    return bags[0] if bags else None


def _only(folder: Path) -> str:
    files = sorted(each.name for each in folder.iterdir() if each.suffix in SUFFIXES)
    if not files:
        raise ModelMissing(
            f"the model {folder} has no {' or '.join(SUFFIXES)} file", "run: demod-voice models pull htdemucs"
        )
    if len(files) > 1:
        raise BadRequest(f"{folder} holds several models: {', '.join(files)}", "name one of the files")
    return files[0]


def _described(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        text = path.read_bytes()[: LARGEST_BAG + 1].decode()
        found = yaml.safe_load(text) if len(text) <= LARGEST_BAG else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadRequest(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    names = found.get("models") if isinstance(found, dict) else None
    if not isinstance(names, list) or not 0 < len(names) <= MOST_MODELS or not all(map(_plain, names)):
        raise BadRequest(f"{path} is no list of Demucs models", "its models are names of files beside it")
    return dict(found)


def _plain(name: object) -> bool:
    return isinstance(name, str) and name != "" and not set(name) & set("/\\\0") and not name.startswith(".")


def _file_of(folder: Path, name: str) -> str:
    """The file of a model of a bag, by its signature; an older package has its checksum in its name."""
    exact = [name] if name.endswith(SUFFIXES) else [f"{name}{suffix}" for suffix in SUFFIXES]
    found = [each for each in exact if (folder / each).is_file()]
    found += [each.name for each in sorted(folder.glob(f"{name}-*.th"))] if not found else []
    if not found:
        raise ModelMissing(f"the model {folder} has no {exact[0]}", "it is one of the files of the model")
    return found[0]


def _network(path: Path) -> Any:
    klass, args, kwargs, state = _from_safetensors(path) if path.suffix == ".safetensors" else _from_package(path)
    known = inspect.signature(klass).parameters
    try:
        network = klass(*args, **{name: value for name, value in kwargs.items() if name in known})
        network.load_state_dict(state)
    except Exception as error:
        raise BadRequest(
            f"{path} describes a network that cannot be built, or another one's weights: {_short(error)}"
        ) from error
    return network.eval()


def _from_safetensors(path: Path) -> tuple[Any, list[Any], dict[str, Any], Mapping[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        args, kwargs = (_decoded(json.loads(about.get(each, "null"))) for each in ("args", "kwargs"))
    except (OSError, SafetensorError, ValueError) as error:
        raise BadRequest(f"{path} is damaged, or no safetensors file: {_short(error)}", "fetch it again") from error
    if about.get("klass") not in CLASSES or not isinstance(args, list) or not isinstance(kwargs, dict):
        raise BadRequest(f"{path} is no Demucs network: it names {about.get('klass')!r}")
    if "structure" in about:
        raise BadRequest(f"{path} is quantized, which is not read here", "take the model of full size")
    return _class(about["klass"]), args, kwargs, tensors


def _from_package(path: Path) -> tuple[Any, list[Any], dict[str, Any], Mapping[str, Any]]:
    """A ``.th`` package: a pickle, in which nothing but tensors, plain values and the networks' names is let through."""
    import torch

    try:
        with torch.serialization.safe_globals([*map(_class, CLASSES), Fraction]):
            package = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BadRequest(
            f"{path} is refused: it is damaged, or holds more than weights ({_short(error)})",
            "fetch it again from where it came; a file that runs code when it is loaded is never loaded here",
        ) from error
    except Exception as error:
        raise BadRequest(f"{path} is damaged: {_short(error)}", "fetch it again") from error
    wanted = {"klass", "args", "kwargs", "state"}
    if not isinstance(package, dict) or not wanted <= set(package) or package["klass"] not in map(_class, CLASSES):
        raise BadRequest(f"{path} is no Demucs package")
    if not isinstance(package["state"], Mapping) or package["state"].get("__quantized"):
        raise BadRequest(f"{path} is quantized, which is not read here", "take the model of full size")
    return package["klass"], list(package["args"]), dict(package["kwargs"]), package["state"]


def _class(name: str) -> Any:
    from importlib import import_module

    module, _, klass = name.rpartition(".")
    return getattr(import_module(module), klass)


def _decoded(value: Any) -> Any:
    """Arguments of a network; a fraction is an object of its own in JSON."""
    if isinstance(value, dict):
        if value.get("_type") == "fraction":
            return Fraction(int(value["numerator"]), int(value["denominator"]))
        return {key: _decoded(each) for key, each in value.items()}
    return [_decoded(each) for each in value] if isinstance(value, list) else value


def _weights(found: Any, count: int, voice: int, path: Path) -> tuple[float, ...]:
    try:
        rows = [1.0] * count if found is None else [float(row[voice]) for row in found]
    except (TypeError, ValueError, IndexError) as error:
        raise BadRequest(f"{path}: its weights are no numbers for each model and source") from error
    if len(rows) != count or min(rows) < 0 or not sum(rows) > 0:
        raise BadRequest(f"{path}: its weights fit no {count} models")
    return tuple(each / sum(rows) for each in rows)


def _segment(found: Any, path: Path) -> float | None:
    if found is None:
        return None
    if not isinstance(found, (int, float)) or isinstance(found, bool) or not 0.1 <= found <= 600:
        raise BadRequest(f"{path}: its segment is {found!r}, not 0.1 to 600 s")
    return float(found)


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (" ".join(lines[:2]) if lines else type(error).__name__)[:200]
