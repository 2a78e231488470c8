"""A review in progress: the rows of a dataset with the journal's decisions over them.

Every method may be called from any thread. A decision is in the journal, on the disk, before ``decide`` returns.
"""

from __future__ import annotations

import gc
import threading
import unicodedata
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demod_voice.dataset.review.catalogue import Catalogue, Told, shared
from demod_voice.dataset.review.filters import Query
from demod_voice.dataset.review.journal import FILE, Appender, Decision, Journal, now
from demod_voice.dataset.review.window import Window, same_sound
from demod_voice.dataset.store import Dataset
from demod_voice.errors import DemodError, MediaError, UsageError
from demod_voice.formats.dataset_manifest import ACCEPTED, REJECTED, Segment
from demod_voice.media.wav import wav_info

LONGEST_TEXT = 10_000
"""Characters."""
SHORTEST_S = 0.1
"""What a trim leaves at least."""
MOST_UNDONE = 1000
"""So many decisions of each reviewer can be taken back."""
REVIEWS = {"accept": ACCEPTED, "reject": REJECTED, "clear": ""}


class Stale(DemodError):
    """The clip is not as the reviewer saw it: somebody else decided, or the same person in another tab."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True, slots=True)
class Wish:
    """What a key asks for."""

    clip: str
    action: str
    """``accept``, ``reject``, ``clear``, ``text`` or ``trim``."""
    revision: int
    """The clip's, as it was shown."""
    who: str
    text: str = ""
    first_sample: int = 0
    """Of a trim: in the sound that was shown."""
    num_samples: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """What is decided about a clip so far."""

    review: str
    text: str
    text_source: str
    window: Window | None = None
    """None = never trimmed."""
    window_line: int = 0
    """Line of the journal that the window is from."""
    revision: int = 0
    """Line of the last decision about the clip; 0 = none."""
    who: str = ""
    """Who made it."""


