"""The ``speakers`` mapping of a script, the same in Markdown, JSON and YAML."""

from __future__ import annotations

import re
from typing import Any

from demod_voice.formats.document import Place, place_of, plain, shown
from demod_voice.formats.script import SpeakerSpec

KEYS = ("voice", "engine", "model", "speaker", "language", "speed", "pitch", "volume_db", "seed", "style")
MODEL_SUFFIXES = (".onnx", ".pt", ".safetensors")
_NAME = re.compile(r"(?! )[^\s:：*_\\#\[\]<>-][^:：\\\[\]<>\n\t]{0,59}(?<! )")
_FORM = "a name and a voice for each, as in  speakers: {Ada: en-us+f3, Ben: en-us+m3}"
_NAME_HINT = "1 to 60 characters, none of : \\ [ ] < >, and no sign or space at its beginning"


def read_speakers(place: Place) -> dict[str, SpeakerSpec]:
    """Every speaker of ``place.speakers``; what is wrong goes to the place's faults."""
    speakers = place.inner("speakers", _FORM)
    if speakers is None:
        return {}
    found: dict[str, SpeakerSpec] = {}
    for name, value in speakers.values.items():
        if not _NAME.fullmatch(name):
            speakers.fault(name, f"{shown(name)} cannot be a speaker's name", _NAME_HINT)
        elif isinstance(value, dict):
            found[name] = _spec(name, place_of(value, place.faults, speakers.path(name), speakers.line_of(name)))
        elif value is None or isinstance(value, str):
            found[name] = _short(name, value or "", speakers.line_of(name))
        else:
            speakers.fault(name, f"{speakers.path(name)} must be a voice's name or a mapping, got {shown(value)}")
            found[name] = SpeakerSpec(name, speakers.line_of(name))
    return found


def _short(name: str, value: str, line: int | None) -> SpeakerSpec:
    """``Ada: en-us+f3`` is a voice; ``Ada: voices/ada.onnx`` is a model (A105)."""
    if value.endswith(MODEL_SUFFIXES) or "/" in value:
        return SpeakerSpec(name, line, model=value)
    return SpeakerSpec(name, line, voice=value)


def _spec(name: str, place: Place) -> SpeakerSpec:
    place.only(KEYS)
    style = place.inner("style")
    return SpeakerSpec(
        name=name,
        line=place.line,
        voice=place.text("voice"),
        engine=place.text("engine"),
        model=place.text("model"),
        speaker=place.text("speaker"),
        language=place.language("language"),
        speed=place.number("speed", 1.0, 0.25, 4.0),
        pitch=place.number("pitch", 1.0, 0.25, 4.0),
        volume_db=place.number("volume_db", 0.0, -40.0, 20.0),
        seed=place.whole("seed", 0, 2**31 - 1),
        style=_style(style),
    )


def _style(place: Place | None) -> dict[str, Any]:
    return {} if place is None else {key: plain(value) for key, value in place.values.items()}
