"""Every error this program raises on purpose, in one tree, each with the exit code it ends in.

Library code raises these; only the border (``demod_voice.cli.main``, and the web server) turns one into text and a
code. A message says what was wrong, which value, and where (``file:row``); the hint says what to do about it.

::

    DemodError                      1   (never raised itself)
    +-- UsageError                  2   bad flag, config, script or path: nothing was started
    |   +-- FaultsError             2   every fault of one file, collected
    +-- MediaError                  3   a sound file that cannot be read or written
    +-- EngineError                 4   an engine could not do its work
    |   +-- EngineNotInstalled
    |   +-- EngineStartFailed
    |   +-- EngineCrashed
    |   |   +-- EngineGivenUp       (died too often in this run: not asked again)
    |   +-- EngineTimedOut
    |   +-- EngineBrokenProtocol
    |   +-- EngineRefused           (bad_request, unsupported)
    |   +-- EngineFailed            (engine_error, internal)
    |   +-- EngineOutOfMemory
    |   +-- ModelMissing
    |   +-- LicenceRequired
    |   +-- EngineCancelled
    +-- TrainingError               5
    +-- QualityError                6   finished, but below the asked quality
    +-- OutputError                 7   an output that cannot be written (folder, disk, permission)

An unexpected exception ends in 1, an interrupt in 130.
"""

from __future__ import annotations

from dataclasses import dataclass

EXIT_UNEXPECTED = 1
EXIT_INTERRUPTED = 130
MOST_FAULTS = 200
"""So many faults of one file are listed; the rest is counted."""


class DemodError(Exception):
    """Root of the tree: a message for a person, and a hint that says what to do next."""

    exit_code = EXIT_UNEXPECTED

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  {self.hint}"


class UsageError(DemodError):
    """The request itself is wrong; nothing was started."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a file."""

    line: int | None
    """1-based line in the file, or None when the fault is about the whole file."""
    message: str
    """What is wrong, with the value."""
    hint: str | None = None
    """What to write instead."""
    source: str = ""
    """Its file, where that is another one than the rest is about."""


class FaultsError(UsageError):
    """Every fault of one file at once, in the order of their lines; beyond ``MOST_FAULTS`` they are only counted."""

    def __init__(self, source: str, faults: list[Fault], hint: str | None = None) -> None:
        self.source = source
        self.faults = sorted(faults, key=lambda fault: (fault.source, fault.line or 0))[:MOST_FAULTS]
        rows = [_fault_row(source, fault) for fault in self.faults]
        if len(faults) > MOST_FAULTS:
            rows.append(f"  and {len(faults) - MOST_FAULTS} more")
        files = ", ".join(dict.fromkeys(fault.source or source for fault in self.faults)) or source
        count = f"{len(faults)} fault{'s' if len(faults) != 1 else ''} in {files}"
        super().__init__("\n".join([count, *rows]), hint)


def _fault_row(source: str, fault: Fault) -> str:
    file = f"{fault.source or source}:{fault.line}" if fault.line is not None else fault.source
    place = f"{file}: " if file else ""
    hint = fault.hint or ""
    remedy = f"; {hint}" if "(" in hint else f" ({hint})" if hint else ""
    return f"  {place}{fault.message}{remedy}"


class MediaError(DemodError):
    """A media file that cannot be decoded, probed or encoded."""

    exit_code = 3


class EngineError(DemodError):
    """An engine could not do its work."""

    exit_code = 4
    code = ""
    """The worker protocol's word for it (``unsupported``), when the engine itself said it."""
    device = ""
    """Where the engine computed when it failed (``cpu``, ``cuda:1``), when it had got that far."""
    device_lost = False
    """That device is not there any more."""


class EngineNotInstalled(EngineError):
    """The engine, or its environment, is not on this machine."""


class EngineStartFailed(EngineError):
    """The engine's process ended or stayed silent before it was ready."""


class EngineCrashed(EngineError):
    """The engine's process died in the middle of a request."""


class EngineGivenUp(EngineCrashed):
    """The engine has died at too many requests in a row and is not asked again in this run: no fault of this one."""


class EngineTimedOut(EngineError):
    """The engine was silent for longer than the operation allows."""


class EngineBrokenProtocol(EngineError):
    """The engine sent something that is not a frame of worker protocol 1."""


class EngineRefused(EngineError):
    """The engine said that it cannot do this request (``bad_request`` or ``unsupported``)."""


class EngineFailed(EngineError):
    """The engine's own code failed (``engine_error`` or ``internal``)."""


class EngineOutOfMemory(EngineError):
    """The engine ran out of memory."""


class ModelMissing(EngineError):
    """The model that was asked for is not on this machine."""


class LicenceRequired(EngineError):
    """The model's licence has not been accepted."""


class EngineCancelled(EngineError):
    """The request was cancelled by this side."""


class TrainingError(DemodError):
    """A training run failed."""

    exit_code = 5


class QualityError(DemodError):
    """The work finished, but below the quality that was asked for."""

    exit_code = 6


class OutputError(DemodError):
    """An output that cannot be written: no folder, no permission, no space."""

    exit_code = 7
