"""From which cosine two clips are one speaker's: measured on trials whose answer is known, and kept for one model alone.

A threshold of one embedding model says nothing about another, so a calibration is bound to the engine and to the content hash
of the model (its revision) that it was made with.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demod_voice.config.folders import data_folder
from demod_voice.config.settings import Settings
from demod_voice.errors import UsageError
from demod_voice.records.atomic import output_error, write_json

FORMAT = "demod-voice speaker calibration"
VERSION = 1
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rates:
    """What a threshold does on trials."""

    threshold: float
    """Cosine from which two clips are called one speaker's."""
    false_accept_rate: float
    """Share of the pairs of two speakers that lie at or above it, as measured."""
    miss_rate: float
    """Share of the pairs of one speaker that lie below it, as measured."""
    equal_error_rate: float
    """Where both rates are equal: one number for how well the model tells these speakers apart."""
    same: int
    """Pairs of one speaker."""
    different: int
    """Pairs of two."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A threshold and what it is bound to."""

    engine: str
    model: str
    revision: str
    """Content hash of the model: what counts; the name is for people."""
    asked_false_accept_rate: float
    rates: Rates

    @property
    def threshold(self) -> float:
        """Cosine from which two clips are one speaker's."""
        return self.rates.threshold


def rates_of(same: Scores, different: Scores, false_accept_rate: float) -> Rates:
    """The lowest threshold with at most that share of false accepts, and what it costs.

    It lies midway between the score that must be refused and the next one above it.

    Args:
        same: cosines of pairs of one speaker, shape (n,), n > 0.
        different: cosines of pairs of two, shape (m,), m > 0.
        false_accept_rate: 0 to 1; under 1/m none is accepted.
    """
    falling = np.sort(different)[::-1]
    allowed = min(math.floor(false_accept_rate * len(falling) + 1e-9), len(falling) - 1)
    refused = float(falling[allowed])
    above = [float(scores[scores > refused].min()) for scores in (same, different) if (scores > refused).any()]
    threshold = (refused + min(above, default=1.0)) / 2
    return Rates(
        threshold=threshold,
        false_accept_rate=float(np.mean(different >= threshold)),
        miss_rate=float(np.mean(same < threshold)),
        equal_error_rate=equal_error_rate(same, different),
        same=len(same),
        different=len(different),
    )


def equal_error_rate(same: Scores, different: Scores) -> float:
    """The rate at which misses and false accepts are equally frequent, between two thresholds by a straight line."""
    thresholds = np.append(np.unique(np.concatenate([same, different])), np.inf)
    misses = np.searchsorted(np.sort(same), thresholds, side="left") / len(same)
    accepts = 1.0 - np.searchsorted(np.sort(different), thresholds, side="left") / len(different)
    crossing = int(np.argmax(misses >= accepts))
    if crossing == 0:
        return float(misses[0])
    before, after = accepts[crossing - 1] - misses[crossing - 1], misses[crossing] - accepts[crossing]
    share = before / (before + after)
    return float(misses[crossing - 1] + share * (misses[crossing] - misses[crossing - 1]))


def calibration_folder() -> Path:
    """Where calibrations lie that later commands find by themselves."""
    return data_folder() / "calibrations"


def own_place(engine: str, revision: str) -> Path:
    """Where the calibration of a model lies."""
    safe = "".join(char if char.isalnum() or char in "-." else "_" for char in revision)
    return calibration_folder() / f"{engine}-{safe or 'unknown'}.json"


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write a calibration as JSON.

    Raises:
        OutputError: it cannot be written.
    """
    if path.parent == calibration_folder():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(path.parent, error) from error
    try:
        write_json(path, {"format": FORMAT, "version": VERSION, **asdict(calibration)})
    except OSError as error:
        raise output_error(path, error) from error


def read_calibration(path: Path) -> Calibration:
    """A calibration that ``write_calibration`` wrote.

    Raises:
        UsageError: it is missing, or no calibration.
    """
    hint = "make it with: demod-voice speaker calibrate TRIALS"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"the calibration {path} does not exist", hint) from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no calibration: {error}", hint) from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UsageError(f"{path} is no calibration of speakers", hint)
    if data.get("version") != VERSION:
        raise UsageError(f"{path} has version {data.get('version')!r}, not {VERSION}", hint)
    return _parsed(data, path, hint)


def _parsed(data: dict[str, Any], path: Path, hint: str) -> Calibration:
    try:
        rates = {name: float(data["rates"][name]) for name in Rates.__slots__}
        found = Calibration(
            str(data["engine"]),
            str(data["model"]),
            str(data["revision"]),
            float(data["asked_false_accept_rate"]),
            Rates(**{**rates, "same": int(rates["same"]), "different": int(rates["different"])}),  # type: ignore[arg-type]
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"{path} is a damaged calibration: {type(error).__name__} {error}", hint) from error
    if not -1.0 <= found.threshold <= 1.0:
        raise UsageError(f"{path}: its threshold {found.threshold!r} is no cosine", hint)
    return found


def calibrated(engine: str, model: str, revision: str, settings: Settings) -> Calibration | None:
    """The calibration of a model: ``speakers.calibration``, else the one kept for it; None when nobody has made one.

    Raises:
        UsageError: the one that the settings name is of another model, or a file of them is damaged.
    """
    named = settings.speakers.calibration
    path = Path(named).expanduser() if named else own_place(engine, revision)
    if not named and not path.is_file():
        return None
    found = read_calibration(path)
    if (found.engine, found.revision) != (engine, revision):
        raise UsageError(
            f"{path} was made with {found.engine} {found.model} ({found.revision}), and {engine} has {model} ({revision})",
            "thresholds of two models cannot be compared; calibrate this one: demod-voice speaker calibrate TRIALS",
        )
    return found
