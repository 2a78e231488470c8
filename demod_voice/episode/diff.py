"""What the next render would do: which lines are spoken again, removed, moved or only re-timed. Speaks nothing.

Lines are compared by what their takes depend on, never by their place in the file.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.episode.fates import Fate, by_keys, by_manifest, by_takes, fates, keys_of
from demod_voice.episode.gaps import LineSound, gaps
from demod_voice.episode.plan import Plan, PlannedLine, read_plan
from demod_voice.episode.request import recall
from demod_voice.episode.sounds import kept_length_s
from demod_voice.errors import UsageError
from demod_voice.records.hashing import hash_file
from demod_voice.speech.studio import Studio

SPEAK, KEEP, REMOVE = "speak", "keep", "remove"
"""What becomes of a line."""
NEW_WORDS, OTHER_PLACE = "new words", "another chapter or hint"
OTHER_VOICE, GONE = "another voice, engine or setting", "its take is gone"
FOLLOWS = "it goes on from a line that is spoken again"
"""Why a line is spoken again."""
SAME_PAUSE_S = 0.002
"""Two pauses that differ by less are the same: a manifest has microseconds, a take whole samples."""
_Pair = tuple[int, int]
"""Number of an old line and of the new one that says the same."""


@dataclass(frozen=True, slots=True)
class LineChange:
    """A line of the new script, or one that is gone from it."""

    change: str
    """``speak``, ``keep`` or ``remove``."""
    line: int | None
    """In the new script, 1-based; None when it is removed."""
    old_line: int | None
    """In the old one; None when nobody said it there."""
    id: str
    speaker: str
    text: str
    length_s: float
    """Of the take; an estimate when it is to be spoken."""
    why: str = ""
    """Of a line that is spoken again."""
    moved: bool = False
    retimed: bool = False
    """It stays where it is, after another pause."""
    locked: bool = False


@dataclass(frozen=True, slots=True)
class DiffReport:
    """Two versions of an episode, line by line in the order of the new one, then what was removed."""

    old: str
    new: str
    lines: tuple[LineChange, ...]
    notes: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Lines by what becomes of them; a moved or re-timed line is also kept or spoken."""
        found = {word: sum(each.change == word for each in self.lines) for word in (SPEAK, KEEP, REMOVE)}
        moved, retimed = sum(each.moved for each in self.lines), sum(each.retimed for each in self.lines)
        return {**found, "moved": moved, "retimed": retimed}

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of speech by what becomes of it; what is to be spoken is estimated."""
        return {
            word: round(sum(each.length_s for each in self.lines if each.change == word), 3)
            for word in (SPEAK, KEEP, REMOVE)
        }


@dataclass(frozen=True, slots=True)
class _Old:
    """A line of the old version."""

    id: str
    speaker: str
    text: str
    line: int
    length_s: float | None
    gap_s: float | None
    """From the end of the line before; None when it is not known, as that of the first line after an intro."""


@dataclass(frozen=True, slots=True)
class _Version:
    """The old version, and what of it can be used again."""

    lines: tuple[_Old, ...]
    keys: frozenset[str] = frozenset()
    """Keys of its takes, when it is a script: what they would be."""
    work: Path | None = None
    """Its work folder, when it is a rendered episode that still has one."""
    voices: Mapping[str, Any] = field(default_factory=dict)
    """The manifest's voices, when nothing better than the manifest is left."""
    seed: int | None = None
    """The manifest's seed, likewise."""
    sounds: frozenset[str] | None = None
    """SHA-256 of each sound that a rendered episode was mixed with; None of a script."""
    notes: tuple[str, ...] = ()


