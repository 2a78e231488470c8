"""Figures of several repetitions, and what they are of."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from demod_voice.engines.machine import Machine, Meanwhile

SCHEMA = 1
"""Of the JSON; raised when a field changes its meaning."""
DIGITS = 4
"""Significant ones of a figure: no machine is steadier than that."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of all repetitions."""

    median: float
    min: float
    max: float
    runs: tuple[float, ...]
    """In the order of the repetitions."""


@dataclass(frozen=True, slots=True)
class Measured:
    """An engine, and how fast it is."""

    engine: str
    operation: str
    """``speak``, or what an engine that hears was asked."""
    version: str = ""
    model: str = ""
    model_revision: str = ""
    voice: str = ""
    device: str = ""
    """``CPU``, or the GPU's number and name."""
    python: str = ""
    """Version of its interpreter."""
    torch: str = ""
    """Version of its torch; empty without one."""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    """By name; the names are those of ``SpeakingRun`` and ``HearingRun``. One that nobody can tell here is not there."""
    error: str = ""
    """Why it could not be measured."""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An engine that was not measured, and what would change that."""

    engine: str
    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A figure beside the same figure of an earlier run."""

    engine: str
    operation: str
    figure: str
    before: float
    now: float
    ratio: float
    """``now / before``."""


@dataclass(frozen=True, slots=True)
class BenchReport:
    """All that was measured, and on what."""

    schema: int
    demod_voice: str
    """Version of this program."""
    at: str
    """When it began, ISO 8601, UTC."""
    repeat: int
    jobs: int
    """Workers of the figure ``rows_per_minute_jobs``."""
    threads: int
    """Of each worker."""
    lines: int
    rows: int
    texts: str
    """SHA-256 of all texts: figures of other texts are not comparable."""
    machine: Machine
    meanwhile: Meanwhile
    measured: tuple[Measured, ...]
    left_out: tuple[LeftOut, ...]
    compared: tuple[Ratio, ...] = ()
    """With an earlier run, where one was given."""
    differences: tuple[str, ...] = ()
    """Why those ratios may say nothing about the engines."""

    @property
    def failed(self) -> list[Measured]:
        """What could not be measured although it was tried."""
        return [each for each in self.measured if each.error]


def with_runs(told: Measured, runs: Sequence[Any]) -> Measured:
    """An engine with the figures of its runs (dataclasses), and every device that one of them computed on."""
    return replace(told, figures=_figures(runs), device=", ".join(dict.fromkeys(run.device for run in runs)))


def _figures(runs: Sequence[Any]) -> dict[str, Figure]:
    """Name -> figure, of what every run has a number for."""
    all_runs = [asdict(run) for run in runs]
    return {
        name: _figure([each[name] for each in all_runs])
        for name in all_runs[0]
        if all(isinstance(each[name], float) for each in all_runs)
    }


def _figure(values: Sequence[float]) -> Figure:
    rounded = tuple(_rounded(each) for each in values)
    return Figure(_rounded(statistics.median(values)), min(rounded), max(rounded), rounded)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
