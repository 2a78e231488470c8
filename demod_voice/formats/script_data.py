"""Episode scripts in JSON and YAML: one schema (A105-A107). Described in docs/scripts.md."""

from __future__ import annotations

import re
from typing import Any

from demod_voice.config.settings import Limits
from demod_voice.errors import Fault
from demod_voice.formats.building import Builder
from demod_voice.formats.document import Place, place_of, shown
from demod_voice.formats.script import Script
from demod_voice.formats.script_markdown import META_KEYS, script_of
from demod_voice.formats.speakers import read_speakers

EPISODE_KEYS = ("title", "id", "episode_id", "language", "seed", "speakers", "segments", *META_KEYS)
SEGMENT_KEYS = {
    "monologue": ("type", "speaker", "text", "anchor_idx"),
    "dialogue": ("type", "lines"),
    "chapter": ("type", "title"),
    "pause": ("type", "duration_ms"),
}
LINE_KEYS = ("speaker", "text", "anchor_idx")
LONGEST_PAUSE_MS = 600_000


def read_data(document: Any, source: str, limits: Limits, faults: list[Fault]) -> Script:
    """A script from a loaded JSON or YAML document; what is wrong is put into ``faults``."""
    if not isinstance(document, dict) or not isinstance(document.get("episode"), dict):
        if not faults:
            faults.append(Fault(None, "there is no mapping 'episode'", "see docs/scripts.md"))
        return script_of(Place({}, {}, None, faults), Builder({}, limits, faults), source, "")
    root = place_of(document, faults)
    root.only(("episode",))
    place = place_of(document["episode"], faults, "episode", root.line_of("episode"))
    place.only(EPISODE_KEYS)
    speakers = read_speakers(place)
    if not speakers:
        place.fault("speakers", "the episode names no speakers")
    builder = Builder(speakers, limits, faults)
    for number, value in enumerate(place.items("segments")):
        _segment(value, f"episode.segments[{number}]", place.line_of("segments"), builder)
    return script_of(place, builder, source, "")


def _segment(value: Any, name: str, line: int | None, builder: Builder) -> None:
    if not isinstance(value, dict):
        builder.faults.append(Fault(line, f"{name} must be a mapping, got {shown(value)}"))
        return
    place = place_of(value, builder.faults, name, line)
    place.line = min(place.lines.values(), default=line)
    kind = place.text("type") or ("dialogue" if "lines" in value else "monologue")
    if kind not in SEGMENT_KEYS:
        place.fault("type", f"{name}.type is {shown(kind)}", f"known: {', '.join(SEGMENT_KEYS)}")
        return
    place.only(SEGMENT_KEYS[kind])
    if kind == "chapter":
        builder.chapter(place.text("title"), place.line)
    elif kind == "pause":
        builder.add_pause(place.number("duration_ms", 0.0, 0.0, LONGEST_PAUSE_MS) / 1000.0)
    elif kind == "monologue":
        _monologue(place, builder)
    else:
        _dialogue(place, name, builder)


def _monologue(place: Place, builder: Builder) -> None:
    """Blank lines in its text are paragraphs."""
    parts = [part for part in re.split(r"\n\s*\n", place.text("text")) if part.strip()]
    _say(place, parts or [""], builder)


def _dialogue(place: Place, name: str, builder: Builder) -> None:
    for number, value in enumerate(place.items("lines")):
        label = f"{name}.lines[{number}]"
        if not isinstance(value, dict):
            builder.faults.append(Fault(place.line_of("lines"), f"{label} must be a mapping, got {shown(value)}"))
            continue
        line = place_of(value, builder.faults, label, place.line_of("lines"))
        line.line = min(line.lines.values(), default=line.line)
        line.only(LINE_KEYS)
        _say(line, [line.text("text")], builder, "line")
    builder.paragraph()


def _say(place: Place, parts: list[str], builder: Builder, ends: str = "paragraph") -> None:
    """Say every part; each is a paragraph, or a line of one that goes on."""
    hints = {}
    if place.values.get("anchor_idx") is not None:
        hints["anchor_idx"] = place.whole("anchor_idx", 0, 999)
    missing = [key for key in ("speaker", "text") if place.values.get(key) is None]
    for key in missing:
        place.fault(key, f"{place.path(key)} is missing")
    before = len(builder.faults)
    speaker = place.text("speaker")
    if missing or len(builder.faults) > before:
        return
    for part in parts:
        builder.say(speaker, " ".join(part.split()), place.line_of("text") or place.line or 1, hints)
        if ends == "paragraph":
            builder.paragraph()
