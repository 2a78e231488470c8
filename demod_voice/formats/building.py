"""Puts a script together line by line: chapters, paragraphs, pauses. Both readers feed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from demod_voice.config.settings import Limits
from demod_voice.errors import Fault
from demod_voice.formats.markup import read_line
from demod_voice.formats.script import Chapter, Paragraph, ScriptLine, SpeakerSpec


class Builder:
    """Collects a script's body.

    Args:
        speakers: who may speak.
        limits: the longest line.
        faults: where what is wrong is put.
    """

    def __init__(self, speakers: Mapping[str, SpeakerSpec], limits: Limits, faults: list[Fault]) -> None:
        self.speakers = speakers
        self.faults = faults
        self.pause: float | None = None
        """Silence asked for before the next line, seconds; what is left at the end trails the episode."""
        self._limits = limits
        self._chapters: list[Chapter] = []
        self._title: tuple[str, int | None] = ("", None)
        self._paragraphs: list[Paragraph] = []
        self._lines: list[ScriptLine] = []

    def chapter(self, title: str, line: int | None) -> None:
        """A new chapter begins."""
        self._end_chapter()
        self._title = (title, line)

    def paragraph(self) -> None:
        """The paragraph ends."""
        if self._lines:
            self._paragraphs.append(Paragraph(tuple(self._lines)))
            self._lines = []

    def add_pause(self, seconds: float) -> None:
        """Silence before the next line; several add up."""
        self.pause = seconds if self.pause is None else self.pause + seconds

    def say(self, speaker: str, text: str, line: int, hints: Mapping[str, Any] | None = None) -> None:
        """A line; ``[pause]`` inside makes several of it."""
        from demod_voice.text.clean import speakable

        if not self._known(speaker, line):
            return
        if len(text) > self._limits.line_chars:
            limit = self._limits.line_chars
            self.faults.append(
                Fault(line, f"a line of {len(text)} characters", f"at most {limit}: split it into paragraphs")
            )
            return
        spoken = False
        before = len(self.faults)
        for pause, piece in read_line(text, lambda what, hint: self.faults.append(Fault(line, what, hint))):
            if pause is not None:
                self.add_pause(pause)
            if speakable(piece):
                self._lines.append(ScriptLine(speaker, piece, line, self.pause, dict(hints or {})))
                self.pause = None
                spoken = True
            elif piece and spoken and self._lines:
                self._lines[-1] = replace(self._lines[-1], text=f"{self._lines[-1].text}{piece}")
        if not spoken and len(self.faults) == before:
            self.faults.append(Fault(line, f"nothing can be said in {text[:40]!r}", "write words, or remove the line"))

    def finish(self) -> tuple[Chapter, ...]:
        """The chapters."""
        self._end_chapter()
        if not self._chapters and not self.faults:
            self.faults.append(Fault(None, "the script has no lines", "write lines as in  Ada: Hello there."))
        return tuple(self._chapters)

    def _end_chapter(self) -> None:
        self.paragraph()
        if self._paragraphs:
            self._chapters.append(Chapter(self._title[0], tuple(self._paragraphs), self._title[1]))
            self._paragraphs = []

    def _known(self, speaker: str, line: int) -> bool:
        if speaker in self.speakers:
            return True
        near = get_close_matches(speaker, list(self.speakers), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"speakers: {', '.join(self.speakers) or 'none'}"
        self.faults.append(Fault(line, f"unknown speaker {speaker!r}", f"{hint}; write \\: where no speaker is meant"))
        return False
