"""The error tree, for callers of ``demod_voice.api``; drawn in ``demod_voice.errors``."""

from __future__ import annotations

from demod_voice.errors import (
    EXIT_INTERRUPTED,
    EXIT_UNEXPECTED,
    DemodError,
    EngineCancelled,
    EngineCrashed,
    EngineError,
    EngineFailed,
    EngineNotInstalled,
    EngineOutOfMemory,
    Fault,
    FaultsError,
    LicenceRequired,
    MediaError,
    ModelMissing,
    OutputError,
    QualityError,
    TrainingError,
    UsageError,
)

__all__ = [
    "EXIT_INTERRUPTED",
    "EXIT_UNEXPECTED",
    "DemodError",
    "EngineCancelled",
    "EngineCrashed",
    "EngineError",
    "EngineFailed",
    "EngineNotInstalled",
    "EngineOutOfMemory",
    "Fault",
    "FaultsError",
    "LicenceRequired",
    "MediaError",
    "ModelMissing",
    "OutputError",
    "QualityError",
    "TrainingError",
    "UsageError",
]