def diff(old: Path, new: Path, settings: Settings) -> DiffReport:
    """Compare an episode, or a script, with a script.

    Args:
        old: a rendered episode (audio, ``X.manifest.json`` or ``X.demod``), or a script.
        new: a script.
        settings: what it would be rendered with.

    Raises:
        UsageError, FaultsError: a file is missing, or a script is wrong.
    """
    check_inside([old, new], settings.paths.allowed_roots)
    plan = read_plan(new, settings)
    with Studio(settings) as studio:
        before = _rendered(old, settings) if _is_episode(old) else _scripted(old, studio, settings)
        fates = _fates(plan, studio, before, settings)
    pairs = _pairs(before.lines, plan.lines)
    lengths = _lengths(plan, fates, before.lines)
    sounds = _known_sounds(plan, fates, lengths, before)
    pauses = gaps(plan, sounds, _effect_lengths(plan, before), settings.episode)
    moved = _moved(pairs)
    olds = {new_number: before.lines[old_number] for old_number, new_number in pairs}
    lines = [
        _change(line, fates[number], olds.get(number), lengths[number], number in moved, pauses[number])
        for number, line in enumerate(plan.lines)
    ]
    said = {old_number for old_number, _ in pairs}
    rate = _rates(lines)
    gone = [_removed(each, rate) for number, each in enumerate(before.lines) if number not in said]
    return DiffReport(old.name, new.name, (*lines, *gone), before.notes)


def _is_episode(path: Path) -> bool:
    return path.name.endswith(".manifest.json") or path.suffix.lower() not in (
        ".md",
        ".markdown",
        ".json",
        ".yaml",
        ".yml",
    )


def _scripted(path: Path, studio: Studio, settings: Settings) -> _Version:
    """A script as the old version: what it would be made of."""
    plan = read_plan(path, settings)
    keys = keys_of(plan, studio, settings)
    pauses = gaps(plan, [LineSound(line.estimated_s) for line in plan.lines], {}, settings.episode)
    lines = [
        _Old(line.job.id, line.speaker, line.source.text, line.source.line, None, gap)
        for line, gap in zip(plan.lines, pauses, strict=True)
    ]
    return _Version(tuple(lines), keys)


def _rendered(path: Path, settings: Settings) -> _Version:
    """A rendered episode as the old version: its manifest, and the takes in its work folder."""
    stem = path.name.removesuffix(".manifest.json") if path.name.endswith(".manifest.json") else path.stem
    manifest, work = path.with_name(f"{stem}.manifest.json"), path.with_name(f"{stem}.demod")
    try:
        story = json.loads(manifest.read_text(encoding="utf-8"))
        ends = [0.0, *(each["end_sec"] for each in story["segments"])]
        lines = tuple(
            _Old(
                id=each["id"],
                speaker=each["speaker"],
                text=each["text"],
                line=each["line"],
                length_s=round(each["end_sec"] - each["start_sec"], 6),
                gap_s=each["start_sec"] - ends[number] if number or not _has_intro(story) else None,
            )
            for number, each in enumerate(story["segments"])
        )
        sounds = frozenset(story["mix"]["sounds"].values())
        voices, seed = dict(story["voices"]), story["generation"]["seed"]
    except FileNotFoundError:
        raise UsageError(f"{path} is no rendered episode: {manifest} does not exist", "render it first") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{manifest} is not the manifest of an episode: {error!r}") from error
    if (work / "takes").is_dir():
        return _Version(lines, work=work, notes=_seed_note(work, settings), sounds=sounds)
    note = f"{work.name} is gone, so a render would speak every line or find it in the speech cache; compared by the manifest"
    return _Version(lines, voices=voices, seed=seed, notes=(note,), sounds=sounds)


def _has_intro(story: Mapping[str, Any]) -> bool:
    return any(track["name"] == "intro" for track in story["mix"]["tracks"])


def _seed_note(work: Path, settings: Settings) -> tuple[str, ...]:
    try:
        seed = recall(work).seed
    except UsageError:
        return ()
    return () if seed == settings.seed else (f"the last render had --seed {seed}, this compares with {settings.seed}",)


def _fates(plan: Plan, studio: Studio, before: _Version, settings: Settings) -> list[Fate]:
    """What becomes of each new line: is there a take for it?"""
    if before.work is not None:
        return fates(plan, by_takes(plan, studio, before.work, settings))
    if before.voices:
        ids = frozenset(each.id for each in before.lines)
        return fates(plan, by_manifest(plan, ids, before.voices, before.seed))
    return fates(plan, by_keys(studio, before.keys, settings))


def _pairs(old: Sequence[_Old], new: Sequence[PlannedLine]) -> list[_Pair]:
    """Old and new lines that say the same: by id, else by speaker and words; in the order of the new ones."""
    by_id = {each.id: number for number, each in enumerate(old)}
    found = {number: by_id[line.job.id] for number, line in enumerate(new) if line.job.id in by_id}
    used = set(found.values())
    free: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for number, each in enumerate(old):
        if number not in used:
            free[each.speaker, each.text].append(number)
    for number, line in enumerate(new):
        same = free[line.speaker, line.source.text]
        if number not in found and same:
            found[number] = same.pop(0)
    return [(found[number], number) for number in sorted(found)]


