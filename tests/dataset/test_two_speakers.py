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
from support.scoring import MIXED, Scored, read_truth, span

from demod_voice.audio.clip import Clip
from demod_voice.audio.resample import resample
from demod_voice.config import load_settings
from demod_voice.engines.pool import Pool
from demod_voice.formats.dataset_manifest import SPLITS, Segment, read_manifest
from demod_voice.media.wav import read_wav

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CLEANED = ("clean", "hum50", "hum60", "pink", "fan", "music", "babble")
"""Disturbances that are taken out, or are soft enough to stay."""
REJECTED = {"clipped": ("clipping",), "quiet": ("rms",), "telephone": ("bandwidth",), "pops": ("plosives", "snr")}
"""Disturbance -> the gate that rejects it, and those that may as well: pops between the words are noise."""

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
    scored = Scored(read_manifest(folder / "voice"), read_truth(folder / "in"))
    print(scored.table())
    return Made(folder / "in", folder / "voice", scored)


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


def check_reasons(scored: Scored) -> None:
    """Nothing is rejected but for what lies over it: hum, noise and music are cleaned, or soft enough to stay."""
    for segment, truth in scored.pairs:
        kinds = truth.kinds(*span(segment))
        expected = {gate for kind in kinds for gate in REJECTED.get(kind, ())}
        assert set(segment.reasons) <= expected, (segment.id, kinds)
        if len(kinds) == 1 and expected:
            assert REJECTED[kinds.pop()][0] in segment.reasons, segment.id


def check_shares(scored: Scored) -> None:
    """The speech that can be kept is kept; there is something of every disturbance."""
    shares = scored.shares()
    assert set(shares) == {*HOUR, MIXED}
    for kind in CLEANED:
        assert shares[kind].kept_s >= SHARES.get(kind, 0.95) * shares[kind].possible_s, kind
    for kind in REJECTED:
        assert shares[kind].cut_s > 0.4 * shares[kind].all_s, kind
        assert shares[kind].kept_s == 0, kind


def check_words(scored: Scored) -> None:
    """No word is cut in what is rejected either, but where speech is, or in the middle of a word becomes, 45 dB softer."""
    audible = scored.only(lambda segment, truth: "quiet" not in truth.kinds(*span(segment)))
    assert audible.cut_words() == []
    assert audible.other_texts() == []
    assert len(scored.cut_words()) <= 0.01 * len(scored.pairs)


def test_two_minutes_of_two_speakers(tmp_path):
    made = built(tmp_path, [(60.0, ("clean", "hum50")), (60.0, ("pink", "music"))])
    check_rows(made)
    check_times(made, 5)
    check_reasons(made.scored)
    assert {segment.label for segment in made.scored.manifest.segments} == {"anna", "ben"}


def test_an_hour_of_two_speakers(tmp_path):
    """Four recordings, every disturbance in each."""
    made = built(tmp_path, [(900.0, HOUR)] * 4)
    check_rows(made)
    check_times(made, 10)
    check_reasons(made.scored)
    check_shares(made.scored)
    check_words(made.scored)
