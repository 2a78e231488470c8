"""A dataset of ``support.corpus``'s recordings, scored against their truth: cuts, texts, speakers, gates."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from support.corpus import Stretch, TrueWord, Utterance

from demod_voice.formats.dataset_manifest import Manifest, Segment

TOLERANCE_S = 0.003
"""espeak tells its words to 3 ms."""
MIXED = "mixed"
"""Kind of a segment that lies in two stretches."""


@dataclass(frozen=True)
class Truth:
    """What was placed in one recording."""

    words: tuple[TrueWord, ...]
    utterances: tuple[Utterance, ...]
    stretches: tuple[Stretch, ...]

    def within(self, start_s: float, end_s: float) -> list[TrueWord]:
        """The words whose middle is in there."""
        return [word for word in self.words if start_s <= (word.start_s + word.end_s) / 2 < end_s]

    def kind(self, start_s: float, end_s: float) -> str:
        """The disturbance there."""
        found = self.kinds(start_s, end_s)
        return found.pop() if len(found) == 1 else MIXED

    def kinds(self, start_s: float, end_s: float) -> set[str]:
        """All disturbances there."""
        return {each.kind for each in self.stretches if each.start_s < end_s and start_s < each.end_s}


def read_truth(folder: Path) -> dict[str, Truth]:
    """Name of a recording (``interview-01``) -> its truth."""
    found = {}
    for path in sorted(folder.glob("*.truth.json")):
        data = json.loads(path.read_text())
        found[path.name.removesuffix(".truth.json")] = Truth(
            tuple(TrueWord(**each) for each in data["words"]),
            tuple(Utterance(**each) for each in data["utterances"]),
            tuple(Stretch(**each) for each in data["stretches"]),
        )
    return found


@dataclass
class Share:
    """What became of the speech below one disturbance, seconds."""

    all_s: float = 0.0
    possible_s: float = 0.0
    """In runs of one speaker that are long enough for a segment."""
    cut_s: float = 0.0
    """In segments."""
    kept_s: float = 0.0
    """In segments that no gate rejects."""


class Scored:
    """A dataset beside the truth of its recordings."""

    def __init__(self, manifest: Manifest, truths: Mapping[str, Truth]) -> None:
        self.manifest = manifest
        self.truths = {each.id: truths[each.name.rpartition(".")[0]] for each in manifest.recordings}
        self.pairs = [(segment, self.truths[segment.source]) for segment in manifest.segments]

    def only(self, wanted: Callable[[Segment, Truth], bool]) -> Scored:
        """The same of some segments only."""
        made = copy(self)
        made.pairs = [(each, truth) for each, truth in self.pairs if wanted(each, truth)]
        return made

    def cut_words(self) -> list[tuple[str, float, str]]:
        """(segment, edge, word) of every edge that lies inside a word."""
        return [
            (segment.id, edge, word.text)
            for segment, truth in self.pairs
            for edge in (segment.start_s, segment.end_s)
            for word in truth.words
            if word.start_s + TOLERANCE_S < edge < word.end_s - TOLERANCE_S
        ]

    def other_texts(self) -> list[tuple[str, str, str]]:
        """(segment, its text, what is said in it) where they differ; the letters are compared, in lower case."""
        rows = [
            (segment.id, plain(segment.text), plain(" ".join(w.text for w in truth.within(*span(segment)))))
            for segment, truth in self.pairs
        ]
        return [row for row in rows if row[1] != row[2]]

    def other_labels(self) -> list[tuple[str, str, list[str]]]:
        """(segment, its label, who speaks in it) where they differ."""
        rows = [
            (each.id, each.label, sorted({w.speaker for w in truth.within(*span(each))})) for each, truth in self.pairs
        ]
        return [row for row in rows if [row[1]] != row[2]]

    def reasons(self) -> dict[str, Counter[str]]:
        """Disturbance -> reason (or ``kept``) -> segments; a segment of two reasons counts for both."""
        found: dict[str, Counter[str]] = {}
        for segment, truth in self.pairs:
            found.setdefault(truth.kind(*span(segment)), Counter()).update(segment.reasons or ("kept",))
        return found

    def shares(self) -> dict[str, Share]:
        """Disturbance -> what became of its speech."""
        found: dict[str, Share] = {}
        for source, truth in self.truths.items():
            segments = [segment for segment, _ in self.pairs if segment.source == source]
            runs = self._runs(truth)
            for word in truth.words:
                share = found.setdefault(truth.kind(word.start_s, word.end_s), Share())
                middle, length_s = (word.start_s + word.end_s) / 2, word.end_s - word.start_s
                inside = [each for each in segments if each.start_s <= middle < each.end_s]
                share.all_s += length_s
                share.possible_s += length_s * any(start <= middle < end for start, end in runs)
                share.cut_s += length_s * bool(inside)
                share.kept_s += length_s * any(not each.quarantined for each in inside)
        return found

    def _runs(self, truth: Truth) -> list[tuple[float, float]]:
        """Speech of one person that is long enough for a segment, without a pause too long for one."""
        asked = self.manifest.settings["segments"]
        runs: list[list[Utterance]] = []
        for each in truth.utterances:
            last = runs[-1][-1] if runs else None
            if last and last.speaker == each.speaker and each.start_s - last.end_s <= asked["join_s"]:
                runs[-1].append(each)
            else:
                runs.append([each])
        shortest_s = asked["min_s"] - 2 * asked["margin_ms"] / 1000
        return [(run[0].start_s, run[-1].end_s) for run in runs if run[-1].end_s - run[0].start_s >= shortest_s]

    def table(self) -> str:
        """Disturbances, what is kept of their speech, and what rejects the rest."""
        reasons = self.reasons()
        rows = [f"{'disturbance':<12}{'speech':>8}{'possible':>10}{'in clips':>10}{'kept':>8}  segments"]
        for kind, each in self.shares().items():
            told = ", ".join(f"{name} {count}" for name, count in reasons.get(kind, Counter()).most_common())
            shares = [f"{part / each.all_s:.1%}" for part in (each.possible_s, each.cut_s, each.kept_s)]
            rows.append(f"{kind:<12}{each.all_s:7.0f}s{shares[0]:>10}{shares[1]:>10}{shares[2]:>8}  {told}")
        dropped = Counter(each.reason for each in self.manifest.dropped)
        rows.append(f"left out: {', '.join(f'{name} {count}' for name, count in dropped.most_common()) or 'nothing'}")
        return "\n".join(rows)


def span(segment: Segment) -> tuple[float, float]:
    """Its times."""
    return segment.start_s, segment.end_s


def plain(text: str) -> str:
    """Letters in lower case, words one space apart."""
    return " ".join("".join(letter for letter in text.lower() if letter.isalnum() or letter == " ").split())