def _moved(pairs: Sequence[_Pair]) -> set[int]:
    """New numbers of the lines that changed places: all but a longest run that kept its order."""
    tails: list[int] = []
    links: list[int | None] = []
    at: list[int] = []
    for place, (old, _) in enumerate(pairs):
        spot = bisect_left(tails, old)
        links.append(at[spot - 1] if spot else None)
        tails[spot : spot + 1] = [old]
        at[spot : spot + 1] = [place]
    kept: set[int] = set()
    last = at[-1] if at else None
    while last is not None:
        kept.add(last)
        last = links[last]
    return {new for place, (_, new) in enumerate(pairs) if place not in kept}


def _lengths(plan: Plan, fates: Sequence[Fate], old: Sequence[_Old]) -> list[float]:
    """Seconds of each new line: of its take, else at the pace of its speaker in the old version."""
    known = {each.id: each.length_s for each in old if each.length_s is not None}
    paces: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for each in old:
        if each.length_s is not None:
            paces[each.speaker][0] += each.length_s
            paces[each.speaker][1] += len(each.text)
    lengths = []
    for line, fate in zip(plan.lines, fates, strict=True):
        seconds, chars = paces.get(line.speaker, [0.0, 0.0])
        if fate.record is not None:
            lengths.append(fate.record.num_samples / fate.record.sample_rate)
        elif fate.kept and line.job.id in known:
            lengths.append(known[line.job.id])
        else:
            lengths.append(seconds / chars * len(line.source.text) if chars else line.estimated_s)
    return lengths


def _known_sounds(plan: Plan, fates: Sequence[Fate], lengths: Sequence[float], before: _Version) -> list[LineSound]:
    """What is known of the take of each new line; a manifest has no words."""
    scripts = before.sounds is None
    return [
        LineSound(length, fate.kept, fate.record.words if fate.record else () if line.recorded or scripts else None)
        for line, fate, length in zip(plan.lines, fates, lengths, strict=True)
    ]


def _effect_lengths(plan: Plan, before: _Version) -> dict[str, float | None]:
    """Seconds of each effect that is waited for, as the old version decoded it; None when its work folder is gone.

    One that is new counts as nothing, which tells it from none; so do all of them between two scripts.
    """
    if before.sounds is None:
        return {}
    found: dict[str, float | None] = {}
    for path in {effect.path for effect in plan.effects if effect.wait}:
        sha256 = hash_file(plan.folder / path)
        kept = None if before.work is None else kept_length_s(before.work, sha256)
        found[path] = 0.0 if kept is None and sha256 not in before.sounds else kept
    return found


def _change(
    line: PlannedLine, fate: Fate, old: _Old | None, length_s: float, moved: bool, gap_s: float | None
) -> LineChange:
    before_s = None if old is None else old.gap_s
    other = before_s is not None and gap_s is not None and abs(gap_s - before_s) > SAME_PAUSE_S
    found = LineChange(
        change=KEEP if fate.kept else SPEAK,
        line=line.source.line,
        old_line=None if old is None else old.line,
        id=line.job.id,
        speaker=line.speaker,
        text=line.source.text,
        length_s=round(length_s, 3),
        moved=moved,
        retimed=other and fate.kept and not moved,
        locked=fate.locked,
    )
    if fate.kept:
        return found
    if old is None:
        return replace(found, why=NEW_WORDS)
    if fate.follows and old.id == line.job.id:
        return replace(found, why=FOLLOWS)
    return replace(found, why=GONE if fate.locked else OTHER_VOICE if old.id == line.job.id else OTHER_PLACE)


def _removed(old: _Old, rate: float) -> LineChange:
    length = old.length_s if old.length_s is not None else len(old.text) * rate
    return LineChange(REMOVE, None, old.line, old.id, old.speaker, old.text, round(length, 3))


def _rates(lines: Sequence[LineChange]) -> float:
    """Seconds a character over all lines."""
    return sum(each.length_s for each in lines) / max(1, sum(len(each.text) for each in lines))
