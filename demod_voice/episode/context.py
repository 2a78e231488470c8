"""Which earlier turns a line goes on from, and a line's job with them once they have takes.

With ``context: {turns: N}`` a line of an engine that continues a conversation is spoken after the N lines before it in its
chapter, and the hashes of their takes are part of its key. So what follows a line that is spoken again, to the end of its
chapter, is spoken again too; a chapter begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from demod_voice.episode.plan import Plan
from demod_voice.speech.job import LineJob, Turn

Sound = tuple[str, Path]
"""A take's SHA-256, and its WAV."""


def turns_before(plan: Plan, number: int) -> tuple[int, ...]:
    """Numbers of the lines that line ``number`` goes on from, the first one first.

    Recordings and backchannels are no turns.
    """
    line = plan.lines[number]
    if not line.job.turns or line.recorded or not line.job.voice.engine.context:
        return ()
    found: list[int] = []
    for before in range(number - 1, -1, -1):
        other = plan.lines[before]
        if other.chapter != line.chapter or len(found) == line.job.turns:
            break
        if not other.recorded and not other.source.backchannel:
            found.append(before)
    return tuple(reversed(found))


def job_after(plan: Plan, number: int, sounds: Mapping[int, Sound]) -> LineJob | None:
    """The job of line ``number`` with its turns; None while one of them has no take.

    Args:
        plan: the lines.
        number: which.
        sounds: of the lines that have takes.
    """
    line = plan.lines[number]
    before = turns_before(plan, number)
    if not all(each in sounds for each in before):
        return None
    names: dict[str, str] = {line.speaker: ""}
    turns = []
    for each in before:
        other = plan.lines[each]
        name = names.setdefault(other.speaker, str(len(names)))
        turns.append(Turn(other.source.text, name, *sounds[each]))
    return replace(line.job, context=tuple(turns)) if turns else line.job


def has_turns(plan: Plan) -> bool:
    """Some line goes on from others."""
    return any(turns_before(plan, number) for number in range(len(plan.lines)))


def jobs_after(plan: Plan, sound_of: Callable[[int, LineJob | None], Sound | None]) -> list[LineJob | None]:
    """The job of every line with its turns, None for those whose turns have no takes yet.

    Args:
        plan: the lines.
        sound_of: told a line's number and its job, the take that it has; asked in the order of the script, of all lines
            but recordings.
    """
    sounds: dict[int, Sound] = {}
    jobs: list[LineJob | None] = []
    for number, line in enumerate(plan.lines):
        job = job_after(plan, number, sounds)
        jobs.append(job)
        sound = None if line.recorded else sound_of(number, job)
        if sound is not None:
            sounds[number] = sound
    return jobs


def with_needed(plan: Plan, wanted: Iterable[int]) -> list[int]:
    """Numbers of the wanted lines and of all that they go on from, in order."""
    found: set[int] = set()
    left = list(wanted)
    while left:
        number = left.pop()
        if number not in found:
            found.add(number)
            left += turns_before(plan, number)
    return sorted(found)
