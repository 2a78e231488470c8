"""The tables of each format that a dataset is exported in: ljspeech, piper, audiofolder, csm."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demod_voice.dataset.keeping.export_card import card
from demod_voice.formats.dataset_manifest import ROWS, SPLITS, Manifest, Segment, segment_row
from demod_voice.records.atomic import write_json, write_text
from demod_voice.text.clean import clean, without_pictures
from demod_voice.text.normalise import normalise

PIPER_RATE = 22050
"""What Piper's voices of medium and high quality have. Source: piper-tts 1.8, VitsDataModule."""
CSM_RATE = 24000
"""What the Mimi codec takes. Source: CSM's feature extractor."""
MOST_TURNS = 8
MOST_CONVERSATION_S = 120.0
"""CSM's context is 2048 frames of 80 ms: 163 s, of which the texts take a part."""
LONGEST_BREAK_S = 5.0
"""What lies further apart in a recording is another conversation."""
COLUMNS = ("text", "speaker", "source", "start_s", "end_s", "duration_s", "text_source", "qc")
"""Of a row of audiofolder, after ``file_name``."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is exported."""

    manifest: Manifest
    segments: tuple[Segment, ...]
    """In the manifest's order."""
    speakers: tuple[str, ...]
    """Their names, in the order of their numbers from 0."""
    language: str

    def splits(self) -> Iterator[tuple[str, list[Segment]]]:
        """Each split that has clips, with them."""
        for name in SPLITS:
            rows = [each for each in self.segments if each.split == name]
            if rows:
                yield name, rows


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A format: where a clip goes, in what form, and what is written beside."""

    audio_path: Callable[[Segment], str]
    write: Callable[[Path, Chosen, int], None]
    """(folder, what is exported, sample rate): writes the tables."""
    sample_rate: int = 0
    """Hz; 0 = the dataset's."""
    needs_text: bool = True
    any_encoding: bool = False
    """Takes 24 bits and floats; else clips are brought to 16 bits."""


def _in_wavs(segment: Segment) -> str:
    return f"wavs/{segment.file_name}"


def _ljspeech(folder: Path, chosen: Chosen, _rate: int) -> None:
    """``id|text|normalised text``, nothing quoted: readers of LJ Speech split at the bar, so a bar becomes a space."""

    def row(segment: Segment) -> tuple[str, ...]:
        text = clean(segment.text.replace("|", " "))
        return segment.id, text, clean(normalise(without_pictures(text), chosen.language).replace("|", " "))

    _write_tables(folder, chosen, lambda rows: _unquoted(map(row, rows)))


def _piper(folder: Path, chosen: Chosen, _rate: int) -> None:
    """``file|text``, or ``file|speaker|text`` with several speakers. Source: piper-tts 1.8, VitsDataModule."""

    def row(segment: Segment) -> tuple[str, ...]:
        speaker = (segment.speaker,) if len(chosen.speakers) > 1 else ()
        return segment.file_name, *speaker, clean(segment.text)

    _write_tables(folder, chosen, lambda rows: quoted(map(row, rows)))


def _write_tables(folder: Path, chosen: Chosen, table: Callable[[Sequence[Segment]], str]) -> None:
    """``metadata.csv`` of everything, and ``metadata_<split>.csv`` of each split where there are several."""
    write_text(folder / "metadata.csv", table(chosen.segments))
    splits = list(chosen.splits())
    for name, rows in splits if len(splits) > 1 else ():
        write_text(folder / f"metadata_{name}.csv", table(rows))


def quoted(rows: Iterable[Sequence[str]]) -> str:
    """Rows divided by bars, quoted where Python's ``csv`` module needs it to read them back."""
    out = io.StringIO()
    csv.writer(out, delimiter="|", lineterminator="\n").writerows(rows)
    return out.getvalue()


def _unquoted(rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter="|", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None).writerows(rows)
    return out.getvalue()


def _audiofolder(folder: Path, chosen: Chosen, rate: int) -> None:
    for name, rows in chosen.splits():
        write_text(folder / name / ROWS, _lines(_audiofolder_row(each) for each in rows))
    write_text(folder / "README.md", card(chosen.manifest, list(chosen.splits()), chosen.language, rate))


def _audiofolder_row(segment: Segment) -> dict[str, Any]:
    row = segment_row(segment)
    return {"file_name": segment.file_name, **{name: row[name] for name in COLUMNS}}


def _csm(folder: Path, chosen: Chosen, _rate: int) -> None:
    """A conversation a line: turns that follow each other in a recording, the speaker as a number."""
    numbers = {name: number for number, name in enumerate(chosen.speakers)}
    for name, rows in chosen.splits():
        lines = ({"id": turns[0].id, "turns": [_turn(each, numbers) for each in turns]} for turns in _talks(rows))
        write_text(folder / f"{name}.jsonl", _lines(lines))
    write_json(folder / "speakers.json", numbers)


def _turn(segment: Segment, numbers: dict[str, int]) -> dict[str, Any]:
    return {
        "speaker": numbers[segment.speaker],
        "text": clean(segment.text),
        "audio": f"audio/{segment.file_name}",
        "duration_s": segment.duration_s,
    }


def _talks(rows: Sequence[Segment]) -> Iterator[list[Segment]]:
    talk: list[Segment] = []
    for segment in rows:
        if talk and not _goes_on(talk, segment):
            yield talk
            talk = []
        talk.append(segment)
    if talk:
        yield talk


def _goes_on(talk: Sequence[Segment], segment: Segment) -> bool:
    spoken_s = sum(each.duration_s for each in talk) + segment.duration_s
    near = segment.source == talk[-1].source and 0 <= segment.start_s - talk[-1].end_s + 1e-3 <= LONGEST_BREAK_S
    return near and len(talk) < MOST_TURNS and spoken_s <= MOST_CONVERSATION_S


def _lines(rows: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


FORMATS = {
    "ljspeech": ExportFormat(_in_wavs, _ljspeech),
    "piper": ExportFormat(_in_wavs, _piper, PIPER_RATE),
    "audiofolder": ExportFormat(lambda each: each.path, _audiofolder, needs_text=False, any_encoding=True),
    "csm": ExportFormat(lambda each: f"audio/{each.file_name}", _csm, CSM_RATE),
}
"""Name of a format -> how it is written."""
