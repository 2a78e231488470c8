"""The script that ``episode new`` writes: the same small episode in Markdown, JSON and YAML."""

from __future__ import annotations

from demod_voice.errors import UsageError
from demod_voice.formats.script_file import JSON, MARKDOWN, YAML

TEMPLATE = """---
title: My first episode
language: en
speakers:
  Ada:
    engine: espeak
    voice: en-us+f3
  Ben:
    engine: espeak
    voice: en-us+m3
---

## Hello

Ada: Welcome to the show. This is a line; a blank line ends a paragraph.
Ben: Every line begins with the name of who says it.

[pause 800ms]

## Goodbye

Ada: A line with two number signs begins a chapter.
Ben: (overlap 200ms) Change a line and render again. <prosody rate="slow">Only that line</prosody> is spoken again.
"""

_YAML = """episode:
  title: My first episode
  language: en
  speakers:
    Ada: {engine: espeak, voice: en-us+f3}
    Ben: {engine: espeak, voice: en-us+m3}
  segments:
    - type: chapter
      title: Hello
    - type: dialogue
      lines:
        - speaker: Ada
          text: Welcome to the show. Lines of one dialogue follow each other closely.
        - speaker: Ben
          text: Every line has the name of who says it.
    - type: pause
      duration_ms: 800
    - type: chapter
      title: Goodbye
    - type: monologue
      speaker: Ada
      text: A monologue is one line on its own.
    - type: monologue
      speaker: Ben
      overlap_ms: 200
      text: Change a line and render again. <prosody rate="slow">Only that line</prosody> is spoken again.
"""

_JSON = """{
  "episode": {
    "title": "My first episode",
    "language": "en",
    "speakers": {
      "Ada": {"engine": "espeak", "voice": "en-us+f3"},
      "Ben": {"engine": "espeak", "voice": "en-us+m3"}
    },
    "segments": [
      {"type": "chapter", "title": "Hello"},
      {"type": "dialogue", "lines": [
        {"speaker": "Ada", "text": "Welcome to the show. Lines of one dialogue follow each other closely."},
        {"speaker": "Ben", "text": "Every line has the name of who says it."}
      ]},
      {"type": "pause", "duration_ms": 800},
      {"type": "chapter", "title": "Goodbye"},
      {"type": "monologue", "speaker": "Ada", "text": "A monologue is one line on its own."},
      {"type": "monologue", "speaker": "Ben", "overlap_ms": 200,
        "text": "Change a line and render again. <prosody rate='slow'>Only that line</prosody> is spoken again."}
    ]
  }
}
"""


def template(suffix: str) -> str:
    """The script in the format that a file name's suffix says.

    Raises:
        UsageError: no script has such a suffix.
    """
    for suffixes, text in ((MARKDOWN, TEMPLATE), (JSON, _JSON), (YAML, _YAML)):
        if suffix.lower() in suffixes:
            return text
    known = " ".join(MARKDOWN + JSON + YAML)
    raise UsageError(f"{suffix} is not the suffix of a script", f"known suffixes: {known}")
