"""What cleaning did to a recording: each step with its measures before and after, as data and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Measures = Mapping[str, float]
"""Name with its unit (``noise_floor_dbfs``) -> value."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step of the cleaning."""

    name: str
    """``high_pass``, ``hum``, ``declick``, ``denoise`` or ``loudness``."""
    applied: bool
    why: str = ""
    """Why it was not applied, or only in part."""
    before: Measures = field(default_factory=dict)
    after: Measures = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    """What it worked with: corner, lines, regions."""


@dataclass(frozen=True, slots=True)
class CleaningReport:
    """A recording, cleaned."""

    steps: tuple[StepReport, ...]
    """In the order in which they were done."""
    before: Measures
    """``noise_floor_dbfs`` (median of the pauses), ``speech_dbfs``, ``snr_db``, ``dc_offset`` as it came in."""
    after: Measures
    """The same of the finished recording."""
    envelope_dbfs: NDArray[np.float32]
    """RMS of each 10 ms of the finished recording, dBFS, shape (n,); silence is -200."""

    def step(self, name: str) -> StepReport:
        """The step of that name.

        Raises:
            KeyError: there is none.
        """
        for each in self.steps:
            if each.name == name:
                return each
        raise KeyError(name)

    def facts(self) -> dict[str, Any]:
        """Everything but the envelope, as JSON."""
        return {
            "before": dict(self.before),
            "after": dict(self.after),
            "steps": [
                {
                    "name": each.name,
                    "applied": each.applied,
                    "why": each.why,
                    "before": dict(each.before),
                    "after": dict(each.after),
                    "details": dict(each.details),
                }
                for each in self.steps
            ],
        }
