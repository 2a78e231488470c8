"""Who speaks, as a person says it: by flags, in a request, or for every row of a table that does not say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class VoiceChoice:
    """Who speaks; empty fields are the defaults."""

    engine: str = ""
    voice: str = ""
    """A saved voice's name, a model's path, or a preset of the engine."""
    model: str = ""
    speaker: str = ""
    language: str = ""
    """BCP 47; empty = the voice's own, else the configured one."""
    speed: float = 1.0
    """Ratio of the voice's own rate."""
    pitch: float = 1.0
    """Ratio of the voice's own pitch."""
    volume_db: float = 0.0
    style: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the engine, JSON values."""
