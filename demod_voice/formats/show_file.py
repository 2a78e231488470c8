"""``show.yaml``: what the episodes of a show have in common. Described in docs/scripts.md."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from demod_voice.errors import Fault
from demod_voice.formats.document import Lined, Place, place_of
from demod_voice.formats.inherited import SHARED_KEYS, cast_of, lexicons_of, mixes_of, named_file, read_mapping
from demod_voice.formats.script import NO_SHOW, MixSource, Show

NAME = "show.yaml"
TEXT_KEYS = (
    "title",
    "author",
    "email",
    "link",
    "description",
    "owner",
    "image",
    "guid",
    "copyright",
)
STING_KEYS = ("intro", "outro")
SHOW_KEYS = (*SHARED_KEYS, *STING_KEYS, "cover", "language", "category", "explicit", *TEXT_KEYS)


def find_show(script: Path) -> Path | None:
    """The nearest ``show.yaml`` beside a script or above it; one that is a script (with ``episode``) is none."""
    own = script.resolve()
    for folder in own.parents:
        path = folder / NAME
        if path != own and path.is_file() and not _is_script(path):
            return path
    return None


def read_show(path: Path, roots: tuple[str, ...], faults: list[Fault]) -> Show:
    """A show; what is wrong is put into ``faults`` and names the file."""
    loaded = read_mapping(path, "a show", faults)
    if loaded is None:
        return NO_SHOW
    own: list[Fault] = []
    place = place_of(loaded, own)
    place.only(SHOW_KEYS)
    folder, source = path.parent, str(path)
    cast = cast_of(place, folder, roots)
    show = Show(
        path=path,
        language=place.language("language"),
        categories=_categories(place),
        explicit=place.flag("explicit", False),
        cover=named_file(place, "cover", folder, roots),
        cast={name: spec if spec.source else replace(spec, source=source) for name, spec in cast.items()},
        lexicons=lexicons_of(place, folder, roots),
        mixes=(*mixes_of(place, source, folder, roots), *_stings(place, source, folder)),
        **{key: place.text(key) for key in TEXT_KEYS},
    )
    faults += [fault if fault.source else replace(fault, source=source) for fault in own]
    return show


def _categories(place: Place) -> tuple[str, ...]:
    value = place.values.get("category")
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(str(each) for each in value)
    return tuple(filter(None, (place.text("category"),)))


def _stings(place: Place, source: str, folder: Path) -> tuple[MixSource, ...]:
    """``intro`` and ``outro`` of a show are those of its mix."""
    values = Lined({key: place.values[key] for key in STING_KEYS if place.values.get(key) is not None})
    values.key_lines = {key: place.line_of(key) or 1 for key in values}
    return (MixSource(values, None, folder, source),) if values else ()


def _is_script(path: Path) -> bool:
    loaded = read_mapping(path, "a show", [])
    return loaded is not None and "episode" in loaded
