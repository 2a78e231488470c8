"""A spoken line put together from words and tags: pieces between pauses, each of spans in one manner."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from demod_voice.formats.script import Effect, Recording
from demod_voice.formats.tags import NORMAL, TagError, XmlTag, applied, is_pause, is_whole, known, pause_of
from demod_voice.text.clean import speakable
from demod_voice.text.spans import Span

_PLAIN = Span("")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Piece:
    """Words without a pause inside, and what stands before them."""

    pause_s: float | None = None
    """Silence asked for, or None."""
    effects: tuple[Effect, ...] = ()
    recording: Recording | None = None
    """A sound file that is heard; the words are its transcript."""
    spans: tuple[Span, ...] = ()

    @property
    def text(self) -> str:
        """The words."""
        return "".join(span.text for span in self.spans)

    @property
    def speakable(self) -> bool:
        """True when there is something to say in it, or a recording to hear."""
        return self.recording is not None or any(speakable(said(span)) for span in self.spans)


def said(span: Span) -> str:
    """What stands for a span in speech."""
    return span.phonemes or span.alias or span.text


@dataclass(slots=True)
class _Open:
    """An element that is not closed yet."""

    tag: XmlTag
    manner: Span
    line: int
    filled: bool = False
    """Something stands in it."""
    closed: bool = False
    """It was closed while another one was open inside it."""


@dataclass(slots=True)
class _Style:
    """A style tag that holds from where it stands to the piece's end."""

    name: str
    line: int
    at: int
    """Spans before it."""


@dataclass(slots=True)
class _Draft:
    """The piece in hand."""

    pause_s: float | None = None
    effects: list[Effect] = field(default_factory=list)
    recording: Recording | None = None
    line: int = 0
    """Where the recording's tag stands."""
    spans: list[Span] = field(default_factory=list)
    worded: bool = False
    """Something other than spaces is in the spans."""
    style: _Style | None = None


