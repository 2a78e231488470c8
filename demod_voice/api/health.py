"""``health``: does what is configured work on this machine, and what is missing?"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from demod_worker.messages import LoadResult

from demod_voice.api.models import list_models
from demod_voice.config.folders import cache_folder, data_folder
from demod_voice.config.loading import settings_path
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.engines.default_model import model_for
from demod_voice.engines.environments import USABLE, EnvironmentState, state
from demod_voice.engines.locate import engine as find_engine
from demod_voice.engines.locate import find_engines
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import EngineError, EngineNotInstalled, ModelMissing, UsageError
from demod_voice.models.installed import find_installed
from demod_voice.records.progress import SILENT, Progress
from demod_voice.units import format_size
from demod_voice.voices.store import VoiceStore

__all__ = ["Check", "check_health"]

OK, INFO, WARNING, FAILED = "ok", "info", "warning", "failed"
LITTLE_DISK = 1 << 30
"""Bytes below which free space is worth a warning: one hour of takes and a master is about 0.7 GB."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    status: str
    """``ok``, ``info`` (nothing is wrong), ``warning`` (works, but look at it) or ``failed``."""
    detail: str
    hint: str = ""


def check_health(settings: Settings = DEFAULTS, progress: Progress = SILENT) -> list[Check]:
    """Look at Python, the engines (each installed one is started), the GPU, disk, caches and licences.

    An engine that is not installed is a failure only when it is the configured default or has settings of its own.
    """
    checks = [_python(), _environment(), *_configured(settings)]
    checks += _engines(settings, progress)
    checks += [_gpu(settings), *_disk(), _cache(settings), *_voices(settings)]
    checks += [*_models(settings), *_licences(settings)]
    return checks


def _python() -> Check:
    version = platform.python_version()
    return Check("python", OK, f"{version} ({sys.executable})")


def _environment() -> Check:
    missing = [
        name
        for name in ("numpy", "scipy", "soxr", "av", "lameenc", "ruamel.yaml", "num2words", "httpx2")
        if not _imports(name)
    ]
    if missing:
        return Check("environment", FAILED, f"cannot import {', '.join(missing)}", "remove .venv and run again")
    return Check("environment", OK, sys.prefix)


