"""Small datasets of real sound, laid out by ``store.Dataset`` itself: seeded clips, texts, splits and reasons."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from demod_voice.audio.clip import Clip
from demod_voice.dataset.store import Dataset
from demod_voice.formats.dataset_manifest import Anchor, Dropped, Manifest, Recording, Segment
from demod_voice.media.wav import write_wav
from demod_voice.records.hashing import hash_bytes

WORDS = (
    "amber basket candle drawer engine forest garden harbour island jacket kettle ladder meadow needle orchard pepper "
    "quarry ribbon saddle timber umbrella valley window yellow zebra anchor bridge copper dinner elbow"
).split()
GAP_S = 0.5
SPLITS_IN_TURN = ("train", "val", "test")


def make_dataset(
    folder: Path,
    recordings: int = 3,
    segments: int = 4,
    *,
    seconds: float = 1.0,
    sample_rate: int = 24000,
    encoding: str = "pcm_s16le",
    speakers: Sequence[str] = ("anna",),
    quarantined: int = 0,
    anchors: int = 0,
    seed: int = 1,
    name: str = "voice",
) -> Dataset:
    """A dataset of ``recordings`` x ``segments`` clips, committed once.

    Args:
        folder: where it goes.
        recordings: number 0 is in train, 1 in val, 2 in test, 3 in train again ...; speakers take turns likewise.
        segments: of each recording; ``seconds`` long each, half a second apart.
        seconds: length of a clip.
        sample_rate: Hz.
        encoding: of the WAVs.
        speakers: names, in turn.
        quarantined: so many of each recording, the last ones, have the reason ``snr``.
        anchors: so many of the first recording's segments are anchors too.
        seed: other seeds give other sound, other texts and other recordings.
        name: the dataset's.
    """
    dataset = Dataset(folder)
    made = [_recording(number, segments, seconds, sample_rate, speakers, seed) for number in range(recordings)]
    rows = [
        _segment(dataset, each, number, place, (seconds, sample_rate, encoding, seed))
        for number, each in enumerate(made)
        for place in range(segments)
    ]
    judged = (
        replace(row, reasons=("snr",)) if n % segments >= segments - quarantined else row for n, row in enumerate(rows)
    )
    rows = list(judged)
    manifest = Manifest(
        name=name,
        created="2026-01-02T03:04:05Z",
        sample_rate=sample_rate,
        encoding=encoding,
        settings={"sample_rate": sample_rate, "encoding": encoding, "seed": seed, "splits": {"gap_s": 10.0}},
        recordings=tuple(made),
        segments=tuple(rows),
        dropped=tuple(Dropped(each.id, each.duration_s - GAP_S, each.duration_s, "short") for each in made),
        anchors=tuple(
            Anchor(f"anchor_{n + 1:02d}", row.id, row.speaker, row.text, row.sha256, row.duration_s)
            for n, row in enumerate(rows[:anchors])
        ),
    )
    with Dataset.writing(folder, new=True) as opened:
        opened.commit(manifest, "dataset build")
    return dataset


def clip_of(seed: int, seconds: float, sample_rate: int) -> Clip:
    """The sound of one clip: seeded syllables of tones of their own, with soft noise below; no two seeds sound alike."""
    rng = np.random.default_rng(seed)
    wave = 0.003 * rng.standard_normal(round(seconds * sample_rate))
    starts = np.cumsum(rng.uniform(0.12, 0.3, max(1, int(seconds / 0.12))))
    for start, width in zip(starts, rng.uniform(0.06, 0.16, len(starts)), strict=True):
        pitch, strengths = rng.uniform(90, 250), 0.1 * rng.uniform(0, 1, 24) ** 4
        part = wave[round(start * sample_rate) :][: round(width * sample_rate)]
        time_s = np.arange(len(part)) / sample_rate
        tones = np.sin(2 * np.pi * pitch * np.outer(np.arange(1, 25), time_s))
        part += np.sin(np.pi * time_s / width) ** 2 * (strengths @ tones)
    return Clip(wave.astype(np.float32).reshape(1, -1), sample_rate)


def sentence(number: int) -> str:
    """A text of its own for every number: six words and a full stop."""
    return f"{' '.join(random.Random(number).sample(WORDS, 6))}.".capitalize()


def _recording(number: int, segments: int, seconds: float, rate: int, speakers: Sequence[str], seed: int) -> Recording:
    sha256 = hash_bytes(f"recording {number} of {seed}".encode())
    return Recording(
        id=f"talk{number}-{sha256[:6]}",
        name=f"talk{number}.wav",
        sha256=sha256,
        duration_s=segments * (seconds + GAP_S) + 2 * GAP_S,
        sample_rate=rate,
        num_channels=1,
        codec="pcm_s16le",
        container="wav",
        speaker=speakers[number % len(speakers)],
        split=SPLITS_IN_TURN[number % 3],
        speech_s=segments * seconds,
        detector="energy",
    )


def _segment(
    dataset: Dataset, source: Recording, number: int, place: int, form: tuple[float, int, str, int]
) -> Segment:
    seconds, rate, encoding, seed = form
    start_s = GAP_S + place * (seconds + GAP_S)
    clip = clip_of(seed * 100_000 + number * 1000 + place, seconds, rate)
    made = dataset.hidden / "work" / "clip.wav"
    made.parent.mkdir(parents=True, exist_ok=True)
    write_wav(made, clip, encoding)
    return Segment(
        id=f"{source.id}_{round(start_s * 1000):08d}",
        source=source.id,
        start_s=start_s,
        end_s=start_s + clip.num_samples / rate,
        duration_s=clip.num_samples / rate,
        text=sentence(seed * 10_000 + number * 1000 + place),
        speaker=source.speaker,
        split=source.split,
        sha256=dataset.keep(made),
        text_source="transcript",
        qc={"rms_dbfs": -20.0, "snr_db": 30.0 + place, "hum_db": None},
    )
