"""Puts a script together line by line: chapters, paragraphs, pauses. Both readers feed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from demod_voice.config.settings import Limits
from demod_voice.errors import Fault
from demod_voice.formats.document import nearest, shown
from demod_voice.formats.hints import NOTHING, Hints
from demod_voice.formats.markup import plain_text, read_line
from demod_voice.formats.pieces import Piece
from demod_voice.formats.script import Chapter, Effect, Paragraph, Recording, ScriptLine, SpeakerSpec
from demod_voice.formats.tags import TagError
from demod_voice.text.clean import clean
from demod_voice.text.spans import Span


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
        self.effects: list[Effect] = []
        """Effects before the next line; what is left at the end trails the episode."""
        self.manner = NOTHING
        """What the lines of the chapter inherit."""
        self._limits = limits
        self._names = {clean(name): name for name in speakers}
        self._faults_before = 0
        self._chapters: list[Chapter] = []
        self._title: tuple[str, int | None] = ("", None)
        self._paragraphs: list[Paragraph] = []
        self._lines: list[ScriptLine] = []

    def chapter(self, title: str, line: int | None, manner: Hints = NOTHING) -> None:
        """A new chapter begins; its lines inherit ``manner``."""
        self._end_chapter()
        self.manner = manner
        self._title = (plain_text(title), line)
        self._faults_before = len(self.faults)
        if not self._title[0]:
            self.faults.append(Fault(line, "a chapter without a title", "as in  ## The first chapter"))

    def speaker(self, name: str) -> str:
        """The speaker that is meant: the same letters in another Unicode form are the same name; else ``name``."""
        return self._names.get(clean(name), name)

    def paragraph(self) -> None:
        """The paragraph ends."""
        if self._lines:
            self._paragraphs.append(Paragraph(tuple(self._lines)))
            self._lines = []

    def add_pause(self, seconds: float) -> None:
        """Silence before the next line; several add up."""
        self.pause = seconds if self.pause is None else self.pause + seconds

    @property
    def begun(self) -> bool:
        """The chapter has lines."""
        return bool(self._lines or self._paragraphs)

    def say(self, speaker: str, text: str, line: int, hints: Hints = NOTHING) -> None:
        """A line; pauses and effects inside make several of it. Line ends in ``text`` are rows of the file."""
        speaker = self.speaker(speaker)
        if not self._known(speaker, line):
            return
        if len(text) > self._limits.line_chars:
            limit = self._limits.line_chars
            self.faults.append(
                Fault(line, f"a line of {len(text)} characters", f"at most {limit}: split it into paragraphs")
            )
            return
        before = len(self.faults)
        if not self._add(speaker, read_line(text, line, self.put), line, hints) and len(self.faults) == before:
            self.faults.append(Fault(line, f"nothing can be said in {text[:40]!r}", "write words, or remove the line"))

    def play(self, speaker: str, recording: Recording, transcript: str, line: int, hints: Hints = NOTHING) -> None:
        """A recording as a line; its transcript is plain text and may be empty."""
        speaker = self.speaker(speaker)
        if self._known(speaker, line):
            words = clean(transcript)
            self._add(speaker, [Piece(None, (), recording, (Span(words),) if words else ())], line, hints)

    def _add(self, speaker: str, pieces: list[Piece], line: int, hints: Hints) -> int:
        """Put the pieces of a line into the paragraph; how many can be heard."""
        heard = 0
        for piece in pieces:
            self._before(piece, heard > 0)
            if piece.speakable:
                self._check(piece, line, hints, heard)
                self._lines.append(self._line(speaker, piece, line, hints if not heard else hints.untimed))
                self.pause, self.effects = None, []
                heard += 1
            elif piece.spans and heard:
                self._lines[-1] = _longer(self._lines[-1], piece)
        return heard

    def _check(self, piece: Piece, line: int, hints: Hints, heard: int) -> None:
        """Put down why the hints cannot be meant for this piece."""
        if hints.over_another and not heard and not (self.begun or self._chapters):
            self._fault(line, "no line stands before this one to speak over", "remove the hint")
        if hints.over_another and not heard and self.pause is not None:
            self._fault(line, "a pause before a line that speaks over another", "remove one of them")
        if hints.backchannel and heard == 1:
            self._fault(line, "a backchannel with a pause or an effect inside", "make two lines of it")
        if piece.recording is not None and hints.shaped:
            self._fault(line, "a recording is heard as it is: no emotion, pace, prosody or anchor", "remove the hint")

    def _fault(self, line: int, message: str, hint: str) -> None:
        self.faults.append(Fault(line, message, hint))

    def between(self, row: str, line: int) -> None:
        """A row of pauses and effects between two lines."""
        for piece in read_line(row, line, self.put):
            self._before(piece, False)

    def put(self, error: TagError, line: int) -> None:
        """A fault of markup."""
        self.faults.append(Fault(line, error.message, error.hint(self.faults)))

    def _before(self, piece: Piece, inside: bool) -> None:
        """What stands before a piece; an effect inside a line leaves no pause of its own."""
        if piece.pause_s is not None:
            self.add_pause(piece.pause_s)
        elif piece.effects and inside:
            self.add_pause(0.0)
        self.effects += piece.effects

    def _line(self, speaker: str, piece: Piece, line: int, hints: Hints) -> ScriptLine:
        whole = NOTHING if piece.recording is not None else hints.over(self.manner)
        spans = whole.shape(piece.spans)
        return ScriptLine(
            speaker=speaker,
            text=piece.text,
            line=line,
            pause_before_s=self.pause if hints.pause_s is None else hints.pause_s + (self.pause or 0.0),
            hints=whole.values(),
            spans=() if all(span.plain for span in spans) else spans,
            overlap_s=hints.overlap_s or 0.0,
            interrupt=bool(hints.interrupt),
            backchannel=bool(hints.backchannel),
            recording=piece.recording,
            effects=tuple(self.effects),
        )

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
        elif self._title[0] and len(self.faults) == self._faults_before:
            title, line = self._title
            self.faults.append(Fault(line, f"the chapter {title[:40]!r} has no lines", "write some, or remove it"))
        self._title = ("", None)

    def _known(self, speaker: str, line: int) -> bool:
        if speaker in self.speakers:
            return True
        near = nearest(speaker, self.speakers, self.faults, cutoff=0.5)
        hint = f"did you mean {near}?" if near else f"speakers: {', '.join(self.speakers) or 'none'}"
        said = shown(speaker)
        self.faults.append(Fault(line, f"unknown speaker {said}", f"{hint}; write \\: where no speaker is meant"))
        return False


def _longer(line: ScriptLine, piece: Piece) -> ScriptLine:
    """A line with the signs after a pause, in which nothing can be said."""
    spans = line.spans or (Span(line.text),)
    last = spans[-1]
    added = tuple(replace(span, rate=last.rate, pitch=last.pitch, volume_db=last.volume_db) for span in piece.spans)
    both = (*spans, *added)
    return replace(line, text=line.text + piece.text, spans=() if all(span.plain for span in both) else both)
