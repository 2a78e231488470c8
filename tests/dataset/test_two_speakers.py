"""Two speakers, with music, hum and noise at known places: what a build makes of them, scored against the truth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import correlate
from support.corpus import HOUR, RATE, make, write
from support.scoring import MIXED, Scored, read_truth

from demod_voice.audio.clip import Clip
from demod_voice.audio.resample import resample
from demod_voice.config import load_settings
from demod_voice.engines.pool import Pool
from demod_voice.formats.dataset_manifest import SPLITS, Segment, read_manifest
from demod_voice.media.wav import read_wav

ROOT = Path(__file__).resolve().parents[2]
CLEANED = ("clean", "hum50", "hum60", "pink", "fan", "music", "babble")
"""Disturbances that are taken out, or are soft enough to stay."""
REJECTED = {"clipped": "clipping", "quiet": "rms", "telephone": "bandwidth", "pops": "plosives"}

SHARES = {"babble": 0.5, "fan": 0.85}
"""Of the speech that can be kept at all, the share that is. Six voices of babble fill the pauses; fan comes before clipped."""


@dataclass(frozen=True)
class Made:
    """A dataset, its recordings, and how they compare."""

    recordings: Path
    path: Path
    scored: Scored


def program(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """``demod-voice`` with these arguments, in a process of its own."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])
    command = [sys.executable, "-m", "demod_voice", *map(str, arguments)]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)


def built(folder: Path, recordings: list[tuple[float, tuple[str, ...]]]) -> Made:
    """Recordings of (seconds, disturbances) with subtitles and turns, built by the command."""
    with Pool(load_settings(), jobs=2) as pool:
        for number, (seconds, kinds) in enumerate(recordings, 1):
            write(folder / "in", f"interview-{number:02d}", make(number, seconds, kinds, pool), ".flac")
    done = program("dataset", "build", folder / "in", "-o", folder / "voice", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    print(f"\n{done.stdout}")
    return Made(folder / "in", folder / "voice", Scored(read_manifest(folder / "voice"), read_truth(folder / "in")))


@pytest.fixture(scope="module")
def minutes(tmp_path_factory, module_engines) -> Made:
    """Two minutes, in two recordings."""
    return built(tmp_path_factory.mktemp("minutes"), [(60.0, ("clean", "hum50")), (60.0, ("pink", "music"))])


@pytest.fixture(scope="module")
def hour(tmp_path_factory, module_engines) -> Made:
    """An hour in four recordings, every disturbance in each."""
    return built(tmp_path_factory.mktemp("hour"), [(900.0, HOUR)] * 4)


def check_rows(made: Made) -> None:
    """What holds for every clip that is kept, whatever lies over the speech; and what the rows say of all."""
    kept = made.scored.only(lambda segment, _: not segment.quarantined)
    assert kept.pairs
    assert kept.cut_words() == []
    assert kept.other_texts() == []
    assert kept.other_labels() == []
    for split in SPLITS:
        own = {each.source for each in made.scored.manifest.segments if each.split == split}
        others = {each.source for each in made.scored.manifest.segments if each.split != split}
        assert not own & others
    checked = program("dataset", "check", made.path, "--json")
    assert checked.returncode == 0, checked.stdout
    assert json.loads(checked.stdout)["findings"] == []


def check_times(made: Made, count: int) -> None:
    """Clips chosen by a seed are at the very time of the recording that their row names."""
    segments = made.scored.manifest.segments
    chosen = sorted(int(each) for each in np.random.default_rng(5).choice(len(segments), count, replace=False))
    for recording in made.scored.manifest.recordings:
        wave = samples(made.recordings / recording.name)
        for segment in (segments[each] for each in chosen if segments[each].source == recording.id):
            assert lag_samples(made.path / segment.path, wave, segment) == 0, segment.id


def samples(path: Path) -> Clip:
    """The whole of a mono FLAC, by libav itself."""
    import av

    with av.open(str(path)) as source:
        blocks = [frame.to_ndarray() for frame in source.decode(audio=0)]
    return Clip(np.concatenate(blocks, axis=1).astype(np.float32) / 32768, RATE)


def lag_samples(path: Path, source: Clip, segment: Segment) -> int:
    """Samples of 24 kHz that the clip is later than its row says, within a second.

    Differences are compared: the high-pass turns the phase of what is near its corner, and pops are loud there.
    """
    one = read_wav(path).samples[0]
    part = source.samples[:, round(segment.start_s * RATE) : round(segment.end_s * RATE)]
    other = resample(Clip(part, RATE), 24000).samples[0]
    count = min(len(one), len(other))
    found = correlate(np.diff(one[:count]), np.diff(other[:count]), "full", "fft")[
        count - 2 - 24000 : count - 1 + 24000
    ]
    return int(found.argmax()) - 24000


def test_two_minutes_of_two_speakers(minutes):
    check_rows(minutes)
    check_times(minutes, 5)
    print(minutes.scored.table())
    assert {segment.label for segment in minutes.scored.manifest.segments} == {"anna", "ben"}
    assert {reason for segment in minutes.scored.manifest.segments for reason in segment.reasons} == set()


@pytest.mark.slow
def test_an_hour_of_two_speakers(hour):
    check_rows(hour)
    check_times(hour, 10)


@pytest.mark.slow
def test_each_disturbance_of_the_hour_is_cleaned_or_rejected_for_what_it_is(hour):
    print(hour.scored.table())
    reasons, shares = hour.scored.reasons(), hour.scored.shares()
    for kind in CLEANED:
        assert set(reasons[kind]) == {"kept"}, kind
    for kind, gate in REJECTED.items():
        assert reasons[kind][gate] == hour.scored.count(kind), kind
        assert shares[kind].kept_s == 0, kind
    assert set(reasons["pops"]) <= {"plosives", "snr"}
    assert all(set(reasons[kind]) == {gate} for kind, gate in REJECTED.items() if kind != "pops")


@pytest.mark.slow
def test_the_hour_keeps_the_speech_that_can_be_kept(hour):
    shares = hour.scored.shares()
    for kind in CLEANED:
        assert shares[kind].kept_s >= SHARES.get(kind, 0.95) * shares[kind].possible_s, kind


@pytest.mark.slow
def test_no_word_of_the_hour_is_cut_in_what_is_rejected_either(hour):
    """But where the speech is 45 dB softer than that around it, or becomes so in the middle of a word."""
    audible = hour.scored.only(lambda _, kind: kind not in ("quiet", MIXED))
    assert audible.cut_words() == []
    assert audible.other_texts() == []
    assert len(hour.scored.cut_words()) <= 0.01 * len(hour.scored.pairs)