def _imports(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def _configured(settings: Settings) -> Iterator[Check]:
    """What the settings name and what is not there."""
    for place in settings.engines.search_path:
        if not Path(place).expanduser().is_dir():
            hint = "make the folder, or take it out of engines.search_path"
            yield Check("search path", FAILED, f"engines.search_path: {place} is no folder", hint)
    named = {name: f"engines.{name}" for name in settings.engines.named}
    for name, key in {**named, settings.engines.default: "engines.default"}.items():
        try:
            find_engine(name, settings)
        except EngineNotInstalled as error:
            yield Check(f"engine {name}", FAILED, f"{key}: {error.message}", error.hint or "")


def _engines(settings: Settings, progress: Progress) -> Iterator[Check]:
    for info in find_engines(settings).values():
        wanted = info.name == settings.engines.default or info.name in settings.engines.named
        found = state(info, settings)
        usable = found in USABLE or (info.embedded and wanted)
        if usable:
            yield _start(info, settings, progress)
        elif found is EnvironmentState.MISSING:
            size = f", {info.install_mb} MB" if info.install_mb else ""
            hint = "" if info.embedded else f"demod-voice engines install {info.name}"
            detail = f"not installed{size}{'; it installs itself on first use' if info.embedded else ''}"
            yield Check(f"engine {info.name}", FAILED if wanted else INFO, detail, hint)
        else:
            hint = f"demod-voice engines install {info.name}"
            yield Check(f"engine {info.name}", FAILED, f"its environment is {found.value}", hint)


def _start(info: EngineInfo, settings: Settings, progress: Progress) -> Check:
    name = f"engine {info.name}"
    try:
        with Pool(settings, jobs=1, progress=progress) as pool:
            if not info.embedded:
                pool.probe(info.name)
                return _with_model(Check(name, OK, f"{info.version} starts"), info, settings)
            loaded = pool.load(info.name)
    except (EngineError, UsageError) as error:
        return Check(name, FAILED, error.message.splitlines()[0], error.hint or "")
    return Check(name, OK, f"{info.version} starts, its model loads ({_loaded(loaded)})")


def _with_model(check: Check, info: EngineInfo, settings: Settings) -> Check:
    """The check of an engine that starts, with a warning where the model that it would load is not there."""
    try:
        model_for(info, settings)
    except ModelMissing as error:
        return Check(check.name, WARNING, f"{check.detail}; {error.message}", error.hint or "")
    return check


def _loaded(loaded: LoadResult) -> str:
    return f"{len(loaded.voices)} voices" if loaded.voices else loaded.model


def _gpu(settings: Settings) -> Check:
    from demod_voice.engines.devices import choose_devices
    from demod_voice.engines.inventory import read_inventory

    found = read_inventory()
    try:
        left = choose_devices(settings, lambda: found).devices
    except UsageError as error:
        return Check("gpu", FAILED, error.message, error.hint or "")
    if not found.devices:
        return Check("gpu", INFO, f"none: {found.reason}; engines run on the CPU")
    names = ", ".join(f"{each.name}, {each.total_mb} MiB" for each in left)
    status = WARNING if found.notes else OK
    return Check("gpu", status, names or "there are some, and the settings ask for the CPU", "; ".join(found.notes))


def _disk() -> Iterator[Check]:
    for label, folder in (("data", data_folder()), ("cache", cache_folder()), ("current folder", Path.cwd())):
        place = folder
        while not place.exists():
            place = place.parent
        free = shutil.disk_usage(place).free
        writable = os.access(place, os.W_OK)
        detail = f"{format_size(free)} free for {folder}"
        if not writable:
            yield Check(f"disk {label}", FAILED, f"{folder} cannot be written to", "check its permissions")
        else:
            yield Check(f"disk {label}", WARNING if free < LITTLE_DISK else OK, detail)


def _cache(settings: Settings) -> Check:
    from demod_voice.speech.cache import SpeechCache

    if not settings.cache.enabled:
        return Check("speech cache", INFO, "switched off (cache.enabled)")
    info = SpeechCache(settings).info()
    return Check("speech cache", OK, f"{info.takes} takes, {format_size(info.num_bytes)} of {settings.cache.max_size}")


def _voices(settings: Settings) -> Iterator[Check]:
    contents = VoiceStore(settings).contents()
    for fault in contents.broken:
        yield Check("voice", FAILED, fault.message, fault.hint or "")
    for voice in contents.voices:
        gone = voice.missing_files()
        if gone:
            hint = f"put it back, or remove the voice: demod-voice voices remove {voice.name}"
            yield Check("voice", FAILED, f"voice {voice.name} has lost {', '.join(gone)}", hint)


def _models(settings: Settings) -> Iterator[Check]:
    """Every model that is here, or half here; and who accepted its licence."""
    for each in list_models(settings=settings):
        name = f"model {each.name}"
        if each.state == "partial":
            yield Check(name, INFO, f"{each.share:.0%} of it is here", f"demod-voice models pull {each.name}")
        elif each.installed is not None:
            said = each.installed.record.accepted
            by = f", accepted by {said.by} on {said.at[:10]}" if said is not None else ""
            detail = f"{format_size(each.num_bytes)}, {each.licence}{by}: {each.installed.folder}"
            gone = each.installed.changed()
            if gone:
                hint = f"demod-voice models pull {each.name} --again"
                yield Check(name, FAILED, f"{', '.join(gone)}: gone or damaged", hint)
            else:
                yield Check(name, OK, detail)


def _licences(settings: Settings) -> Iterator[Check]:
    accepted = {each.record.engine for each in find_installed(settings).values() if each.record.accepted is not None}
    for info in find_engines(settings).values():
        if info.requires_acceptance and info.name not in accepted:
            hint = f"read it at {info.model_source}" if info.model_source else ""
            detail = f"its model may be used by who accepts the licence {info.model_licence}"
            yield Check(f"licence {info.name}", INFO, detail, hint)
    path = settings_path()
    yield Check("settings", OK, str(path) if path.exists() else f"no settings file, all defaults ({path})")
