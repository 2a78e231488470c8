"""A ``models.toml``: the models that an engine can load, where each comes from, and under which licence."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any

from demod_voice.engines.default_model import RECORD
from demod_voice.errors import Fault, FaultsError

FILE = "models.toml"
PART = ".part"
"""What has come of a file lies under its name plus this."""
PLAN = "pull.json"
"""In a half pulled model: what it will be made of."""
OWN = (RECORD, PLAN)
"""In a model's folder, and none of its files."""
NAME = re.compile(r"[a-z0-9](?:[A-Za-z0-9_-]|\.(?!\.))*")
COMMIT = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")
_SOURCE = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_TEXTS = (
    *("summary", "source", "revision", "licence", "licence_url", "terms"),
    *("accept", "engine", "load", "below"),
)
_KEYS = (*_TEXTS, "gated", "languages", "kind", "files")
_REQUIRED = ("summary", "source", "licence", "files")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model."""

    path: str
    """Where it lies in the model's folder, with ``/``."""
    remote: str
    """Where it lies in the source."""
    size: int = 0
    """Bytes; 0 = not known before it is asked for."""
    sha256: str = ""
    """Lower-case hex; empty = not known before it is asked for."""
    optional: bool = False
    """Pulled with the others; what is carried by hand may lack it."""


@dataclass(frozen=True, slots=True)
class ModelKind:
    """How a folder is known to hold this kind of model: a value in one of its JSON files."""

    file: str
    key: str
    value: str = ""
    """Empty: the key must be there, with any value."""


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model that can be pulled."""

    name: str
    """As in ``models pull NAME``; also its folder's name."""
    engine: str
    summary: str
    source: str
    """Repository on the hub: ``owner/name``."""
    licence: str
    """SPDX identifier, else what its authors call it (``CPML``)."""
    files: tuple[ModelFile, ...]
    revision: str = ""
    """Commit that it is pinned to, or a tag; empty = whatever is newest when it is pulled."""
    licence_url: str = ""
    terms: str = ""
    """What the licence asks for, in one sentence for people."""
    accept: str = ""
    """Word that accepts the licence (``--accept-licence cpml``); empty = nothing is asked."""
    gated: bool = False
    """Its hub gives it only to accounts that asked for access."""
    languages: tuple[str, ...] = ()
    """BCP 47 tags; empty = any."""
    load: str = ""
    """File of the folder that the engine is given; empty = the folder."""
    kind: ModelKind | None = None

    @property
    def pinned(self) -> bool:
        """True when this registry names one commit, so that everybody gets the same bytes."""
        return COMMIT.fullmatch(self.revision) is not None

    @property
    def num_bytes(self) -> int:
        """Bytes of all files; 0 when one is not known."""
        sizes = [each.size for each in self.files]
        return sum(sizes) if all(sizes) else 0

    def at(self, revision: str) -> ModelEntry:
        """The same model at another revision, of which this registry knows no sizes and no hashes."""
        files = tuple(replace(each, size=0, sha256="") for each in self.files)
        return replace(self, revision=revision, files=files)


