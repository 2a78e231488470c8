"""What a script has from outside: its show, a cast, and the files that its front matter names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from demod_voice.config.roots import check_inside
from demod_voice.errors import Fault, UsageError
from demod_voice.formats.document import Place, load_yaml, place_of, shown
from demod_voice.formats.script import NO_SHOW, MixSource, Show, SpeakerSpec
from demod_voice.formats.speakers import read_speakers

LARGEST_BYTES = 1_000_000
SHARED_KEYS = ("cast", "lexicon", "mix")
"""Keys that a script and a show have in common."""


@dataclass(frozen=True, slots=True)
class Outer:
    """What stands around a script."""

    folder: Path = Path()
    """The script's: what it names is relative to it."""
    show: Show = NO_SHOW
    cast: Mapping[str, SpeakerSpec] = field(default_factory=dict)
    """Speakers that replace or complete the script's own."""
    roots: tuple[str, ...] = ()
    """Folders that files must lie in; none = anywhere."""


ALONE = Outer()


def speakers_of(place: Place, outer: Outer) -> dict[str, SpeakerSpec]:
    """The speakers of a script: its show's, its cast file's, its own, those of ``--cast``; the later one wins."""
    return {**outer.show.cast, **cast_of(place, outer.folder, outer.roots), **read_speakers(place), **outer.cast}


def cast_of(place: Place, folder: Path, roots: tuple[str, ...]) -> dict[str, SpeakerSpec]:
    """The speakers of the key ``cast``: the name of a file, or the mapping itself."""
    if isinstance(place.values.get("cast"), dict):
        inner = Place({"speakers": place.values["cast"]}, {"speakers": place.line_of("cast") or 1}, None, place.faults)
        return read_speakers(inner)
    path = named_file(place, "cast", folder, roots)
    return read_cast(path, place.faults) if path is not None else {}


def read_cast(path: Path, faults: list[Fault]) -> dict[str, SpeakerSpec]:
    """The speakers of a cast file; models in it are looked for beside it."""
    loaded = read_mapping(path, "a cast", faults)
    if loaded is None:
        return {}
    own: list[Fault] = []
    inner = isinstance(loaded.get("speakers"), dict) and len(loaded) == 1
    found = read_speakers(place_of(loaded, own) if inner else Place({"speakers": loaded}, {}, 1, own))
    faults += [replace(fault, source=str(path)) for fault in own]
    if not found and not own:
        faults.append(Fault(None, "the cast names no speakers", "as in  Ada: en-us+f3", str(path)))
    return {
        name: replace(spec, source=str(path), model=_model(spec.model, path.parent)) for name, spec in found.items()
    }


def lexicons_of(place: Place, folder: Path, roots: tuple[str, ...]) -> tuple[Path, ...]:
    """The files of the key ``lexicon``: one, or a list."""
    value = place.values.get("lexicon")
    names = value if isinstance(value, list) else [value] if value is not None else []
    inner = [Place({"lexicon": name}, {"lexicon": place.line_of("lexicon") or 1}, None, place.faults) for name in names]
    return tuple(path for each in inner if (path := named_file(each, "lexicon", folder, roots)) is not None)


def mixes_of(place: Place, source: str, folder: Path, roots: tuple[str, ...]) -> tuple[MixSource, ...]:
    """The mix of the key ``mix``: the name of a file, or the mapping itself; as it is written."""
    value = place.values.get("mix")
    if isinstance(value, dict):
        return (MixSource(value, place.line_of("mix"), folder, source),)
    path = named_file(place, "mix", folder, roots)
    loaded = read_mapping(path, "a mix", place.faults) if path is not None else None
    return () if path is None or loaded is None else (MixSource(loaded, None, path.parent, str(path)),)


def named_file(place: Place, key: str, folder: Path, roots: tuple[str, ...]) -> Path | None:
    """The file that a key names, beside the file in which it stands; None when there is none, with a fault."""
    name = place.text(key)
    if not name:
        return None
    path = folder / name
    try:
        check_inside([path], roots)
        there = path.is_file()
    except UsageError as error:
        place.fault(key, f"{place.path(key)}: {error.message}", error.hint)
        return None
    except (OSError, ValueError):
        there = False
    if not there:
        place.fault(key, f"{place.path(key)}: {shown(name)} is no file", "paths are relative to the file they stand in")
    return path if there else None


def read_mapping(path: Path, what: str, faults: list[Fault]) -> Mapping[str, Any] | None:
    """A YAML file that holds a mapping; None when it does not, with faults that name it."""
    own: list[Fault] = []
    loaded: Any = None
    try:
        if path.stat().st_size > LARGEST_BYTES:
            own.append(Fault(None, f"is too large for {what}", "it is a YAML file of a few lines"))
        else:
            loaded = load_yaml(path.read_text(encoding="utf-8-sig"), 0, own)
    except UnicodeDecodeError:
        own.append(Fault(None, "is not UTF-8 text", "save it as UTF-8"))
    except FileNotFoundError:
        own.append(Fault(None, "does not exist", "check the name"))
    except (OSError, ValueError) as error:
        own.append(Fault(None, f"cannot be read: {getattr(error, 'strerror', None) or error}"))
    if not own and not isinstance(loaded, dict):
        own.append(Fault(1, f"{what} must be a mapping of key: value, got {shown(loaded)}"))
    faults += [replace(fault, source=str(path)) for fault in own]
    return None if own else loaded


def _model(model: str, folder: Path) -> str:
    """A model's path from the folder of its cast file; a name stays a name."""
    if model and ("/" in model or (folder / model).exists()):
        return str((folder / model).resolve())
    return model
