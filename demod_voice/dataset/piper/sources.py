"""What ``piper preprocess`` learns from: a dataset, or a folder laid out as LJ Speech."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from demod_voice.dataset.store import Dataset
from demod_voice.errors import Fault, FaultsError, MediaError, UsageError
from demod_voice.formats.dataset_manifest import MANIFEST
from demod_voice.media.wav import wav_info
from demod_voice.records.hashing import hash_file
from demod_voice.text.clean import clean, speakable

TABLE = "metadata.csv"
LJSPEECH = "ljspeech"


@dataclass(frozen=True, slots=True)
class Utterance:
    """A clip and its text."""

    path: Path
    sha256: str
    text: str
    """Clean, on one line; numbers stay, for the phonemizer reads them as it will when the voice speaks."""
    speaker: str
    duration_s: float
    group: str
    """What it is worked on together with: its recording."""

    @property
    def file_name(self) -> str:
        """Its name among the others."""
        return self.path.name


def find_utterances(folder: Path, splits: Sequence[str], speakers: Sequence[str]) -> list[Utterance]:
    """The clips with a text of a dataset (of its splits and speakers) or of an LJ Speech folder (all).

    Raises:
        UsageError: it is neither, or has no such split. FaultsError: rows of the table are wrong.
    """
    if (folder / MANIFEST).is_file():
        return _of_dataset(folder, splits, speakers)
    if (folder / TABLE).is_file():
        return _of_ljspeech(folder)
    raise UsageError(
        f"{folder} is no dataset, and no LJ Speech folder: it holds neither {MANIFEST} nor {TABLE}",
        "make a dataset: demod-voice dataset build",
    )


def _of_dataset(folder: Path, splits: Sequence[str], speakers: Sequence[str]) -> list[Utterance]:
    kept = [each for each in Dataset.reading(folder).manifest().segments if not each.quarantined]
    known = {each.speaker for each in kept}
    for each in speakers:
        if each not in known:
            raise UsageError(f"{folder} has no speaker {each!r}", f"it has: {', '.join(sorted(known)) or 'none'}")
    return [
        Utterance(folder / each.path, each.sha256, clean(each.text), each.speaker, each.duration_s, each.source)
        for each in kept
        if each.split in splits and (not speakers or each.speaker in speakers) and speakable(each.text)
    ]


def _of_ljspeech(folder: Path) -> list[Utterance]:
    """Rows ``id|text`` or ``id|text|normalised text``; the last is what is said.

    Raises:
        FaultsError: every row that is none, or whose WAV is not there or cannot be read.
    """
    faults: list[Fault] = []
    rows = list(_rows(folder, faults))
    with ThreadPoolExecutor() as threads:
        found = list(threads.map(lambda row: _utterance(*row), rows))
    faults += [each for each in found if isinstance(each, Fault)]
    if faults:
        raise FaultsError(str(folder / TABLE), faults)
    return [each for each in found if isinstance(each, Utterance)]


def _rows(folder: Path, faults: list[Fault]) -> Iterator[tuple[int, Path, str]]:
    with (folder / TABLE).open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE)
        seen: set[str] = set()
        for row in reader:
            name = Path(row[0]).name.removesuffix(".wav") if row else ""
            if len(row) < 2 or not name or not speakable(row[-1]):
                faults.append(Fault(reader.line_num, "expected id|text", "write a row for each clip"))
            elif name in seen:
                faults.append(Fault(reader.line_num, f"{name} is there twice"))
            else:
                seen.add(name)
                yield reader.line_num, folder / "wavs" / f"{name}.wav", clean(row[-1])


def _utterance(line: int, path: Path, text: str) -> Utterance | Fault:
    try:
        return Utterance(path, hash_file(path), text, "", wav_info(path).duration_s, LJSPEECH)
    except FileNotFoundError:
        return Fault(line, f"wavs/{path.name} does not exist")
    except (MediaError, OSError) as error:
        return Fault(line, str(error))