class Session:
    """The clips of a dataset, by their place in it; 0 is the first.

    Raises:
        UsageError: it is no dataset, or a file of it or the journal is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.dataset = Dataset.reading(path)
        with _no_collecting():
            manifest = self.dataset.manifest()
        self.name, self.sample_rate = manifest.name, manifest.sample_rate
        self.recordings = {each.id: each.name for each in manifest.recordings}
        self.segments: Sequence[Segment] = manifest.segments
        shared(self.segments)
        self.catalogue = Catalogue(self.segments, self._told)
        self.tally: Counter[str] = Counter()
        """Decisions of this session, by action."""
        self._applied = manifest.reviews
        self._states: dict[int, State] = {}
        self._counts = Counter(each.review for each in self.segments)
        self._done: dict[str, deque[tuple[int, Decision]]] = {}
        self._bases: dict[tuple[int, int], bool] = {}
        self._lock = threading.RLock()
        self._journal = Journal(path / FILE)
        self._take_in(self._journal.read_on())

    @property
    def pending(self) -> int:
        """Decisions that are not in the rows yet."""
        return max(0, self._journal.lines - self._applied)

    def state(self, place: int) -> State:
        """What is decided about a clip."""
        segment = self.segments[place]
        return self._states.get(place) or State(segment.review, segment.text, segment.text_source)

    def window(self, place: int) -> Window:
        """The stretch of a clip that is kept, in the sound that it was first trimmed from where that is still there."""
        segment, state = self.segments[place], self.state(place)
        if state.window is not None and self._holds(place, state, state.window):
            return state.window
        num_samples = round(segment.duration_s * self.sample_rate)
        return Window(segment.sha256, 0, num_samples, segment.start_s, segment.end_s)

    def sound(self, place: int) -> Path:
        """The WAV that a clip's window is a stretch of.

        Raises:
            MediaError: it is not there.
        """
        segment, wanted = self.segments[place], self.window(place).sha256
        found = self.dataset.object_path(wanted)
        if not found.is_file() and wanted == segment.sha256:
            found = self.dataset.path / segment.path
        if not found.is_file():
            raise MediaError(f"{found} is missing", f"see: demod-voice dataset check '{self.dataset.path}'")
        return found

    def find(self, query: Query) -> list[int]:
        """Places of the clips that a query wants, in its order."""
        with self._lock:
            return self.catalogue.find(query)

    def progress(self) -> dict[str, int]:
        """How far the whole dataset is."""
        with self._lock:
            return {
                "clips": len(self.segments),
                "accepted": self._counts[ACCEPTED],
                "rejected": self._counts[REJECTED],
                "session": self.tally.total(),
            }

    def decide(self, wish: Wish) -> int:
        """Write a decision down; the clip's place. What changes nothing is not written.

        Raises:
            Stale: the clip is not as it was shown. UsageError: the wish cannot be granted. OutputError: it cannot be
            written, and is not decided.
        """
        place = self.catalogue.place_of(wish.clip)
        with self._lock, self._journal.appending() as page:
            self._take_in(page.others)
            state = self.state(place)
            if state.revision != wish.revision:
                raise Stale(f"{state.who or 'Somebody'} has changed this clip in the meantime", place)
            before, after = self._change(place, state, wish)
            if before != after:
                self._write(page, Decision(now(), wish.who, wish.clip, wish.action, before, after))
        return place

    def undo(self, who: str) -> int | None:
        """Take back the last decision of a reviewer that stands; its clip's place, or None when there is none.

        Raises:
            Stale: somebody else has changed that since; it is left as it is, and the one before is next.
            OutputError: it cannot be written.
        """
        with self._lock, self._journal.appending() as page:
            self._take_in(page.others)
            done = self._done.get(who)
            if not done:
                return None
            line, last = done[-1]
            place = self.catalogue.place_of(last.clip)
            found = self._current(place, last)
            if found != dict(last.after):
                done.pop()
                raise Stale(f"{self.state(place).who or 'Somebody'} has changed this clip since", place)
            self._write(page, Decision(now(), who, last.clip, "undo", found, last.before, line))
            return place

    def _told(self, place: int) -> Told:
        segment, state = self.segments[place], self.state(place)
        edited = state.text_source == "review" or self._is_trimmed(segment, state)
        return Told(state.review, state.text, state.text_source, edited)

    def _is_trimmed(self, segment: Segment, state: State) -> bool:
        whole = (segment.sha256, round(segment.duration_s * self.sample_rate))
        return state.window is not None and (state.window.sha256, state.window.num_samples) != whole

    def _change(self, place: int, state: State, wish: Wish) -> tuple[dict[str, Any], dict[str, Any]]:
        """What a wish finds and what it leaves."""
        if wish.action in REVIEWS:
            return {"review": state.review}, {"review": REVIEWS[wish.action]}
        if wish.action == "text":
            before = {"text": state.text, "text_source": state.text_source}
            text = checked_text(wish.text)
            return before, before if text == state.text else {"text": text, "text_source": "review"}
        if wish.action == "trim":
            window = self.window(place)
            return {"window": window.row()}, {"window": self._trim(place, window, wish).row()}
        raise UsageError(f"unknown action {wish.action[:100]!r}", f"one of: {', '.join([*REVIEWS, 'text', 'trim'])}")

    def _trim(self, place: int, window: Window, wish: Wish) -> Window:
        most = wav_info(self.sound(place)).num_samples
        last = wish.first_sample + wish.num_samples
        if wish.first_sample < 0 or last > most or wish.num_samples < min(most, SHORTEST_S * self.sample_rate):
            raise UsageError(f"a trim leaves at least {SHORTEST_S:g} s of the clip, and lies inside it")
        return window.part(wish.first_sample, wish.num_samples, self.sample_rate)

    def _current(self, place: int, decision: Decision) -> dict[str, Any]:
        """What a clip has now of what a decision left."""
        state = self.state(place)
        known: dict[str, Any] = {"review": state.review, "text": state.text, "text_source": state.text_source}
        known["window"] = self.window(place).row() if "window" in decision.after else {}
        return {name: known[name] for name in decision.after}

    def _holds(self, place: int, state: State, window: Window) -> bool:
        """True when the clip is that window: it is pending, or the clip's file holds the same samples."""
        if state.window_line > self._applied:
            return self.dataset.object_path(window.sha256).is_file() or window.sha256 == self.segments[place].sha256
        key, segment = (place, state.window_line), self.segments[place]
        if window.sha256 == segment.sha256:
            return not self._is_trimmed(segment, state)
        if key not in self._bases:
            source, clip = self.dataset.object_path(window.sha256), self.dataset.object_path(segment.sha256)
            self._bases[key] = same_sound(source, window, clip)
        return self._bases[key]

    def _write(self, page: Appender, decision: Decision) -> None:
        line = page.add(decision)
        self.tally[decision.action] += 1
        self._learn(line, decision)

    def _take_in(self, decisions: Sequence[Decision]) -> None:
        """Learn what the journal's last lines say."""
        first = self._journal.lines - len(decisions) + 1
        for line, decision in enumerate(decisions, first):
            if decision.clip in self.catalogue:
                self._learn(line, decision)

    def _learn(self, line: int, decision: Decision) -> None:
        place = self.catalogue.place_of(decision.clip)
        old = self.state(place)
        pending = line > self._applied  # else the rows have it, or a version from before was restored
        names = ("review", "text", "text_source") if pending else ()
        values: dict[str, Any] = {name: decision.after[name] for name in names if name in decision.after}
        if "window" in decision.after:
            values |= {"window": Window.of(decision.after["window"]), "window_line": line}
        state = replace(old, **values, revision=line, who=decision.who)
        self._counts[old.review] -= 1
        self._counts[state.review] += 1
        self._states[place] = state
        if decision.action != "undo":
            self._done.setdefault(decision.who, deque(maxlen=MOST_UNDONE)).append((line, decision))
            return
        for done in self._done.values():
            if done and done[-1][0] == decision.undoes:
                done.pop()


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Keep the garbage collector off a million objects that live as long as the review: it would stop the server for
    a tenth of a second at a time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def checked_text(text: str) -> str:
    """A transcript as it is kept: one line, NFC, no control characters.

    Raises:
        UsageError: it is too long, or is no text at all.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError("the text has half a character in it") from None
    flat = " ".join(unicodedata.normalize("NFC", text).split())
    if len(flat) > LONGEST_TEXT:
        raise UsageError(f"the text has {len(flat)} characters; {LONGEST_TEXT} are allowed")
    return "".join(each for each in flat if unicodedata.category(each) != "Cc")
