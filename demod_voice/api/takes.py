"""Takes of a rendered episode: list, redo, choose, lock, unlock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.episode.takes import LineTakes, TakeRow, open_takes
from demod_voice.records.progress import SILENT, Progress

__all__ = [
    "TAKE_HEADS",
    "LineTakes",
    "TakeList",
    "TakeRow",
    "choose_take",
    "describe_takes",
    "list_takes",
    "lock_take",
    "redo_take",
    "take_rows",
    "unlock_take",
]

TAKE_HEADS = ("line", "speaker", "take", "use", "seed", "attempt", "length", "engine", "key", "quality", "text")
"""Heads of the columns of ``take_rows``."""
TEXT_CHARS = 40


@dataclass(frozen=True, slots=True)
class TakeList:
    """Every line of an episode with its takes."""

    lines: tuple[LineTakes, ...]
    lost: tuple[str, ...]
    """Choices whose words nobody in the script says any more, in words."""


def list_takes(
    output: str | Path, *, script: str | Path | None = None, settings: Settings = DEFAULTS, progress: Progress = SILENT
) -> TakeList:
    """Every take of an episode; starts no engine.

    Args:
        output: the episode's audio file.
        script: its script; None = the one that the last render read.
        settings: how the next render would speak.
        progress: told about notes.

    Raises:
        UsageError: it was not rendered yet, or its script has a fault.
    """
    with open_takes(Path(output), settings, _path(script), progress, alone=False) as takes:
        return TakeList(tuple(takes.rows()), tuple(f"{each.what} (id {each.id})" for each in takes.lost()))


def redo_take(
    output: str | Path,
    line: str,
    *,
    seed: int | None = None,
    script: str | Path | None = None,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> tuple[LineTakes, TakeRow]:
    """Speak another take of a line with another seed; it lies beside the others and is used once it is chosen.

    Args:
        output: the episode's audio file.
        line: number of the line in the script, or the beginning of its id.
        seed: base seed of the take; None = one that gives a take that is not there yet.
        script: the script; None = the one that the last render read.
        settings: how to speak.
        progress: told about engines and retries.

    Raises:
        UsageError: no such line, or its engine gives the same sound with any seed.
        EngineError: every attempt failed.
    """
    with open_takes(Path(output), settings, _path(script), progress) as takes:
        return takes.redo(line, seed)


def choose_take(
    output: str | Path,
    line: str,
    take: str,
    *,
    lock: bool = False,
    script: str | Path | None = None,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> tuple[LineTakes, TakeRow]:
    """Make the next renders use a take, as long as the line's voice and settings stay; with ``lock``, also after.

    Args:
        output: the episode's audio file.
        line: number of the line in the script, or the beginning of its id.
        take: number of the take, or the beginning of its key.
        lock: keep it whatever becomes of voices, engines and settings.
        script: the script; None = the one that the last render read.
        settings: how the next render would speak.
        progress: told about waiting.

    Raises:
        UsageError: no such line or take, or another take of the line is locked.
    """
    with open_takes(Path(output), settings, _path(script), progress) as takes:
        return takes.choose(line, take, lock=lock)


def lock_take(
    output: str | Path,
    line: str,
    *,
    script: str | Path | None = None,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> tuple[LineTakes, TakeRow]:
    """Lock the take that a line uses now: only other words or another speaker end it.

    Raises:
        UsageError: no such line, or it has no take yet.
    """
    with open_takes(Path(output), settings, _path(script), progress) as takes:
        return takes.lock(line)


def unlock_take(
    output: str | Path,
    line: str,
    *,
    script: str | Path | None = None,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> None:
    """End the lock of a line; ``line`` may also be the id of one that is in the script no more.

    Raises:
        UsageError: no such line, or nothing is locked there.
    """
    with open_takes(Path(output), settings, _path(script), progress) as takes:
        takes.unlock(line)


def take_rows(lines: Sequence[LineTakes]) -> list[list[object]]:
    """Rows for a table under ``TAKE_HEADS``; a line without a take has one row that says so."""
    rows: list[list[object]] = []
    for line in lines:
        text = line.text if len(line.text) <= TEXT_CHARS else f"{line.text[: TEXT_CHARS - 3]}..."
        if not line.takes:
            rows.append(
                [
                    line.line,
                    line.speaker,
                    "-",
                    "recording" if line.recorded else "none yet",
                    "",
                    "",
                    "",
                    "",
                    "",
                    "",
                    text,
                ]
            )
        for take in line.takes:
            seed, attempt = (take.seed, take.attempt + 1) if line.seeded else ("-", "-")
            facts = [f"{take.length_s:.2f} s", take.engine, take.key[:8], take.quality or "good", text]
            rows.append([line.line, line.speaker, take.number, take.use, seed, attempt, *facts])
    return rows


def describe_takes(found: TakeList) -> list[str]:
    """What a person should know besides the table, a line each."""
    unseeded = sorted({take.engine for line in found.lines if not line.seeded for take in line.takes})
    notes = [f"engine {name} gives the same sound with any seed: its lines have one take" for name in unseeded]
    return [*notes, *(f"not used: the {each}" for each in found.lost)]


def _path(script: str | Path | None) -> Path | None:
    return None if script is None else Path(script)
