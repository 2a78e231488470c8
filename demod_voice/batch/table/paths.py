"""Where the files that rows name lie, and which of them a batch may touch."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from demod_voice.batch.options import BatchOptions, check_options
from demod_voice.batch.own_files import WORK, check_foreign, check_inputs
from demod_voice.batch.table.columns import FORMATS, Columns, column_faults, format_name
from demod_voice.batch.types import Row
from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.errors import OutputError, UsageError
from demod_voice.records.atomic import TEMPORARY_MARK

MOST_NAME_BYTES = 230
"""Of a file's name: 255, less what a temporary name puts before it."""
MOST_PATH_BYTES = 4000
MOST_REMEMBERED = 4096
"""Folders, and references, that are looked at once as long as there are not more of them."""


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that outputs go to: where it really is, and why nothing may be written there."""

    path: str
    shown: str
    """From the output folder, with a ``/`` after it; empty for that folder itself."""
    fault: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one batch. All paths are absolute, and links in them are resolved."""

    jobs: Path
    """The jobs file."""
    folder: Path
    """Its folder: where relative references begin."""
    out_dir: Path
    """Where relative outputs begin."""
    root: Path | None = None
    """When given, outputs and references must lie inside it, and outputs need not lie in ``out_dir``."""
    allowed: tuple[Path, ...] = ()
    """``paths.allowed_roots``."""
    format: str = ""
    """Of the outputs whose names say none; one of ``FORMATS`` or empty."""
    _folders: dict[str, _Folder] = field(default_factory=dict, compare=False, repr=False)
    _unreadable: dict[str, tuple[str, str] | None] = field(default_factory=dict, compare=False, repr=False)
    _last: list[tuple[Row, tuple[str, str]] | None] = field(default_factory=lambda: [None], compare=False, repr=False)
    """The row that was asked for last, and its output: each is asked for by several."""

    @property
    def work(self) -> Path:
        """The work folder."""
        return self.out_dir / WORK

    def output_of(self, row: Row) -> tuple[Path, str]:
        """A row's output: its absolute path, and as results name it (from the output folder, ``/`` between parts).

        Raises:
            UsageError: there is none, it has no known format, or it lies where none may be written.
        """
        path, shown = self.output_text(row)
        return Path(path), shown

    def output_text(self, row: Row) -> tuple[str, str]:
        """As ``output_of``, with the path as text: a ``Path`` costs more than all the rest, and there are a million rows.

        Raises:
            UsageError: as ``output_of``.
        """
        last = self._last[0]
        if last is not None and last[0] is row:
            return last[1]
        found = self._output(row)
        self._last[0] = (row, found)
        return found

    def _output(self, row: Row) -> tuple[str, str]:
        text = row.cell("output")
        if (
            not text.isprintable()
            or "\\" in text
            or (len(text) * 4 > MOST_PATH_BYTES and len(os.fsencode(text)) > MOST_PATH_BYTES)
        ):
            raise _unwritable(text)
        head, slash, name = text.rpartition("/")
        folder = self._folder(head or slash)
        if folder.fault:
            raise UsageError(folder.fault.format(output=text), folder.remedy)
        name = _named(text, name, row.cell("format"), self.format)
        if _longer(name, MOST_NAME_BYTES):
            raise UsageError(f"the output's name is {len(os.fsencode(name))} bytes long", f"at most {MOST_NAME_BYTES}")
        return f"{folder.path}/{name}", folder.shown + name

    def reference_of(self, row: Row) -> Path | None:
        """The recording that a row's voice is taken from; None where it names none.

        Raises:
            UsageError: it lies where none may be read. That it exists is not looked at.
        """
        return self.input_of(row, "reference")

    def input_of(self, row: Row, column: str) -> Path | None:
        """The file that a column names, its links resolved; None where it names none.

        Raises:
            UsageError: it lies where none may be read. That it exists is not looked at.
        """
        text = row.cell(column)
        if not text:
            return None
        if "\0" in text or _longer(text, MOST_PATH_BYTES):
            raise UsageError(f"the {column} is no path: {text[:60]!r}", "a path from the folder of the jobs file")
        path = Path(os.path.realpath(self.folder / text))
        if self.root is not None and not path.is_relative_to(self.root):
            raise UsageError(f"the {column} {text} lies outside --root", "move it there, or widen --root")
        if self.allowed and not any(path.is_relative_to(each) for each in self.allowed):
            raise UsageError(f"the {column} {text} lies outside the allowed folders", "paths.allowed_roots says which")
        return path

    def unreadable(self, path: Path) -> tuple[str, str] | None:
        """Why an input cannot be read ("does not exist"), and the remedy; None when it can. Each is opened once."""
        known = str(path)
        if known not in self._unreadable:
            _forget(self._unreadable)
            self._unreadable[known] = _open_fault(path)
        return self._unreadable[known]

    def _folder(self, head: str) -> _Folder:
        found = self._folders.get(head)
        if found is None:
            _forget(self._folders)
            found = self._folders[head] = self._look(head)
        return found

    def _look(self, head: str) -> _Folder:
        """Where outputs with ``head`` before their name go."""
        real = Path(os.path.realpath(self.out_dir / head))
        shown = os.path.relpath(real, self.out_dir)
        place = "" if shown == "." else f"{shown}/"
        fault, remedy = self._forbidden(real) or _unusable(real) or ("", "")
        return _Folder(str(real).rstrip("/"), place, fault, remedy)

    def _forbidden(self, folder: Path) -> tuple[str, str] | None:
        inside = self.root or self.out_dir
        if not folder.is_relative_to(inside):
            if self.root is not None:
                return "the output {output} lies outside --root", "choose a path inside it"
            return "the output {output} lies outside the output folder", "choose a path inside it, or give --root DIR"
        if self.allowed and not any(folder.is_relative_to(each) for each in self.allowed):
            return "the output {output} lies outside the allowed folders", "paths.allowed_roots says which"
        if folder.is_relative_to(self.work):
            return "the output {output} lies in the work folder of the batch", "choose another folder"
        return None


