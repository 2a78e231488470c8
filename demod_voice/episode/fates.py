"""Which lines of a new script have takes already, told from takes, from another script, or from a manifest alone.

A line that goes on from earlier turns is judged after them, with them: where one is spoken again, so is the line.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demod_voice.config.settings import Settings
from demod_voice.episode.chosen import applies, match, read_choices
from demod_voice.episode.context import Sound, jobs_after, turns_before
from demod_voice.episode.plan import Plan
from demod_voice.speech.guards import tries
from demod_voice.speech.studio import LineJob, Studio
from demod_voice.speech.takes import TakeRecord, told_take


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one new line."""

    kept: bool
    record: TakeRecord | None = None
    """Of its take; its sound is verified only when it is used."""
    locked: bool = False
    follows: bool = False
    """It is spoken again, and so is a line that it goes on from."""


Judge = Callable[[int, LineJob | None], tuple[Fate, Sound | None]]
"""Told a line's number and its job with its turns (None when one of them has no take): its fate, and its take's sound."""


def fates(plan: Plan, judge: Judge) -> list[Fate]:
    """The fate of every line; a recording is always kept."""
    found = {number: Fate(True) for number, line in enumerate(plan.lines) if line.recorded}

    def sound_of(number: int, job: LineJob | None) -> Sound | None:
        fate, sound = judge(number, job)
        follows = not fate.kept and not all(found[each].kept for each in turns_before(plan, number))
        found[number] = replace(fate, follows=follows)
        return sound

    jobs_after(plan, sound_of)
    return [found[number] for number in range(len(plan.lines))]


def by_takes(plan: Plan, studio: Studio, work: Path, settings: Settings) -> Judge:
    """A line is kept whose take lies in the work folder."""
    choices = match(read_choices(work), plan.lines).by_line
    folder = work / "takes"

    def judge(number: int, job: LineJob | None) -> tuple[Fate, Sound | None]:
        choice = choices.get(number)
        if choice is not None and applies(choice, studio, plan.lines[number]):
            record = told_take(folder, choice.take)
            fate = Fate(record is not None, record, choice.locked)
        else:
            told = (told_take(folder, key) for key in _keys(studio, job, settings))
            enough = tries(settings, plan.lines[number].job.voice.engine.name)
            record = next((each for each in told if each is not None and each.stands(enough)), None)
            fate = Fate(record is not None, record)
        return fate, None if record is None else (record.sha256, folder)

    return judge


def by_keys(studio: Studio, keys: Collection[str], settings: Settings) -> Judge:
    """A line is kept that would be made of the same in the script that has these keys (``keys_of``)."""

    def judge(_: int, job: LineJob | None) -> tuple[Fate, Sound | None]:
        own = _keys(studio, job, settings)
        return Fate(any(key in keys for key in own)), _standing(own)

    return judge


def by_manifest(plan: Plan, ids: Collection[str], voices: Mapping[str, Any], seed: int | None) -> Judge:
    """A line is kept that the old version has with the same voice, as its turns are.

    Args:
        plan: the new lines.
        ids: of the old lines.
        voices: of the manifest, by speaker.
        seed: of the manifest.
    """

    def judge(number: int, job: LineJob | None) -> tuple[Fate, Sound | None]:
        line = plan.lines[number]
        then, now = voices.get(line.speaker, {}), line.job.voice
        same = (then.get("engine"), then.get("voice"), then.get("language")) == (
            now.engine.name,
            now.name,
            now.language,
        )
        kept = job is not None and line.job.id in ids and same and seed == plan.seed
        return Fate(kept), ("", Path()) if kept else None

    return judge


def keys_of(plan: Plan, studio: Studio, settings: Settings) -> frozenset[str]:
    """The keys that the takes of a script would have, were the keys of turns the hashes of their takes."""
    keys: set[str] = set()

    def sound_of(_: int, job: LineJob | None) -> Sound | None:
        own = _keys(studio, job, settings)
        keys.update(own)
        return _standing(own)

    jobs_after(plan, sound_of)
    return frozenset(keys)


def _keys(studio: Studio, job: LineJob | None, settings: Settings) -> list[str]:
    return [] if job is None else [studio.key(job, attempt) for attempt in range(settings.attempts)]


def _standing(keys: list[str]) -> Sound | None:
    """A key in the place of a take's hash."""
    return (keys[0], Path()) if keys else None
