"""Episode scripts in JSON and YAML: one schema (A105-A107). Described in docs/scripts.md."""

from __future__ import annotations

import re
from typing import Any

from demod_voice.config.settings import Limits
from demod_voice.errors import Fault
from demod_voice.formats.building import Builder
from demod_voice.formats.document import Place, place_of, shown
from demod_voice.formats.hints import MANNER_KEYS, TIMING_KEYS, Hints, data_hints
from demod_voice.formats.inherited import ALONE, SHARED_KEYS, Outer, speakers_of
from demod_voice.formats.script import Effect, Recording, Script
from demod_voice.formats.script_markdown import META_KEYS, script_of
from demod_voice.formats.sounds import LEAST_GAIN_DB, MOST_GAIN_DB, stretch_problem
from demod_voice.units import parse_duration

EPISODE_KEYS = (
    "title",
    "id",
    "episode_id",
    "language",
    "seed",
    "context",
    "speakers",
    "segments",
    "chapters",
    *SHARED_KEYS,
    *META_KEYS,
)
LINE_KEYS = ("speaker", "text", "audio", *MANNER_KEYS, *TIMING_KEYS)
SEGMENT_KEYS = {
    "monologue": ("type", *LINE_KEYS),
    "dialogue": ("type", "lines", *MANNER_KEYS),
    "chapter": ("type", "title", *MANNER_KEYS),
    "pause": ("type", "duration_ms"),
    "effect": ("type", "file", "gain_db", "wait"),
}
AUDIO_KEYS = ("file", "start", "end", "clean", "transcript")
LONGEST_PAUSE_MS = 600_000


EPISODE_FORM = (
    "everything stands below  episode:  title, speakers, segments; to start: demod-voice episode new my-show.yaml"
)


def read_data(document: Any, source: str, limits: Limits, faults: list[Fault], outer: Outer = ALONE) -> Script:
    """A script from a loaded JSON or YAML document; what is wrong is put into ``faults``."""
    if not isinstance(document, dict) or not isinstance(document.get("episode"), dict):
        if not faults:
            faults.append(Fault(None, "there is no mapping 'episode'", EPISODE_FORM))
        return script_of(Place({}, {}, None, faults), Builder({}, limits, faults), source, "", outer)
    root = place_of(document, faults)
    root.only(("episode",))
    place = place_of(document["episode"], faults, "episode", root.line_of("episode"))
    place.only(EPISODE_KEYS)
    speakers = speakers_of(place, outer)
    if not speakers:
        place.fault("speakers", "the episode names no speakers")
    builder = Builder(speakers, limits, faults)
    for number, value in enumerate(place.items("segments")):
        _segment(value, f"episode.segments[{number}]", place.line_of("segments"), builder)
    return script_of(place, builder, source, "", outer)


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
        builder.chapter(place.text("title"), place.line, data_hints(place, MANNER_KEYS))
    elif kind == "pause":
        builder.add_pause(place.number("duration_ms", 0.0, 0.0, LONGEST_PAUSE_MS) / 1000.0)
    elif kind == "effect":
        _effect(place, builder)
    elif kind == "monologue":
        _monologue(place, builder)
    else:
        _dialogue(place, name, builder)


def _effect(place: Place, builder: Builder) -> None:
    gain_db = place.number("gain_db", 0.0, LEAST_GAIN_DB, MOST_GAIN_DB)
    if not place.text("file"):
        place.fault("file", f"{place.path('file')} is missing")
    builder.effects.append(Effect(place.text("file"), place.line or 1, gain_db, place.flag("wait", False)))


def _monologue(place: Place, builder: Builder) -> None:
    """Blank lines in its text are paragraphs."""
    hints = data_hints(place, LINE_KEYS)
    parts = [part for part in re.split(r"\n\s*\n", place.text("text")) if part.strip()]
    for number, part in enumerate(parts or [""]):
        if not _say(place, part, builder, hints if number == 0 else hints.untimed):
            break
        builder.paragraph()


def _dialogue(place: Place, name: str, builder: Builder) -> None:
    """Its lines inherit its manner, as it does that of the chapter."""
    outer = builder.manner
    builder.manner = data_hints(place, MANNER_KEYS).over(outer)
    for number, value in enumerate(place.items("lines")):
        label = f"{name}.lines[{number}]"
        if not isinstance(value, dict):
            builder.faults.append(Fault(place.line_of("lines"), f"{label} must be a mapping, got {shown(value)}"))
            continue
        line = place_of(value, builder.faults, label, place.line_of("lines"))
        line.line = min(line.lines.values(), default=line.line)
        line.only(LINE_KEYS)
        _say(line, line.text("text"), builder, data_hints(line, LINE_KEYS))
    builder.paragraph()
    builder.manner = outer


def _say(place: Place, text: str, builder: Builder, hints: Hints) -> bool:
    """One line: words, or a recording; false where its keys are wrong."""
    words = "audio" if place.values.get("audio") is not None else "text"
    missing = [key for key in ("speaker", words) if place.values.get(key) is None]
    for key in missing:
        place.fault(key, f"{place.path(key)} is missing")
    before = len(builder.faults)
    speaker = place.text("speaker")
    if missing or len(builder.faults) > before:
        return False
    line = place.line_of(words) or place.line or 1
    if words == "text":
        builder.say(speaker, " ".join(text.split()), line, hints)
        return True
    if text:
        place.fault("text", f"{place.path('text')} stands beside a recording", "write it as audio.transcript")
    audio = place.inner("audio")
    recording = _recording(audio) if audio is not None else None
    if audio is not None and recording is not None:
        builder.play(speaker, recording, audio.text("transcript"), line, hints)
    return True


def _recording(place: Place) -> Recording | None:
    place.only(AUDIO_KEYS)
    if not place.text("file"):
        place.fault("file", f"{place.path('file')} is missing")
    end = place.values.get("end")
    recording = Recording(
        place.text("file"),
        _time(place, "start"),
        None if end is None else _time(place, "end"),
        place.flag("clean", False),
    )
    problem = stretch_problem(recording)
    if problem:
        place.fault("end", f"{place.name}: {problem}")
    return None if problem or not recording.path else recording


def _time(place: Place, key: str) -> float:
    """Seconds, or a time as people write it."""
    written = place.text(key, "0")
    try:
        return parse_duration(written)
    except ValueError as error:
        place.fault(key, f"{place.path(key)}: {error}")
        return 0.0
