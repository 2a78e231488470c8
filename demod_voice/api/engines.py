"""Engines: which there are, install and remove their environments, check that they keep to the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from demod_worker.messages import Voice

from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.engines import environments
from demod_voice.engines.bundle import Bundle, make_bundle
from demod_voice.engines.conformance import check as _check
from demod_voice.engines.conformance_findings import FAILED, Finding, summary
from demod_voice.engines.default_model import model_for
from demod_voice.engines.environments import (
    USABLE,
    EnvironmentState,
    environment_folder,
    examine,
    find,
    needs_python,
    python_for,
)
from demod_voice.engines.interpreter import check_interpreter
from demod_voice.engines.locate import engine, find_engines
from demod_voice.engines.making import Wish, check_wish
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import EngineError, EngineNotInstalled, ModelMissing, UsageError
from demod_voice.records.progress import SILENT, Progress

__all__ = [
    "EngineStatus",
    "EngineUpgrade",
    "Finding",
    "bundle_engine",
    "check_engine",
    "engine_status",
    "failed_findings",
    "finding_lines",
    "install_engine",
    "list_engines",
    "remove_engine",
    "upgrade_engines",
]


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """An engine and what there is of its environment."""

    info: EngineInfo
    state: EnvironmentState
    environment: Path
    """Where its environment is, or would be."""
    num_bytes: int = 0
    """Its size on disk; 0 where there is none, or it was not measured."""
    device: str = ""
    """The build: ``cpu``, ``cuda`` or ``rocm``; empty where there is only one."""
    torch: str = ""
    """Its version of torch; empty without one."""
    fault: str = ""
    """Why it cannot be used as it is."""
    python: str = ""
    """Its interpreter; told by ``engine_status`` alone, and empty where there is none yet."""
    model: str = ""
    """The model that it loads when a voice names none, or how to get it; told by ``engine_status`` alone."""


@dataclass(frozen=True, slots=True)
class EngineUpgrade:
    """What an upgrade did to one engine."""

    name: str
    changes: tuple[str, ...]
    """Package by package; empty when nothing was to be done."""


def list_engines(*, settings: Settings = DEFAULTS) -> list[EngineStatus]:
    """Every engine, by name.

    Raises:
        FaultsError: an engine.toml is wrong.
    """
    return [_status(info, settings) for info in find_engines(settings).values()]


def engine_status(name: str, *, settings: Settings = DEFAULTS) -> EngineStatus:
    """One engine.

    Raises:
        EngineNotInstalled: there is none of that name.
    """
    found = _status(engine(name, settings), settings)
    try:
        python = _python(found, settings)
    except EngineError as error:
        return replace(found, model=_model(found.info, settings), fault=error.message)
    return replace(found, python=python, model=_model(found.info, settings))


def install_engine(
    name: str,
    *,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
    again: bool = False,
    device: str = "auto",
    bundle: Path | None = None,
    into: Path | None = None,
) -> EngineStatus:
    """Make an engine's environment, or repair it; a finished one is left alone unless ``again``.

    Args:
        name: the engine.
        settings: where engines are.
        progress: told of sizes, packages and downloads.
        again: make it anew even when it is whole.
        device: ``auto`` takes the build of torch that pip offers; ``cpu``, ``cuda`` or ``rocm`` that one or an error.
        bundle: a folder that ``bundle_engine`` made; then no network is used.
        into: a folder of shared environments (``engines.shared``) to make it in.

    Raises:
        UsageError: it has no such build, or the bundle is for something else.
        EngineError: there is no such engine, or pip failed.
        OutputError: there is too little space.
    """
    info = engine(name, settings)
    environments.install(info, settings, progress, Wish(again, device, bundle, into))
    if into is not None and not _is_shared(into, settings):
        progress.note(f"{into} is not in engines.shared, so nobody uses it yet: add {into.absolute()} to that setting")
    return _status(info, settings, into)


def upgrade_engines(
    names: Sequence[str] = (), *, settings: Settings = DEFAULTS, progress: Progress = SILENT, into: Path | None = None
) -> list[EngineUpgrade]:
    """Make every environment again that is out of date (of ``names``, or of all that are installed).

    Raises:
        EngineNotInstalled: one of ``names`` is not installed there.
        EngineError: pip failed for one of them; the others are upgraded all the same.
    """
    infos = [engine(name, settings) for name in names] or list(find_engines(settings).values())
    for info in infos if names else ():
        _check_there(info, settings, into)
    done, failed = [], []
    for info in infos:
        try:
            done.append(EngineUpgrade(info.name, tuple(environments.upgrade(info, settings, progress, into))))
        except EngineError as error:
            failed.append(error)
    for each in failed[1:]:
        progress.note(str(each))
    if failed:
        raise failed[0]
    return done


def bundle_engine(
    name: str, out: Path, *, settings: Settings = DEFAULTS, progress: Progress = SILENT, device: str = "auto"
) -> Bundle:
    """Download all that an engine's environment needs into a folder, for ``install_engine(bundle=...)`` elsewhere.

    Raises:
        UsageError: the folder is there already.
        EngineError: pip failed.
    """
    info = engine(name, settings)
    check_wish(info, device)
    return make_bundle(info, out, device, progress)


def remove_engine(name: str, *, settings: Settings = DEFAULTS) -> int:
    """Remove an engine's own environment; return the bytes that were freed. Voices and takes stay.

    Raises:
        UsageError: it runs from a shared folder, which is not ours to change.
    """
    info = engine(name, settings)
    freed = environments.remove(info)
    found = find(info, settings)
    if not freed and found.shared:
        raise UsageError(f"engine {name} is shared: {found.folder}", "only whoever keeps that folder removes it")
    return freed


def check_engine(
    name: str,
    *,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
    model: str | None = None,
    preset: str | None = None,
) -> list[Finding]:
    """Run the conformance suite of worker protocol 1 on an engine.

    Args:
        name: the engine.
        settings: timeouts, threads, interpreter.
        progress: told as checks are done.
        model: path of a model, for engines that have none of their own.
        preset: which voice speaks.

    Raises:
        UsageError: the engine has no model of its own, and none is given.
        ModelMissing: its default model is not here.
        EngineNotInstalled: there is no such engine, or no environment.
        EngineStartFailed: the interpreter that is set for it lacks its packages.
    """
    info = engine(name, settings)
    if info.needs_model and model is None:
        raise UsageError(f"engine {name} needs a model", f"demod-voice engines check {name} --model FILE")
    check_interpreter(info, settings)
    path = str(Path(model).resolve()) if model else model_for(info, settings)
    return _check(info, settings, progress, path, Voice(preset=preset, model=path))


def failed_findings(findings: list[Finding]) -> list[Finding]:
    """The findings that failed."""
    return [each for each in findings if each.status == FAILED]


def finding_lines(findings: list[Finding]) -> list[str]:
    """The findings as lines for a person."""
    return list(summary(findings))


def _status(info: EngineInfo, settings: Settings, into: Path | None = None) -> EngineStatus:
    found = examine(info, environment_folder(info, into)) if into else find(info, settings)
    stamp = found.stamp
    if stamp is None:
        return EngineStatus(info, found.state, found.folder, fault=found.fault)
    return EngineStatus(info, found.state, found.folder, stamp.num_bytes, stamp.device, stamp.torch, found.fault)


def _is_shared(folder: Path, settings: Settings) -> bool:
    return folder.resolve() in {Path(each).expanduser().resolve() for each in settings.engines.shared}


def _python(found: EngineStatus, settings: Settings) -> str:
    """The interpreter that the engine runs with as it is; empty where there is none yet."""
    if found.state not in USABLE or not needs_python(found.info):
        return ""
    return str(python_for(found.info, settings))


def _model(info: EngineInfo, settings: Settings) -> str:
    """Where the model lies that the engine loads when a voice names none, or how to get it; empty when it needs none."""
    try:
        return model_for(info, settings) or ""
    except ModelMissing as error:
        return f"missing: {(error.hint or error.message).removeprefix('run: demod-voice ')}"


def _check_there(info: EngineInfo, settings: Settings, into: Path | None) -> None:
    own = examine(info, environment_folder(info, into))
    if own.state is not EnvironmentState.MISSING or find(info, settings).state is EnvironmentState.EXTERNAL:
        return
    found = find(info, settings)
    if found.shared and into is None:
        raise EngineNotInstalled(
            f"engine {info.name} is shared: {found.folder}",
            f"whoever keeps it runs: demod-voice engines upgrade {info.name} --into {found.folder.parent}",
        )
    raise EngineNotInstalled(f"engine {info.name} is not installed", f"run: demod-voice engines install {info.name}")
