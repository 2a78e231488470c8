"""The files around comparing voices: trials, and vectors on the disk."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demod_voice.analysis.voiceprints import Voiceprints
from demod_voice.errors import Fault, FaultsError
from demod_voice.formats.foreign_text import read_foreign_text
from demod_voice.records.atomic import output_error, replacing, write_json

LABELS = {
    **dict.fromkeys(("1", "same", "target", "true", "yes"), True),
    **dict.fromkeys(("0", "different", "nontarget", "imposter", "impostor", "false", "no"), False),
}
HINT = "a row is label,file,file: 1 for one speaker, 0 for two"


@dataclass(frozen=True, slots=True)
class Trial:
    """Two files of which it is known whether one speaker speaks in both."""

    same: bool
    first: Path
    second: Path


def read_trials(path: Path) -> tuple[list[Trial], tuple[str, ...]]:
    """Trials from a CSV, or from rows divided by spaces as VoxCeleb's lists have them; files are named from its folder.

    A file with itself, and a pair that was there already (also the other way round), say nothing and are left out.

    Returns:
        The trials, and a phrase for each reason why some were left out.

    Raises:
        UsageError: it does not exist, or is too large.
        FaultsError: every row that is wrong, every file that is missing, or that one kind of pair is missing.
    """
    notes: list[Fault] = []
    text = read_foreign_text(path, "trials", HINT, notes)
    faults: list[Fault] = []
    found, left_out = _distinct(((row[0], _trial(*row, path.parent, faults)) for row in _rows(text)), faults)
    for same, what in ((True, "of one speaker (label 1)"), (False, "of two speakers (label 0)")):
        if not faults and not any(each.same is same for each in found):
            faults.append(Fault(None, f"there is no pair {what}"))
    if faults:
        raise FaultsError(str(path), faults, HINT)
    return found, left_out


def _distinct(trials: Iterator[tuple[int, Trial | None]], faults: list[Fault]) -> tuple[list[Trial], tuple[str, ...]]:
    known: dict[frozenset[Path], tuple[int, Trial]] = {}
    alone = again = 0
    for number, trial in trials:
        if trial is None:
            continue
        pair = frozenset((trial.first.resolve(), trial.second.resolve()))
        line, before = known.setdefault(pair, (number, trial))
        if len(pair) == 1:
            del known[pair]
            alone += 1
        elif before.same is not trial.same:
            faults.append(
                Fault(number, f"{trial.first.name} and {trial.second.name} have the other label in row {line}")
            )
        else:
            again += before is not trial
    notes = ((alone, "of a file with itself"), (again, "that were there already"))
    return [each for _, each in known.values()], tuple(
        f"trials left out: {count} {what}" for count, what in notes if count
    )


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of each row that is no comment, without the CSV's heading."""
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        cells = [cell.strip() for cell in (next(csv.reader([bare])) if "," in bare else bare.split())]
        if number == 1 and cells[0].lower() in ("label", "same", "target") and len(cells) == 3 and "." not in cells[1]:
            continue
        yield number, cells


def _trial(number: int, cells: Sequence[str], folder: Path, faults: list[Fault]) -> Trial | None:
    if len(cells) != 3:
        faults.append(Fault(number, f"{len(cells)} cells in place of 3: {' '.join(cells)[:80]!r}"))
        return None
    label = LABELS.get(cells[0].lower())
    if label is None:
        faults.append(Fault(number, f"{cells[0]!r} is no label", "write 1 for one speaker, 0 for two"))
        return None
    paths = [folder / cell for cell in cells[1:]]
    missing = [each for each in paths if not each.is_file()]
    faults += [Fault(number, f"{each} does not exist") for each in missing]
    return None if missing else Trial(label, *paths)


def write_vectors(path: Path, heard: Voiceprints) -> None:
    """Vectors with what they are bound to, as ``.json`` or ``.npz``; a voice without a vector is null, or a row of NaN.

    Raises:
        OutputError: it cannot be written.
    """
    about = {"engine": heard.engine, "model": heard.model, "revision": heard.revision, "threshold": heard.threshold}
    try:
        if path.suffix.lower() == ".json":
            rows = [
                {
                    "file": each.name,
                    "heard_s": each.heard_s,
                    "reason": each.reason,
                    "vector": None if each.vector is None else [round(float(number), 8) for number in each.vector],
                }
                for each in heard.voices
            ]
            write_json(path, {**about, "files": rows})
            return
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, vectors=_matrix(heard), files=[each.name for each in heard.voices], about=json.dumps(about))
    except OSError as error:
        raise output_error(path, error) from error


def _matrix(heard: Voiceprints) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    dimension = next((len(each.vector) for each in heard.voices if each.vector is not None), 0)
    nothing = np.full(dimension, np.nan, np.float32)
    return np.stack([nothing if each.vector is None else each.vector for each in heard.voices]).astype(np.float32)
