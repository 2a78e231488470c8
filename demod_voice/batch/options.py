"""What the flags of ``batch run`` and ``batch check`` say; every part of a batch is given this one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from demod_voice.errors import UsageError
from demod_voice.voices.adding import consent_faults
from demod_voice.voices.choice import VoiceChoice

TASKS = ("speech", "episode")
"""What can be done with each row."""
LOUDNESS_RANGE = (-40.0, -5.0)
"""LUFS; that of ``loudness.mono_lufs``."""


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How a table is read, where its outputs go, and what its rows have in common."""

    out_dir: Path | None = None
    """None = ``X-out`` beside ``X.csv``."""
    root: Path | None = None
    """When given, outputs may lie outside the output folder, and outputs and references must lie inside this folder."""
    task: str = "speech"
    """One of ``TASKS``."""
    encoding: str = ""
    """Of the table; empty = what its byte-order mark says, else UTF-8."""
    format: str = ""
    """Of the outputs whose names say none."""
    loudness: float | None = None
    """LUFS that each output is brought to; None = as it was spoken."""
    consent: str = ""
    """Whose voices the references are: ``self``, ``public-domain``, ``unknown`` or the path of a statement."""
    lexicon: Path | None = None
    """Pronunciations of every row."""
    markup: bool = False
    """The tags of a script's lines are obeyed; else they are words."""
    voice: VoiceChoice = field(default_factory=VoiceChoice)
    """Who speaks the rows whose own cells are empty."""


def check_options(options: BatchOptions) -> None:
    """Refuse what no row could be done with.

    Raises:
        UsageError: the task is unknown, the loudness out of range, or the word about consent is none.
    """
    if options.task not in TASKS:
        raise UsageError(f"there is no task {options.task!r}", f"one of {', '.join(TASKS)}")
    low, high = LOUDNESS_RANGE
    if options.loudness is not None and not low <= options.loudness <= high:
        raise UsageError(f"--loudness {options.loudness:g} is out of range: {low:g} to {high:g} LUFS")
    for fault in consent_faults(options.consent) if options.consent else ():
        raise UsageError(fault.message, fault.hint)
