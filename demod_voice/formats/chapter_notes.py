"""``chapters:`` of a script's front matter: a picture and a link for a chapter, by its title."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from demod_voice.formats.document import Place, nearest, place_of, shown
from demod_voice.formats.script import ChapterNote

NOTE_KEYS = ("image", "url")


def read_chapter_notes(place: Place, titles: Iterable[str]) -> Mapping[str, ChapterNote]:
    """Title -> note; a title that no chapter has is a fault."""
    inner = place.inner("chapters")
    if inner is None:
        return {}
    known = [title for title in titles if title]
    notes = {}
    for title, value in inner.values.items():
        if title not in known:
            near = nearest(title, known, place.faults)
            hint = f"did you mean {near}?" if near else f"chapters: {', '.join(known) or 'none'}"
            inner.fault(title, f"chapters: no chapter is called {shown(title)}", hint)
        elif not isinstance(value, dict):
            inner.fault(title, f"{inner.path(title)} must be a mapping, got {shown(value)}", "{image: ..., url: ...}")
        else:
            note = place_of(value, place.faults, inner.path(title), inner.line_of(title))
            note.only(NOTE_KEYS)
            notes[title] = ChapterNote(note.text("image"), note.text("url"))
    return notes
