"""``X.demod/chosen.json``: the takes that a person chose or locked, and what a render does with them.

A choice belongs to a speaker's words, not to a place: moving the line, or renaming its chapter, keeps it. A chosen take
is used while the line asks for what it asked for then; a locked one whatever the voice, the engine or the settings have
become. Only other words or another speaker end it, and that is told.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from demod_worker.messages import BadMessage, from_json

from demod_voice.episode.plan import Plan, PlannedLine
from demod_voice.errors import Fault, FaultsError, UsageError
from demod_voice.records.atomic import write_json
from demod_voice.records.progress import Progress
from demod_voice.speech.studio import Studio, Take
from demod_voice.speech.takes import NAME_LENGTH

SCHEMA = 1
FILE = "chosen.json"
SHOWN_CHARS = 40


@dataclass(frozen=True, slots=True)
class Choice:
    """One take that a person decided for."""

    id: str
    """The line's id when it was decided."""
    speaker: str
    text: str
    take: str
    """Key of the take."""
    made_for: str
    """Key of the line's own first take then, without earlier turns: while it is the same, the line asks for the same."""
    locked: bool

    @property
    def what(self) -> str:
        """How a message names it."""
        short = self.text if len(self.text) <= SHOWN_CHARS else f"{self.text[:SHOWN_CHARS]}..."
        return f"{'locked' if self.locked else 'chosen'} take of {self.speaker}: {short!r}"


@dataclass(frozen=True, slots=True)
class Matched:
    """Choices beside the lines of a plan."""

    by_line: Mapping[int, Choice]
    """Number of the planned line -> its choice."""
    lost: tuple[Choice, ...]
    """Choices whose words nobody says any more."""


def read_choices(work: Path) -> tuple[Choice, ...]:
    """The choices in a work folder; none when nothing was chosen.

    Raises:
        UsageError: the file is damaged; names it.
    """
    path = work / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise UsageError(f"{path} is of schema {content['schema']}, this program reads {SCHEMA}")
        return tuple(from_json(Choice, each) for each in content["choices"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError, BadMessage) as error:
        raise UsageError(
            f"{path} cannot be read: {error}", "mend it, or remove it: then no take is chosen or locked"
        ) from error


def write_choices(work: Path, choices: Sequence[Choice]) -> None:
    """Write the choices down, whole or not at all.

    Raises:
        OutputError: the folder cannot be written.
    """
    ordered = sorted(choices, key=lambda each: (each.speaker, each.text, each.id))
    write_json(work / FILE, {"schema": SCHEMA, "choices": [asdict(each) for each in ordered]})


def match(choices: Sequence[Choice], lines: Sequence[PlannedLine]) -> Matched:
    """Find the line of each choice: by its id, else the first free line of the same speaker with the same words."""
    numbers = {line.job.id: number for number, line in enumerate(lines) if not line.recorded}
    found = {numbers[each.id]: each for each in choices if each.id in numbers}
    free: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        if number not in found and not line.recorded:
            free[line.speaker, line.source.text].append(number)
    lost = []
    for each in choices:
        if each.id in numbers:
            continue
        same = free[each.speaker, each.text]
        if same:
            found[same.pop(0)] = each
        else:
            lost.append(each)
    return Matched(found, tuple(lost))


def applies(choice: Choice, studio: Studio, line: PlannedLine) -> bool:
    """True when a render uses the choice for ``line``, which it was matched with."""
    return choice.locked or studio.key(line.job) == choice.made_for


def chosen_takes(plan: Plan, studio: Studio, work: Path, progress: Progress) -> dict[int, Take]:
    """The takes that are decided already: number of the planned line -> take. What no longer fits is told.

    Raises:
        FaultsError: chosen takes that are gone or damaged, all at once; nothing was spoken.
        UsageError: the file of choices is damaged.
    """
    matched = match(read_choices(work), plan.lines)
    for each in matched.lost:
        progress.note(f"not used: the {each.what}: nobody in the script says these words")
    takes: dict[int, Take] = {}
    faults = []
    for number, choice in sorted(matched.by_line.items()):
        line = plan.lines[number]
        if not applies(choice, studio, line):
            progress.note(f"not used: the {choice.what}: its line asks for another voice or other settings now")
            continue
        take = studio.kept(line.job, choice.take, work / "takes")
        if take is None:
            hint = f"choose another (episode takes OUTPUT choose {line.source.line} TAKE), or unlock it"
            what = f"the {choice.what} is gone or damaged: takes/{choice.take[:NAME_LENGTH]}.wav"
            faults.append(Fault(line.source.line, what, hint))
        else:
            takes[number] = replace(take, locked=choice.locked)
    if faults:
        raise FaultsError(plan.script.source, faults)
    return takes
