"""``mix.yaml``, and the ``mix:`` of a script or a show: the same keys, every fault at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from demod_voice.errors import Fault, FaultsError
from demod_voice.formats.document import Place, load_yaml, nearest, place_of, shown
from demod_voice.formats.mix_spec import Compression, Ducking, MixSpec, Music, RoomTone, Sting, TimedEffect

KEYS = (
    "channels",
    "preset",
    "loudness",
    "true_peak",
    "positions",
    "pan_law",
    "high_pass",
    "de_ess",
    "compressor",
    "room_tone",
    "match_levels",
    "duck",
    "music",
    "intro",
    "outro",
    "effects",
)
PAN_LAWS = ("equal-power", "linear")
LONGEST_FADE_S = 60.0
Made = TypeVar("Made")


def read_mix_file(path: Path, text: str, presets: tuple[str, ...], speakers: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a mix that a YAML file gives.

    Args:
        path: names the file in messages; the sound files in it are relative to its folder.
        text: its content.
        presets: names that ``preset`` may have.
        speakers: names that ``positions`` and ``duck.primary`` may have.

    Raises:
        FaultsError: everything that is wrong in it, with lines.
    """
    faults: list[Fault] = []
    loaded = load_yaml(text, 0, faults)
    if loaded is None and not faults:
        loaded = {}
    if loaded is not None and not isinstance(loaded, dict):
        faults.append(Fault(1, "a mix must be a mapping of key: value", "see docs/mix.md"))
    given = read_mix(place_of(loaded, faults), path.parent, presets, speakers) if isinstance(loaded, dict) else {}
    if faults:
        raise FaultsError(str(path), faults)
    return given


def read_mix(place: Place, folder: Path, presets: tuple[str, ...], speakers: tuple[str, ...]) -> dict[str, Any]:
    """The fields of ``MixSpec`` that a mapping gives; what is wrong goes to the place's faults.

    Sound files become absolute paths: relative ones are looked for in ``folder``.
    """
    place.only(KEYS)
    readers: Mapping[str, tuple[str, Callable[[], Any]]] = {
        "channels": ("channels", lambda: _channels(place)),
        "preset": ("preset", lambda: place.choice("preset", "", presets)),
        "loudness": ("loudness_lufs", lambda: place.number("loudness", -16.0, -40.0, -5.0)),
        "true_peak": ("true_peak_dbtp", lambda: place.number("true_peak", -1.0, -20.0, 0.0)),
        "positions": ("positions", lambda: _positions(place, speakers)),
        "pan_law": ("pan_law", lambda: place.choice("pan_law", PAN_LAWS[0], PAN_LAWS)),
        "high_pass": ("high_pass_hz", lambda: place.number("high_pass", 70.0, 0.0, 300.0)),
        "de_ess": ("de_ess", lambda: place.number("de_ess", 0.3, 0.0, 1.0)),
        "compressor": ("compressor", lambda: _compressor(place)),
        "room_tone": ("room_tone", lambda: _room_tone(place, folder)),
        "match_levels": ("match_levels", lambda: place.flag("match_levels", True)),
        "duck": ("duck", lambda: _ducking(place, speakers)),
        "music": ("music", lambda: _each(place, "music", lambda inner: _music(inner, folder))),
        "intro": ("intro", lambda: _sting(place, "intro", folder)),
        "outro": ("outro", lambda: _sting(place, "outro", folder)),
        "effects": ("effects", lambda: _each(place, "effects", lambda inner: _effect(inner, folder))),
    }
    return {field: read() for key, (field, read) in readers.items() if key in place.values}


def merged_mix(*layers: Mapping[str, Any]) -> MixSpec:
    """The mix that layers of fields give; a later layer's field replaces an earlier one's."""
    fields: dict[str, Any] = {}
    for layer in layers:
        fields.update(layer)
    return MixSpec(**fields)


def _channels(place: Place) -> int:
    value = place.values["channels"]
    if value == "auto":
        return 0
    if isinstance(value, bool) or value not in (1, 2):
        place.fault("channels", f"{place.path('channels')} must be 1, 2 or auto, got {shown(value)}")
        return 0
    return int(value)


def _positions(place: Place, speakers: tuple[str, ...]) -> dict[str, float]:
    inner = place.inner("positions")
    if inner is None:
        return {}
    inner.only(speakers)
    return {name: inner.number(name, 0.0, -1.0, 1.0) for name in inner.values if name in speakers}


