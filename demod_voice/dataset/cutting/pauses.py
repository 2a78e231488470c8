"""Phrases: speech between pauses that are long enough to be no part of a word.

A detector's frames are 32 ms long and its edges lie up to 100 ms off, so the level of each 10 ms decides where a phrase
really begins and ends. Times are whole milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demod_voice.analysis.speech_track import FRAME_S, SpeechTrack
from demod_voice.config.settings import Segments

HOP_MS = 10
"""Milliseconds of a value of the envelope."""
PAUSE_MS = 150
"""Shortest pause between phrases. Stop closures inside a word last 50 to 120 ms, rarely more.
Source: Byrd, "Preliminary results on speaker-dependent variation in the TIMIT database", JASA 92 (1992)."""
WEAK_PAUSE_MS = 110
"""Shortest pause that a phrase longer than a segment is split at; the detector must have heard it too."""
WORD_GAP_MS = 50
"""The same between two words whose times are known."""
WORD_EDGE_MS = 20
"""Known times of words are off by so much."""
DOUBT = 0.5
"""A pause is heard where the probability falls to this share of the threshold. (In noise it falls to the threshold in
closures of 170 ms; measured on espeak's words at 15 dB over pink noise, fan and babble.)"""
REACH_MS = 200
"""So far from the detector's edges sound may belong to the word: a burst after a closure, a soft onset."""
FOLLOW_MS = 600
"""So far sound is followed that goes on from what the detector heard."""
CLOSURE_MS = 80
"""It goes on over a closure of this length."""
ABOVE_FLOOR_DB = 5.0
"""Over the level of the pauses around: three deviations of 10 ms of noise."""
BELOW_SPEECH_DB = 40.0
"""Under the loud parts of the speech around: below it the end of a word is not heard."""
LAG_MS = 500
"""A detector lags behind the level by less; what is soft for longer, and still speech to it, is soft speech."""
NOISY_DB = 20.0
"""Where speech stands less above the pauses its soft sounds drown in noise, and the detector alone is believed."""
CLEAR_DB = 30.0
"""Where it stands more above them, the level alone tells a pause from a soft sound."""
_BLOCK = 250
"""Values of the envelope that share a floor: 2.5 s."""
_OWN = 100
"""Values of speech from which a block is believed by itself."""
_FEWEST = 20
"""Values of non-speech that make a floor: 0.2 s; with fewer the nearest floor stands, or the softest moments if louder."""
_LOWEST_DBFS = -120.0
_SLAB = 512

Levels = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Phrase:
    """Speech without a pause."""

    start_ms: int
    end_ms: int

    @property
    def duration_ms(self) -> int:
        """Its length."""
        return self.end_ms - self.start_ms


def find_phrases(
    track: SpeechTrack,
    envelope_dbfs: Levels,
    duration_s: float,
    settings: Segments,
    words_ms: Sequence[tuple[int, int]] = (),
    changes_ms: Sequence[tuple[int, int]] = (),
) -> tuple[Phrase, ...]:
    """Phrases of a recording, in order.

    Args:
        track: where the detector found speech.
        envelope_dbfs: level of each 10 ms, shape (n,); -inf is silence.
        duration_s: of the recording; nothing lies outside it.
        settings: the threshold, and the longest segment: a longer phrase is split at weaker pauses.
        words_ms: start and end of every word, where they are known: then no phrase ends inside one, and a phrase that is
            too long is split at any pause between two.
        changes_ms: where the speaker changes: noise that the detector does not hear as speech is a pause there, however
            loud it is.
    """
    size = max(0, int(duration_s * 1000)) // HOP_MS
    if size == 0 or not len(track.probabilities):
        return ()
    levels, chances = _levels(envelope_dbfs, size), _chances(track, size)
    threshold = settings.speech_threshold
    inside = _inside(words_ms, size)
    heard = _heard(track, size, threshold) | inside
    floor, loud = _around(levels, heard)
    changes = _spread(changes_ms, size) & ~heard
    speech = (_speech(levels, heard, floor, loud) | inside) & ~changes
    sure = (loud - floor >= CLEAR_DB) | (chances < DOUBT * threshold) | changes
    whole = _bridged(speech, sure, PAUSE_MS // HOP_MS)
    most = int(settings.max_s * 1000 - 2 * settings.margin_ms) // HOP_MS
    phrases: list[Phrase] = []
    for start, end in _runs(whole):
        if not heard[start:end].any():
            continue
        if end - start > most and len(words_ms):
            found = _runs(_bridged(speech[start:end], ~inside[start:end], WORD_GAP_MS // HOP_MS))
        elif end - start > most:
            found = _runs(_bridged(speech[start:end], chances[start:end] < threshold, WEAK_PAUSE_MS // HOP_MS))
        else:
            found = [(0, end - start)]
        phrases += [Phrase((start + begin) * HOP_MS, (start + until) * HOP_MS) for begin, until in found]
    return tuple(phrases)


def _inside(words_ms: Sequence[tuple[int, int]], size: int) -> Mask:
    """True for each 10 ms that is inside a word."""
    return _spread([(start + WORD_EDGE_MS, end - WORD_EDGE_MS) for start, end in words_ms], size)


def _spread(spans_ms: Sequence[tuple[int, int]], size: int) -> Mask:
    """True for each 10 ms that a span touches."""
    mask = np.zeros(size, bool)
    for start, end in spans_ms:
        mask[max(0, start) // HOP_MS : max(0, -(-end // HOP_MS))] = True
    return mask


def _levels(envelope_dbfs: Levels, size: int) -> Levels:
    """The envelope as long as the recording, without infinities."""
    levels = np.full(size, _LOWEST_DBFS, np.float32)
    known = np.nan_to_num(envelope_dbfs[:size], nan=_LOWEST_DBFS, posinf=0.0, neginf=_LOWEST_DBFS)
    levels[: len(known)] = np.maximum(known, _LOWEST_DBFS)
    return levels


def _chances(track: SpeechTrack, size: int) -> Levels:
    """The detector's probability for each 10 ms."""
    frames = ((np.arange(size) + 0.5) * HOP_MS / 1000 / FRAME_S).astype(np.int64)
    known = np.append(track.probabilities, np.float32(0.0))
    return np.asarray(known[np.minimum(frames, len(track.probabilities))])


def _heard(track: SpeechTrack, size: int, threshold: float) -> Mask:
    """True for each 10 ms that the detector takes as speech."""
    mask = np.zeros(size, bool)
    for region in track.regions(threshold):
        mask[round(region.start_s * 1000 / HOP_MS) : round(region.end_s * 1000 / HOP_MS)] = True
    return mask


def _speech(levels: Levels, heard: Mask, floor: Levels, loud: Levels) -> Mask:
    """What is speech: loud enough and within the detector's reach, or in noise what the detector says."""
    active = levels >= np.maximum(floor + ABOVE_FLOOR_DB, loud - BELOW_SPEECH_DB)
    near = _grown(heard, REACH_MS // HOP_MS)
    everywhere = np.ones(len(active), bool)
    going_on = _bridged(active, everywhere, CLOSURE_MS // HOP_MS) & _grown(heard, FOLLOW_MS // HOP_MS)
    followed = _joined(going_on, active & near) & active
    speech = np.where(loud - floor >= NOISY_DB, (active & near) | followed, heard)
    for begin, end in _runs(heard & ~speech):
        if end - begin > LAG_MS // HOP_MS or not speech[max(0, begin - 1) : end + 1].any():
            speech[begin:end] = True
    return np.asarray(speech)


def _joined(mask: Mask, seeds: Mask) -> Mask:
    """Those runs of the mask that hold a seed."""
    edges = np.diff(np.concatenate(([0], mask.astype(np.int8), [0])))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    total = np.concatenate(([0], np.cumsum(seeds)))
    keep = total[ends] > total[starts]
    steps = np.zeros(len(mask) + 1, np.int8)
    steps[starts[keep]] = 1
    steps[ends[keep]] -= 1
    return np.asarray(np.cumsum(steps[:-1]) > 0)


def _around(levels: Levels, heard: Mask) -> tuple[Levels, Levels]:
    """Level of the pauses, and of the loud parts of the speech, around each 10 ms.

    Where the level changes at once (another microphone, another place), the blocks around say nothing of this one.
    """
    count = -(-len(levels) // _BLOCK)
    everything = np.ones(len(levels), bool)
    pauses = _quantiles(levels, ~_grown(heard, 5), 0.5, count)
    lowest = _quantiles(levels, everything, 0.02, count)
    floor = np.where(np.isnan(pauses), np.fmax(_nearest(pauses), lowest), pauses)
    loud = _quantiles(levels, heard, 0.9, count)
    own = _quantiles(levels, heard, 0.9, count, around=0, fewest=_OWN)
    changed = own < loud - NOISY_DB
    floor = np.where(changed, np.fmin(floor, _quantiles(levels, everything, 0.02, count, around=0)), floor)
    loud = np.where(changed, own, loud)
    floor, loud = np.nan_to_num(floor, nan=_LOWEST_DBFS), np.where(np.isnan(loud), floor, loud)
    spread = np.arange(len(levels)) // _BLOCK
    return floor[spread].astype(np.float32), loud[spread].astype(np.float32)


def _quantiles(
    levels: Levels, mask: Mask, share: float, count: int, around: int = 2, fewest: int = _FEWEST
) -> NDArray[np.float64]:
    """A quantile of the masked values in each block and so many around it, shape (count,); NaN where there are too few."""
    padded = np.full((count + 2 * around) * _BLOCK, np.inf, np.float32)
    padded[around * _BLOCK : around * _BLOCK + len(levels)] = np.where(mask, levels, np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * around + 1) * _BLOCK)[::_BLOCK][:count]
    found = np.full(count, np.nan)
    for begin in range(0, count, _SLAB):
        rows = np.sort(windows[begin : begin + _SLAB], axis=1)
        known = np.isfinite(rows).sum(axis=1)
        picked = rows[np.arange(len(rows)), (share * np.maximum(known - 1, 0)).astype(np.int64)]
        found[begin : begin + len(rows)] = np.where(known >= fewest, picked, np.nan)
    return found


def _nearest(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """NaN filled with the nearest known value; all NaN when there is none."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return values
    after = np.searchsorted(known, np.arange(len(values)))
    left, right = known[np.maximum(after - 1, 0)], known[np.minimum(after, len(known) - 1)]
    at = np.arange(len(values))
    return np.asarray(values[np.where(np.abs(at - left) <= np.abs(right - at), left, right)])


def _grown(mask: Mask, reach: int) -> Mask:
    """The mask, and so many values on both sides of each run."""
    total = np.concatenate(([0], np.cumsum(mask)))
    at = np.arange(len(mask))
    return np.asarray(total[np.minimum(at + reach + 1, len(mask))] > total[np.maximum(at - reach, 0)])


def _bridged(mask: Mask, sure: Mask, shortest: int) -> Mask:
    """The mask with those gaps filled that are shorter than ``shortest``, or in which nothing is sure."""
    whole = mask.copy()
    for begin, end in _runs(~mask):
        if begin > 0 and end < len(mask) and (end - begin < shortest or not sure[begin:end].any()):
            whole[begin:end] = True
    return whole


def _runs(mask: Mask) -> list[tuple[int, int]]:
    """(first, after the last) of each run of True."""
    edges = np.diff(np.concatenate(([0], mask.astype(np.int8), [0])))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))