def places_of(jobs: Path, options: BatchOptions, settings: Settings) -> Places:
    """The folders of a batch, from its flags, which are checked. Nothing is made.

    Messages about rows name no absolute path, for they are results.

    Raises:
        UsageError: the jobs file is none, the root is no folder, the output folder is a file or lies outside the root or
            the allowed roots, or its own files would replace an input; the format, the task, the loudness or the word
            about consent is wrong.
    """
    check_options(options)
    if not jobs.is_file():
        raise UsageError(f"{jobs} does not exist" if not jobs.exists() else f"{jobs} is not a file", _JOBS_REMEDY)
    root = None if options.root is None else options.root.resolve()
    if root is not None and not root.is_dir():
        raise UsageError(f"--root {options.root} is not a folder")
    out_dir = (options.out_dir or jobs.with_name(f"{jobs.stem}-out")).resolve()
    if out_dir.exists() and not out_dir.is_dir():
        raise UsageError(f"the output folder {out_dir} is a file", "choose another --out-dir")
    if root is not None and not out_dir.is_relative_to(root):
        raise UsageError(f"the output folder {out_dir} lies outside --root {root}", "choose an --out-dir inside it")
    check_inside([jobs, out_dir], settings.paths.allowed_roots)
    check_inputs([jobs, *filter(None, [options.lexicon]), Path(options.consent).expanduser()], out_dir)
    real = jobs.resolve()
    allowed = tuple(Path(each).expanduser().resolve() for each in settings.paths.allowed_roots)
    return Places(real, jobs.parent.resolve(), out_dir, root, allowed, format_name(options.format))