def _compressor(place: Place) -> Compression | None:
    if isinstance(place.values["compressor"], bool):
        return Compression() if place.values["compressor"] else None
    inner = place.inner("compressor")
    if inner is None:
        return None
    inner.only(("threshold", "ratio", "attack", "release"))
    return Compression(
        inner.number("threshold", -24.0, -60.0, 0.0),
        inner.number("ratio", 2.5, 1.0, 20.0),
        inner.duration("attack", 0.010, 1.0),
        inner.duration("release", 0.150, 5.0),
    )


def _room_tone(place: Place, folder: Path) -> RoomTone | None:
    value = place.values["room_tone"]
    if value is None or isinstance(value, bool):
        return RoomTone() if value else None
    if isinstance(value, (int, float)):
        return RoomTone(place.number("room_tone", -50.0, -90.0, -30.0))
    inner = place.inner("room_tone")
    if inner is None:
        return None
    inner.only(("level", "file"))
    return RoomTone(inner.number("level", -50.0, -90.0, -30.0), _file(inner, folder, required=False))


def _ducking(place: Place, speakers: tuple[str, ...]) -> Ducking:
    inner = place.inner("duck")
    if inner is None:
        return Ducking()
    inner.only(("depth", "attack", "release", "primary"))
    primary = inner.text("primary")
    if primary and primary not in speakers:
        near = nearest(primary, speakers, inner.faults)
        inner.fault(
            "primary",
            f"{inner.path('primary')}: no speaker is called {shown(primary)}",
            near and f"did you mean {near}?",
        )
        primary = ""
    return Ducking(
        inner.number("depth", -6.0, -60.0, 0.0),
        inner.duration("attack", 0.080, 5.0),
        inner.duration("release", 0.300, 10.0),
        primary,
    )


def _music(place: Place, folder: Path) -> Music:
    place.only(
        ("file", "start", "end", "loop", "crossfade", "fade_in", "fade_out", "level", "duck_amount"),
    )
    start_s = place.duration("start", 0.0)
    end_s = place.duration("end", 0.0) if place.values.get("end") is not None else None
    if end_s is not None and end_s <= start_s:
        place.fault("end", f"{place.path('end')} must be after its start")
    return Music(
        _file(place, folder),
        start_s,
        end_s,
        place.flag("loop", True),
        place.duration("crossfade", 2.0, LONGEST_FADE_S),
        place.duration("fade_in", 1.0, LONGEST_FADE_S),
        place.duration("fade_out", 3.0, LONGEST_FADE_S),
        place.number("level", -8.0, -60.0, 12.0),
        place.number("duck_amount", 0.3, 0.0, 1.0),
    )


def _sting(place: Place, key: str, folder: Path) -> Sting | None:
    if isinstance(place.values[key], str):
        return Sting(_existing(place, key, folder, place.values[key]))
    inner = place.inner(key)
    if inner is None:
        return None
    inner.only(("file", "level", "overlap"))
    return Sting(_file(inner, folder), inner.number("level", 0.0, -60.0, 12.0), inner.duration("overlap", 1.0, 60.0))


def _effect(place: Place, folder: Path) -> TimedEffect:
    place.only(("file", "at", "level"))
    if place.values.get("at") is None:
        place.faults.append(Fault(place.line, f"{place.path('at')} is missing", "as in  at: 01:12"))
    return TimedEffect(_file(place, folder), place.duration("at", 0.0), place.number("level", 0.0, -60.0, 12.0))


def _each(place: Place, key: str, read: Callable[[Place], Made]) -> tuple[Made, ...]:
    """One thing for each mapping of a list; a single mapping is a list of one."""
    value = place.values[key]
    items = [value] if isinstance(value, (dict, str)) else place.items(key)
    made = []
    for number, item in enumerate(items, 1):
        if isinstance(item, str):
            item = {"file": item}
        if not isinstance(item, dict):
            place.fault(key, f"{place.path(key)}, number {number}, must be a mapping, got {shown(item)}")
            continue
        made.append(read(place_of(item, place.faults, f"{place.path(key)}[{number}]", place.line_of(key))))
    return tuple(made)


def _file(place: Place, folder: Path, required: bool = True) -> str:
    name = place.text("file")
    if not name:
        if required:
            place.faults.append(Fault(place.line, f"{place.path('file')} is missing", "name a sound file"))
        return ""
    return _existing(place, "file", folder, name)


def _existing(place: Place, key: str, folder: Path, name: str) -> str:
    path = folder / Path(name).expanduser()
    if not path.is_file():
        place.fault(key, f"{place.path(key)}: {path} does not exist", "paths are relative to the file they stand in")
    return str(path)
