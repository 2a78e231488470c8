"""Which recording belongs to train, val or test: by the hash of its name, length and the seed, never by clip.

One recording alone cannot be divided so; it is cut into blocks with a gap between them, and the manifest says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from demod_voice.config.settings import Splits
from demod_voice.formats.dataset_manifest import SPLITS, Dropped, Recording, Segment
from demod_voice.records.hashing import hash_json

BLOCKS = "blocks"
RECORDINGS = "recordings"
LENGTH_S = 10.0
"""Lengths are told apart in steps of this: encoders pad a recording by less, and other recordings of the same name differ."""
_RANGE = float(1 << 48)


@dataclass(frozen=True, slots=True)
class Divided:
    """The rows with their splits."""

    recordings: tuple[Recording, ...]
    segments: tuple[Segment, ...]
    dropped: tuple[Dropped, ...]
    method: str
    notes: tuple[str, ...]


def divide(
    recordings: Sequence[Recording],
    segments: Sequence[Segment],
    settings: Splits,
    seed: int,
    kept: Mapping[str, str] | None = None,
) -> Divided:
    """Give every recording, and so every segment, its split.

    Args:
        recordings: all of the dataset.
        segments: of these recordings, in time's order within each.
        settings: the shares.
        seed: of the division.
        kept: recording id -> split that was given before and stays: no recording ever moves.
    """
    files = {each.sha256 for each in recordings}
    kept = _with_copies(recordings, kept or {})
    shares = {"val": settings.val, "test": settings.test}
    if len(files) == 1 and any(shares.values()) and not any(split in SPLITS for split in kept.values()):
        return _blocks(recordings, segments, settings)
    placed = {each.id: kept.get(each.id) or _split_of(each, shares, seed) for each in recordings}
    _fill(recordings, placed, shares, seed, set(kept))
    made = tuple(replace(each, split=placed[each.id]) for each in recordings)
    own = {each.id: each.split for each in made}
    blocks = [each for each in segments if own[each.source] == BLOCKS]
    rest = tuple(replace(each, split=own[each.source]) if own[each.source] != BLOCKS else each for each in segments)
    notes = _notes(placed, shares)
    if blocks:
        notes += ("recordings that were once alone keep their blocks: they stand in more than one split",)
    return Divided(made, rest, (), RECORDINGS if not blocks else BLOCKS, notes)


def _with_copies(recordings: Sequence[Recording], kept: Mapping[str, str]) -> dict[str, str]:
    """The splits that are kept; a copy in another format goes where the recording is."""
    known = {_known_by(each): kept[each.id] for each in recordings if kept.get(each.id) in SPLITS}
    there = {each.id: known[_known_by(each)] for each in recordings if _known_by(each) in known}
    return {**there, **kept}


def _split_of(recording: Recording, shares: Mapping[str, float], seed: int) -> str:
    """By hash: the same recording and seed always give the same split, whatever else is in the dataset."""
    place = _place(recording, seed)
    if place < shares["test"]:
        return "test"
    return "val" if place < shares["test"] + shares["val"] else "train"


def _place(recording: Recording, seed: int) -> float:
    """0..1, the same for all channels of a file, and for its copies in other formats."""
    return int(hash_json(["split", *_known_by(recording), seed])[:12], 16) / _RANGE


def _known_by(recording: Recording) -> tuple[str, int]:
    """What tells recordings apart: ``talk.wav`` and ``talk.mp3`` are one, ``a/audio.wav`` and ``b/audio.wav`` are not."""
    return Path(recording.name).stem.lower(), round(recording.duration_s / LENGTH_S)


def _fill(
    recordings: Sequence[Recording], placed: dict[str, str], shares: Mapping[str, float], seed: int, kept: set[str]
) -> None:
    """A split that should have a share and has nothing gets the new recording whose hash is nearest to it."""
    for split in ("test", "val"):
        if not shares[split] or split in placed.values():
            continue
        train = {_known_by(each) for each in recordings if placed[each.id] == "train"}
        new = [each for each in recordings if placed[each.id] == "train" and each.id not in kept]
        if len(train) < 2 or not new:
            continue
        chosen = _known_by(min(new, key=lambda each: (_place(each, seed), each.id)))
        placed.update({each.id: split for each in recordings if _known_by(each) == chosen})


def _notes(placed: Mapping[str, str], shares: Mapping[str, float]) -> tuple[str, ...]:
    wanted = [split for split in SPLITS if split == "train" or shares[split]]
    return tuple(
        f"{split} is empty: no recording fell into it, and none could be spared"
        for split in wanted
        if split not in placed.values() and BLOCKS not in placed.values()
    )


def _blocks(recordings: Sequence[Recording], segments: Sequence[Segment], settings: Splits) -> Divided:
    """Test at the end, val before it, train before that, by the seconds of the segments; a gap between them.

    Where nothing would be left to train with, all of it is train.
    The channels of a file share their bounds: both hear the same moment.
    """
    in_time = sorted(segments, key=lambda each: (each.start_s, each.source))
    bounds = _bounds(in_time, settings)
    places = [_block_of(each, bounds, settings.gap_s) for each in segments]
    fit = {place for place, each in zip(places, segments, strict=True) if not each.reasons}
    if fit and "train" not in fit:
        return _all_train(recordings, segments)
    pairs = list(zip(places, segments, strict=True))
    made = [replace(each, split=place) for place, each in pairs if place]
    gap = "in the gap between two splits"
    dropped = [Dropped(each.source, each.start_s, each.end_s, gap) for place, each in pairs if not place]
    note = (
        "there is one recording only: its splits are blocks of it, "
        f"{settings.gap_s:g} s apart, and test does not tell how a model does on another recording"
    )
    divided = tuple(replace(each, split=BLOCKS) for each in recordings)
    wanted = [split for split, share in (("train", 1.0), ("val", settings.val), ("test", settings.test)) if share]
    there = {each.split for each in made}
    empty = tuple(f"{split} is empty: the recording is too short for it" for split in wanted if split not in there)
    return Divided(divided, tuple(made), tuple(dropped), BLOCKS, (note, *(empty if made else ())))


def _all_train(recordings: Sequence[Recording], segments: Sequence[Segment]) -> Divided:
    note = "there is one recording only, and it is too short to be divided: all of it is train"
    own = tuple(replace(each, split="train") for each in recordings)
    return Divided(own, tuple(replace(each, split="train") for each in segments), (), RECORDINGS, (note,))


def _bounds(segments: Sequence[Segment], settings: Splits) -> tuple[float, float]:
    """Seconds at which val and test begin: shares of what passed the gates, whatever a person decided since."""
    fit = [each for each in segments if not each.reasons]
    total = sum(each.duration_s for each in fit)
    ends = (1.0 - settings.val - settings.test, 1.0 - settings.test)
    found: list[float] = []
    heard = 0.0
    for each in fit:
        heard += each.duration_s
        while len(found) < 2 and heard > ends[len(found)] * total + 1e-6:
            found.append(each.start_s)
    while len(found) < 2:
        found.append(float("inf"))
    return found[0], found[1]


def _block_of(segment: Segment, bounds: tuple[float, float], gap_s: float) -> str:
    """The block that a segment lies in, or nothing when it is nearer to another than the gap."""
    val, test = bounds
    if segment.start_s >= test:
        return "test"
    if segment.start_s >= val:
        return "val" if segment.end_s + gap_s <= test else ""
    return "train" if segment.end_s + gap_s <= val else ""
