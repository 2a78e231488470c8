"""Which recording belongs to train, val or test: by the hash of its name and the seed, never by clip.

One recording alone cannot be divided so; it is cut into blocks with a gap between them, and the manifest says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from demod_voice.config.settings import Splits
from demod_voice.formats.dataset_manifest import SPLITS, Dropped, Recording, Segment
from demod_voice.records.hashing import hash_json

BLOCKS = "blocks"
RECORDINGS = "recordings"
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
    kept = kept or {}
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


def _split_of(recording: Recording, shares: Mapping[str, float], seed: int) -> str:
    """By hash: the same name and seed always give the same split, whatever else is in the dataset."""
    place = _place(recording, seed)
    if place < shares["test"]:
        return "test"
    return "val" if place < shares["test"] + shares["val"] else "train"


def _place(recording: Recording, seed: int) -> float:
    """0..1, the same for all channels of a file."""
    return int(hash_json(["split", recording.name, seed])[:12], 16) / _RANGE


def _fill(
    recordings: Sequence[Recording], placed: dict[str, str], shares: Mapping[str, float], seed: int, kept: set[str]
) -> None:
    """A split that should have a share and has nothing gets the new recording whose hash is nearest to it."""
    for split in ("test", "val"):
        if not shares[split] or split in placed.values():
            continue
        train = {each.name for each in recordings if placed[each.id] == "train"}
        new = sorted({each.name for each in recordings if placed[each.id] == "train" and each.id not in kept})
        if len(train) < 2 or not new:
            continue
        chosen = min(new, key=lambda name: _place(next(each for each in recordings if each.name == name), seed))
        placed.update({each.id: split for each in recordings if each.name == chosen})


def _notes(placed: Mapping[str, str], shares: Mapping[str, float]) -> tuple[str, ...]:
    wanted = [split for split in SPLITS if split == "train" or shares[split]]
    return tuple(
        f"{split} is empty: no recording fell into it, and none could be spared"
        for split in wanted
        if split not in placed.values() and BLOCKS not in placed.values()
    )


def _blocks(recordings: Sequence[Recording], segments: Sequence[Segment], settings: Splits) -> Divided:
    """Test at the end, val before it, train before that, by the seconds of the segments; a gap between them.

    The channels of a file share their bounds: both hear the same moment.
    """
    in_time = sorted(segments, key=lambda each: (each.start_s, each.source))
    bounds = _bounds(in_time, settings)
    made, dropped = [], []
    for each in segments:
        split = _block_of(each, bounds, settings.gap_s)
        if split:
            made.append(replace(each, split=split))
        else:
            dropped.append(Dropped(each.source, each.start_s, each.end_s, "in the gap between two splits"))
    note = (
        "there is one recording only: its splits are blocks of it, "
        f"{settings.gap_s:g} s apart, and test does not tell how a model does on another recording"
    )
    divided = tuple(replace(each, split=BLOCKS) for each in recordings)
    wanted = [split for split, share in (("train", 1.0), ("val", settings.val), ("test", settings.test)) if share]
    there = {each.split for each in made}
    empty = tuple(f"{split} is empty: the recording is too short for it" for split in wanted if split not in there)
    return Divided(divided, tuple(made), tuple(dropped), BLOCKS, (note, *(empty if made else ())))


def _bounds(segments: Sequence[Segment], settings: Splits) -> tuple[float, float]:
    """Seconds at which val and test begin: shares of what is fit to be used."""
    fit = [each for each in segments if not each.quarantined]
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