class Pieces:
    """Takes words and tags in the order in which they stand.

    Args:
        on_fault: called with what is wrong and the line where it is.
    """

    def __init__(self, on_fault: Callable[[TagError, int], None]) -> None:
        self._fault = on_fault
        self._done: list[Piece] = []
        self._draft = _Draft()
        self._open: list[_Open] = []
        self._named: defaultdict[str, list[_Open]] = defaultdict(list)
        """Name -> its open elements."""
        self._unknown: set[str] = set()
        """Elements that there are not, told already."""

    def words(self, text: str) -> None:
        """Words as they are heard."""
        blank = not text.strip()
        if not text or (blank and not self._draft.worded):
            return
        self._draft.worded = True
        if self._open and not blank:
            self._open[-1].filled = True
        style = self._draft.style.name if self._draft.style else ""
        manner = replace(self._manner, style="" if style == NORMAL else style)
        if self._open and is_whole(self._open[-1].tag):
            self._whole(text, manner)
        else:
            self._draft.spans.append(replace(manner, text=text))

    def _whole(self, text: str, manner: Span) -> None:
        """Words that something else is said for: the spaces around them are not part of them."""
        around = replace(manner, alias="", phonemes="", say_as="")
        inner = text.strip()
        before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :] if inner else ""
        parts = [replace(around, text=before), replace(manner, text=inner), replace(around, text=after)]
        self._draft.spans += [each for each in parts if each.text]

    def pause(self, seconds: float, line: int) -> None:
        """Silence; it divides the line."""
        self._divide(line, "a pause")
        self._draft.pause_s = seconds + (self._draft.pause_s or 0.0)

    def effect(self, effect: Effect, line: int) -> None:
        """A sound effect; it divides the line."""
        self._divide(line, "an effect")
        self._draft.effects.append(effect)

    def recording(self, recording: Recording, line: int) -> None:
        """A sound file in place of speech; what follows is its transcript."""
        if self._draft.recording is not None or self._draft.worded or self._done or self._open:
            self._put("[audio] in the middle of a line", "begin a line with it, as in  Ada: [audio talk.wav]", line)
            return
        self._draft.recording, self._draft.line = recording, line

    def style(self, name: str, line: int) -> None:
        """The words that follow are said in this style, up to the next one or the piece's end."""
        self._outside_whole(line, f"[{name}]")
        self._end_style(last=False)
        self._draft.style = _Style(name, line, len(self._draft.spans))

    def element(self, tag: XmlTag, line: int) -> None:
        """A tag in angle brackets."""
        if not known(tag):
            if tag.problem and not (tag.closes and tag.name in self._unknown):
                self._fault(tag.problem, line)
            self._unknown.add(tag.name)
        elif tag.problem is not None:
            self._fault(tag.problem, line)
            if not tag.closes and not tag.alone:
                self._enter(tag, self._manner, line, filled=not is_pause(tag))
        elif tag.closes:
            self._close(tag, line)
        elif is_pause(tag):
            self._silence(tag, line)
        elif tag.alone:
            self._put(f"<{tag.name}/> holds no words", f"as in <{tag.name} ...>words</{tag.name}>", line)
        else:
            self._begin(tag, line)

    @property
    def _manner(self) -> Span:
        return self._open[-1].manner if self._open else _PLAIN

    def _silence(self, tag: XmlTag, line: int) -> None:
        try:
            self.pause(pause_of(tag), line)
        except TagError as error:
            self._fault(error, line)
        if not tag.alone:
            self._enter(tag, self._manner, line)

    def _begin(self, tag: XmlTag, line: int) -> None:
        self._outside_whole(line, f"<{tag.name}>")
        inside = self._manner
        try:
            inside = applied(tag, inside)
        except TagError as error:
            self._fault(error, line)
        self._enter(tag, inside, line)

    def finish(self) -> list[Piece]:
        """Every piece."""
        for each in (each for each in self._open if not each.closed):
            close = f"</{each.tag.name}>"
            hint = f"write <{each.tag.name} .../>" if is_pause(each.tag) else f"end it with {close}"
            self._put(f"<{each.tag.name}> is not closed", hint, each.line)
        self._end_piece()
        return self._done

    def _enter(self, tag: XmlTag, manner: Span, line: int, filled: bool = False) -> None:
        self._open.append(_Open(tag, manner, line, filled))
        self._named[tag.name].append(self._open[-1])

    def _close(self, tag: XmlTag, line: int) -> None:
        if not self._named[tag.name]:
            self._put(f"</{tag.name}> closes nothing", f"remove it, or begin with <{tag.name} ...>", line)
            return
        left = self._named[tag.name].pop()
        left.closed = True
        if self._open[-1] is not left:
            inner = self._open[-1].tag.name
            self._put(f"</{tag.name}> stands where <{inner}> is open", f"write </{inner}> first", line)
        elif left.filled == is_pause(left.tag):
            what = "holds words" if left.filled else "holds no words"
            hint = f"write <{tag.name} .../>" if left.filled else "put words between the tags, or remove them"
            self._put(f"<{tag.name}> {what}", hint, left.line)
        while self._open and self._open[-1].closed:
            filled = self._open.pop().filled
            if self._open and filled:
                self._open[-1].filled = True

    def _divide(self, line: int, what: str) -> None:
        """The piece ends if it has words."""
        if self._draft.recording is not None:
            self._put(f"{what} inside the transcript of a recording", "begin another line for it", line)
        self._outside_whole(line, what)
        if self._open:
            self._open[-1].filled = not is_pause(self._open[-1].tag)
        if self._draft.worded:
            self._end_piece()

    def _outside_whole(self, line: int, what: str) -> None:
        if self._open and is_whole(self._open[-1].tag):
            name = self._open[-1].tag.name
            self._put(f"{what} inside <{name}>", f"<{name}> holds words and nothing else", line)

    def _end_style(self, last: bool = True) -> None:
        """A style without words after it belongs to the words before it, when the piece ends there."""
        style, spans = self._draft.style, self._draft.spans
        if style is None or style.name == NORMAL or any(span.text.strip() for span in spans[style.at :]):
            return
        if not last or not self._draft.worded or any(span.style for span in spans):
            self._put(f"no words follow [{style.name}]", "put it before the words that it is meant for", style.line)
            return
        self._draft.spans = [replace(span, style=style.name) for span in spans]

    def _end_piece(self) -> None:
        self._end_style()
        draft, self._draft = self._draft, _Draft()
        spans = _folded(draft.spans)
        if draft.recording is not None and not all(span.plain for span in spans):
            self._put("tags in the transcript of a recording", "write its words only", draft.line)
        if spans or draft.pause_s is not None or draft.effects or draft.recording or not self._done:
            self._done.append(Piece(draft.pause_s, tuple(draft.effects), draft.recording, spans))

    def _put(self, message: str, hint: str, line: int) -> None:
        self._fault(TagError(message, hint), line)


def _folded(spans: list[Span]) -> tuple[Span, ...]:
    """Every run of spaces is one, none at the ends; neighbours of one manner are one span."""
    found: list[tuple[Span, list[str]]] = []
    spaced = True
    for span in spans:
        text = _SPACES.sub(" ", span.text)
        text = text.removeprefix(" ") if spaced else text
        if not text:
            continue
        spaced = text.endswith(" ")
        manner = replace(span, text="")
        if found and found[-1][0] == manner and not said(manner) and not manner.say_as:
            found[-1][1].append(text)
        else:
            found.append((manner, [text]))
    if found and found[-1][1][-1].endswith(" "):
        found[-1][1][-1] = found[-1][1][-1].removesuffix(" ")
    made = (replace(manner, text="".join(texts)) for manner, texts in found)
    return tuple(span for span in made if span.text)
