"""Where an engine's default model lies: in the models folders of this program, or where its own tools keep it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from demod_voice.config.folders import data_folder
from demod_voice.config.settings import Settings
from demod_voice.engines.shared_folders import shared_folders
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import ModelMissing

RECORD = "model.json"
"""Written last into the folder of a model that was pulled or imported: without it the model is not whole."""


def models_folder() -> Path:
    """Where this program keeps models: a folder for each, named as in the registry."""
    return data_folder() / "models"


def find_model(info: EngineInfo, settings: Settings) -> Path | None:
    """The model that the engine loads when a voice names none: ``engines.<name>.model``, else its default model.

    None for an engine that has no default model, or whose model is nowhere.
    """
    named = settings.engines.named.get(info.name)
    asked = named.model if named is not None else ""
    if asked and (os.sep in asked or asked.startswith("~")):
        return Path(asked).expanduser()
    return next(_found(asked or info.default_model, info, settings), None)


def model_for(info: EngineInfo, settings: Settings) -> str | None:
    """As ``find_model``, as the worker is told; None when the engine needs none.

    Raises:
        ModelMissing: the engine has a default model, and it is nowhere.
    """
    found = find_model(info, settings)
    if found is not None and os.access(found, os.F_OK):
        return str(found)
    if found is not None:
        raise ModelMissing(f"engine {info.name}: its model {found} does not exist", f"see engines.{info.name}.model")
    named = settings.engines.named.get(info.name)
    wanted = (named.model if named is not None else "") or info.default_model
    if not wanted:
        return None
    raise ModelMissing(f"engine {info.name} has no model here: {wanted} is not installed", _remedy(wanted, info))


def _remedy(wanted: str, info: EngineInfo) -> str:
    """How the model comes here; one that the user has named may be mistyped."""
    if wanted == info.default_model:
        return f"run: demod-voice models pull {wanted}"
    usual = f", by default {info.default_model}" if info.default_model else ""
    return f"engines.{info.name}.model names it{usual}; see: demod-voice models list --engine {info.name}"


def model_roots(settings: Settings) -> list[Path]:
    """The folders that hold models, this program's own first.

    Raises:
        UsageError: one of ``models.search_path`` may not be read.
    """
    return [models_folder(), *shared_folders("models.search_path", settings.models.search_path)]


def _found(name: str, info: EngineInfo, settings: Settings) -> Iterator[Path]:
    if not name:
        return
    for root in model_roots(settings):
        if os.access(root / name / RECORD, os.R_OK):
            yield _loaded(root / name)
    if name == info.default_model:
        for place in info.model_places:
            yield from _matching(Path(os.path.expandvars(place)).expanduser())


def _loaded(folder: Path) -> Path:
    """What of a model is given to its engine: the folder, or the file of it that its record names."""
    try:
        told = json.loads((folder / RECORD).read_text(encoding="utf-8")).get("load", "")
    except (OSError, ValueError, AttributeError):
        return folder
    return folder / told if isinstance(told, str) and told else folder


def _matching(pattern: Path) -> list[Path]:
    """What lies there; nothing where a variable of the pattern is not set."""
    if "$" in str(pattern) or not pattern.is_absolute():
        return []
    return sorted(Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))))