def read_entries(path: Path, engine: str = "") -> tuple[ModelEntry, ...]:
    """The models that a ``models.toml`` names.

    Args:
        path: the file.
        engine: whose models they are; empty = each says so itself.

    Raises:
        FaultsError: every fault of the file at once.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FaultsError(str(path), [Fault(None, f"cannot be read: {error}")]) from error
    faults = [fault for name, table in document.items() for fault in _faults(name, table, engine)]
    if faults:
        raise FaultsError(str(path), faults)
    return tuple(_entry(name, table, engine) for name, table in document.items())


def _entry(name: str, table: Mapping[str, Any], engine: str) -> ModelEntry:
    texts = {key: table[key] for key in _TEXTS if key in table and key != "below"}
    kind = ModelKind(**table["kind"]) if "kind" in table else None
    return ModelEntry(
        name=name,
        **{"engine": engine, **texts},
        files=tuple(_file(each, table.get("below", "")) for each in table["files"]),
        gated=table.get("gated", False),
        languages=tuple(table.get("languages", ())),
        kind=kind,
    )


def _file(told: Any, below: str) -> ModelFile:
    facts = {"path": told} if isinstance(told, str) else dict(told)
    remote = f"{below}/{facts['path']}" if below else facts["path"]
    return ModelFile(remote=remote, **facts)


def _faults(name: str, table: Any, engine: str) -> Iterator[Fault]:
    if not NAME.fullmatch(name):
        yield Fault(None, f"{name!r} is no name of a model", "letters, digits, - and _; it begins with a small letter")
    if not isinstance(table, dict):
        yield Fault(None, f"{name} must be a table")
        return
    for key in table:
        if key not in _KEYS:
            close = get_close_matches(key, _KEYS, n=1)
            yield Fault(None, f"{name}: unknown key {key!r}", f"did you mean {close[0]}?" if close else None)
    required = _REQUIRED if engine else (*_REQUIRED, "engine")
    yield from (Fault(None, f"{name}: {key} is missing") for key in required if key not in table)
    yield from (Fault(None, f"{name}: {each}") for each in _wrong(table))


def _wrong(table: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the values of one model."""
    for key in _TEXTS:
        if not isinstance(table.get(key, ""), str):
            yield f"{key} must be a text"
    if not _SOURCE.fullmatch(str(table.get("source", "a/b"))):
        yield f"source {table['source']!r} is not like owner/name"
    if not isinstance(table.get("gated", False), bool):
        yield "gated must be true or false"
    languages = table.get("languages", [])
    if not isinstance(languages, list) or not all(isinstance(each, str) for each in languages):
        yield "languages must be a list of tags"
    kind = table.get("kind", {"file": "", "key": ""})
    known = {"file", "key"} <= set(kind) <= {"file", "key", "value"} if isinstance(kind, dict) else False
    if not known or not all(isinstance(each, str) for each in kind.values()):
        yield "kind must have file and key, and may have value"
    files = table.get("files", [])
    if not isinstance(files, list) or ("files" in table and not files):
        yield "files must be a list with at least one file"
        return
    faults = [fault for each in files for fault in _wrong_file(each)]
    yield from faults or _wrong_together(table, [each if isinstance(each, str) else each["path"] for each in files])


def _wrong_together(table: Mapping[str, Any], paths: list[str]) -> Iterator[str]:
    """What is wrong with files that are well each by itself."""
    for path in sorted({path for path in paths if paths.count(path) > 1}):
        yield f"file {path!r} is named twice"
    if table.get("load") and table["load"] not in paths:
        yield f"load {table['load']!r} is none of its files"
    kind = table.get("kind")
    if isinstance(kind, dict) and "file" in kind and kind["file"] not in paths:
        yield f"kind.file {kind['file']!r} is none of its files"


def _wrong_file(told: Any) -> Iterator[str]:
    facts = {"path": told} if isinstance(told, str) else told
    if not isinstance(facts, dict) or not isinstance(facts.get("path"), str):
        yield f"a file is a path, or a table with path, size and sha256; not {told!r}"
        return
    path = PurePosixPath(facts["path"])
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in facts["path"]:
        yield f"file {facts['path']!r} is not a path below the model's folder"
    elif str(path) != facts["path"] or not facts["path"].isprintable():
        yield f"file {facts['path']!r} is not written plainly, like more/part.bin"
    if str(path) in OWN or path.suffix == PART:
        yield f"file {str(path)!r} has a name that this program gives to files of its own"
    unknown = set(facts) - {"path", "size", "sha256", "optional"}
    if unknown:
        yield f"file {path}: unknown key {sorted(unknown)[0]!r}"
    size = facts.get("size", 0)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        yield f"file {path}: size must be a number of bytes"
    if not isinstance(facts.get("optional", False), bool):
        yield f"file {path}: optional must be true or false"
    if facts.get("sha256", "") and not SHA256.fullmatch(str(facts["sha256"])):
        yield f"file {path}: sha256 must be 64 hex digits"
