"""Engines: which there are, install and remove their environments, check that they keep to the protocol."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from demod_worker.messages import Voice

from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.engines.conformance import FAILED, Finding, summary
from demod_voice.engines.conformance import check as _check
from demod_voice.engines.environments import EnvironmentState, environment_folder, state
from demod_voice.engines.environments import install as _install
from demod_voice.engines.environments import remove as _remove
from demod_voice.engines.locate import engine, find_engines
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import UsageError
from demod_voice.records.progress import SILENT, Progress

__all__ = [
    "EngineStatus",
    "Finding",
    "check_engine",
    "engine_status",
    "failed_findings",
    "finding_lines",
    "install_engine",
    "list_engines",
    "remove_engine",
]


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """An engine and what there is of its environment."""

    info: EngineInfo
    state: EnvironmentState
    environment: Path
    """Where its environment is, or would be."""


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
    return _status(engine(name, settings), settings)


def install_engine(
    name: str, *, settings: Settings = DEFAULTS, progress: Progress = SILENT, again: bool = False
) -> EngineStatus:
    """Make an engine's environment, or repair it; a finished one is left alone unless ``again``.

    Raises:
        EngineError: there is no such engine, or pip failed.
        OutputError: there is too little space.
    """
    info = engine(name, settings)
    _install(info, settings, progress, again)
    return _status(info, settings)


def remove_engine(name: str, *, settings: Settings = DEFAULTS) -> int:
    """Remove an engine's environment; return the bytes that were freed. Voices and takes stay."""
    return _remove(engine(name, settings))


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
        EngineNotInstalled: there is no such engine, or no environment.
    """
    info = engine(name, settings)
    if info.needs_model and model is None:
        raise UsageError(f"engine {name} needs a model", f"demod-voice engines check {name} --model FILE")
    path = str(Path(model).resolve()) if model else None
    return _check(info, settings, progress, path, Voice(preset=preset, model=path))


def failed_findings(findings: list[Finding]) -> list[Finding]:
    """The findings that failed."""
    return [each for each in findings if each.status == FAILED]


def finding_lines(findings: list[Finding]) -> list[str]:
    """The findings as lines for a person."""
    return list(summary(findings))


def _status(info: EngineInfo, settings: Settings) -> EngineStatus:
    return EngineStatus(info, state(info, settings), environment_folder(info))
