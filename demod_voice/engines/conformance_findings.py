"""What the conformance suite finds, and how it looks to a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    name: str
    status: str
    """``passed``, ``failed`` or ``skipped``."""
    detail: str = ""


def summary(findings: list[Finding]) -> Iterator[str]:
    """The findings as lines for a person."""
    width = max(len(each.name) for each in findings)
    for each in findings:
        yield f"{each.status:8} {each.name:<{width}}  {each.detail}".rstrip()
