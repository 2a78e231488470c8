"""Scripts of any size for the tests."""

from __future__ import annotations

WORDS = (
    "river stone garden window yellow seven captain morning paper engine silver little doctor travel "
    "music winter simple orange bridge number"
).split()


def sentence(number: int) -> str:
    """A sentence that no other number gives."""
    picks = [WORDS[(number * step + step) % len(WORDS)] for step in (1, 3, 7, 11, 13)]
    return f"Line {number} says {' '.join(picks)}."


def script_text(lines: list[str], speakers: dict[str, str] | None = None, engine: str = "fake") -> str:
    """A Markdown script whose lines alternate between the speakers."""
    voices = speakers or {"Ada": "low", "Ben": "high"}
    head = ["---", "title: A test", "speakers:"]
    for name, voice in voices.items():
        head += [f"  {name}:", f"    engine: {engine}", f"    voice: {voice}"]
    names = list(voices)
    body = [f"{names[number % len(names)]}: {text}\n" for number, text in enumerate(lines)]
    return "\n".join([*head, "---", "", *body])