def check_out_dir(places: Places) -> None:
    """Find out before any row is looked at that a batch can write at all.

    Raises:
        OutputError: it cannot; said once, and not of every row.
        UsageError: a file of somebody else has the name of one that the batch writes.
    """
    check_foreign(places.out_dir)
    folder = places.out_dir
    there = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    if not os.access(there, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write into {folder}: no permission to write there", "choose another --out-dir")


def row_faults(row: Row, places: Places, columns: Columns) -> list[tuple[str, str]]:
    """(what, remedy) of everything that is wrong with a row but its voice: how it was read, its cells and its paths.

    Every task's ``faults`` begins with this. A row that could not be read has that one fault, and its cells mean nothing.
    """
    if row.fault:
        return [(row.fault, row.remedy)]
    found = column_faults(row, columns)
    output = ""
    if row.cell("output"):
        try:
            output, shown = places.output_text(row)
            found += _output_faults(output, shown, columns)
        except UsageError as error:
            found.append((error.message, error.hint or ""))
    for column in columns.inputs:
        if row.cells.get(column):
            found += _input_faults(row, column, output, places)
    return found


def _output_faults(path: str, shown: str, columns: Columns) -> list[tuple[str, str]]:
    if columns.task == "episode" and f"{shown.rpartition('.')[0]}.demod" == WORK:
        return [(f"the output {shown} keeps its work in {WORK}, where the batch has its own", "choose another name")]
    if os.path.isdir(path):  # noqa: PTH112 (pathlib costs ten times as much, and there are a million rows)
        return [(f"the output {shown} is a folder", "give the name of a file in it")]
    return []


def _input_faults(row: Row, column: str, output: str, places: Places) -> list[tuple[str, str]]:
    try:
        path = places.input_of(row, column)
    except UsageError as error:
        return [(error.message, error.hint or "")]
    if path is None:
        return []
    wrong = places.unreadable(path)
    if wrong is not None:
        return [(f"the {column} {row.cell(column)} {wrong[0]}", wrong[1])]
    return [(f"the output is the {column} itself", "choose another output")] if str(path) == output else []


def _named(text: str, name: str, cell: str, default: str) -> str:
    """The name of an output with the suffix that says its format."""
    if not name or name in (".", ".."):
        raise UsageError(f"the output {text!r} names no file", "give the name of a file, as in line1.wav")
    if name.startswith(TEMPORARY_MARK):
        raise UsageError(f"the output {text} begins as temporary files do", f"not with {TEMPORARY_MARK}")
    stem, dot, suffix = name.rpartition(".")
    said = suffix.lower() if dot and stem and suffix.lower() in FORMATS else ""
    asked = format_name(cell) if cell else ""
    if said and asked and said != asked:
        raise UsageError(f"the output {text} says {said}, and the column format {asked}", "say it once")
    if said or asked or default:
        return name if said else f"{name}.{asked or default}"
    raise UsageError(
        f"the output {text} has no extension that says its format",
        f"add one, as in {name}.wav, or give --format (one of {', '.join(FORMATS)})",
    )


def _longer(text: str, most_bytes: int) -> bool:
    """True when a name has more bytes than that; a character has at most four."""
    return len(text) * 4 > most_bytes and len(os.fsencode(text)) > most_bytes


def _unwritable(text: str) -> UsageError:
    if "\\" in text:
        return UsageError(f"the output {text[:60]!r} holds a backslash", "write / between folders")
    if not text.isprintable():
        return UsageError(f"the output {text[:60]!r} holds a line break or a control character", "leave it out")
    return UsageError(f"the output is {len(text):,} characters long", "choose a shorter path")


def _unusable(folder: Path) -> tuple[str, str] | None:
    """Why nothing can be written in a folder, which need not exist yet."""
    if any(len(os.fsencode(part)) > 255 for part in folder.parts):
        return "a folder of the output {output} has too long a name", "choose a shorter name"
    there = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    if not there.is_dir():
        return "the output {output} needs a folder where a file is", "choose another folder"
    if not os.access(there, os.W_OK | os.X_OK):
        return "the output {output} cannot be written: no permission in its folder", "choose another folder"
    return None


def _open_fault(path: Path) -> tuple[str, str] | None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return "is not a file", "name a sound file"
        with path.open("rb") as file:
            return None if file.read(1) else ("is empty", "put it back, or name another")
    except FileNotFoundError:
        return "does not exist", "relative paths begin at the folder of the jobs file"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}", "see that it can be read"


def _forget(remembered: dict[str, object] | dict[str, _Folder] | dict[str, tuple[str, str] | None]) -> None:
    """Begin anew when there is too much: memory stays bounded, whatever a table names."""
    if len(remembered) >= MOST_REMEMBERED:
        remembered.clear()


_JOBS_REMEDY = "give a CSV, TSV or JSONL file with a row for each output"
