"""What ``dataset check`` says: findings, each with the file that it is about and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from demod_voice.errors import QualityError

FAULT, WARNING = "fault", "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a dataset that a person should know."""

    severity: str
    """``fault`` (the data is wrong or leaks) or ``warning`` (a person should look)."""
    kind: str
    """A word to sort by: ``hash``, ``header``, ``missing``, ``stray``, ``times``, ``leak`` ..."""
    file: str
    """Path from the dataset's folder."""
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Everything that was found in a dataset."""

    path: str
    clips: int
    duration_s: float
    """Of all clips."""
    recordings: int
    findings: tuple[Finding, ...]

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The findings that are faults."""
        return tuple(each for each in self.findings if each.severity == FAULT)


def require_sound(report: CheckReport) -> None:
    """Turn a report with faults into an error.

    Raises:
        QualityError: the dataset has faults.
    """
    count = len(report.faults)
    if count:
        raise QualityError(
            f"{report.path} has {count} fault{'s' if count != 1 else ''}", "each is named above, with what to do"
        )
