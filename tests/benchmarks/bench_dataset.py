"""One hour of MP3 speech into a dataset, without recognition or embeddings, beside what people use for it today.

    python tests/benchmarks/bench_dataset.py [--minutes 60] [--repeat 3] [--stereo] [--hard] [--ten-hours] [--peers FOLDER]

Every row is a command in a process of its own, started cold, the three in turn on the same file. ``auditok`` is the usual
script: pydub reads, mixes, resamples and normalises to a peak, auditok splits by energy. ``ffmpeg-normalize`` goes to
-19 LUFS and -1 dBTP at 24 kHz; ffmpeg's silencedetect finds pauses, and one more pass cuts at them. Both are installed
by pip into an environment of their own; ffmpeg is the system's. The work is not equal: what each does is printed, and what
ours does more is part of ours' time.

The words of the recording are known, so the edges that fall into one are counted for each (more than 30 ms from its ends:
an MP3 is late by its encoder's delay). After that: the same build again, one recording added to ten, and ten hours.
The engines are those that ``bin/test`` sets up, or those of the settings.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "backends" / "_sdk")]

from support.corpus import HOUR, Made, TrueWord, encode, make  # noqa: E402 (the path comes first)
from support.costs import Cost, cost_of  # noqa: E402

from demod_voice.audio.clip import Clip  # noqa: E402
from demod_voice.config import load_settings  # noqa: E402
from demod_voice.engines.pool import Pool  # noqa: E402
from demod_voice.formats.dataset_manifest import read_manifest  # noqa: E402
from demod_voice.media.wav import write_wav  # noqa: E402

COMMON = ("clean", "hum50", "pink", "music", "clean", "babble", "fan", "clean")
"""What an hour of recordings is like; ``--hard`` takes ``HOUR``, with clipped, popping, faint and telephone speech."""
DELAY_S = 0.03
ENGINES_HOMES = (ROOT / ".demod-voice" / "test-engines", ROOT / ".venv-test" / "engines")
DOES = """24 kHz mono, hum and steady noise out, -19 LUFS, -1 dBTP; speech by a model; cuts at pauses, 5-15 s, with margins;
    every clip measured and judged; splits, rows, hashes, reasons of what is left out"""
AUDITOK_DOES = """24 kHz mono, peak at -1 dBFS; cuts by level, 5-15 s.
    No hum, no noise, no loudness, no speech model, no measures, no splits, no rows; the whole recording in memory"""
SILENCE_DOES = """24 kHz mono, -19 LUFS, -1 dBTP; cuts by level, 5 s or more.
    No hum, no noise, no speech model, no longest clip, no measures, no splits, no rows"""
Span = tuple[float, float]

AUDITOK = """
import json, sys
import auditok
from pydub import AudioSegment, effects

path, out = sys.argv[1:]
sound = AudioSegment.from_file(path).set_channels(1).set_frame_rate(24000)
sound = effects.normalize(sound, headroom=1.0)
form = dict(sampling_rate=24000, sample_width=sound.sample_width, channels=1)
spans = []
for number, region in enumerate(auditok.split(sound.raw_data, min_dur=5, max_dur=15, max_silence=0.3, **form)):
    region.save(f"{out}/{number:05d}.wav")
    spans.append((region.start, region.end))
print(json.dumps(spans))
"""

SILENCE = """
import json, re, subprocess, sys

normalize, path, out = sys.argv[1:]
wav = f"{out}/normalized.wav"
form = ["-ar", "24000", "-c:a", "pcm_s16le", "-e", "-ac 1"]
subprocess.run([normalize, path, "-nt", "ebu", "-t", "-19", "-tp", "-1", *form, "-o", wav, "-f", "-q"], check=True)
find = ["ffmpeg", "-hide_banner", "-nostats", "-i", wav, "-af", "silencedetect=noise=-40dB:d=0.3", "-f", "null", "-"]
told = subprocess.run(find, check=True, capture_output=True, text=True).stderr
starts = [float(each) for each in re.findall(r"silence_start: (-?[0-9.]+)", told)]
ends = [float(each) for each in re.findall(r"silence_end: ([0-9.]+)", told)]
hours, minutes, seconds = re.search(r"Duration: (\\d+):(\\d+):([0-9.]+)", told).groups()
whole = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
cuts = [0.0]
for start, end in zip(starts, ends):
    middle = (start + end) / 2
    if middle - cuts[-1] >= 5:
        cuts.append(middle)
times = ",".join(f"{each:.3f}" for each in cuts[1:])
cut = ["-f", "segment", "-segment_times", times, "-c", "copy", f"{out}/%05d.wav"]
subprocess.run(["ffmpeg", "-v", "error", "-i", wav, *cut], check=True)
print(json.dumps(list(zip(cuts, [*cuts[1:], whole]))))
"""


@dataclass(frozen=True)
class Way:
    """One way from a recording to clips."""

    name: str
    command: Callable[[Path, Path], list[str | Path]]
    """Of the recording and a folder that does not exist yet."""
    spans: Callable[[Cost, Path], list[Span]]
    """What it cut, in seconds of the recording."""
    does: str
    """With the sound and the clips, for people."""


def environment() -> dict[str, str]:
    """The caller's, with this program and the engines of the set-up."""
    made = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])}
    for home in ENGINES_HOMES:
        if home.is_dir():
            return {**made, "XDG_DATA_HOME": str(home)}
    return made


def build(recordings: Sequence[Path], out: Path) -> list[str | Path]:
    """The command that is measured."""
    program = [sys.executable, "-m", "demod_voice", "dataset", "build", *recordings, "-o", out]
    return [*program, "--jobs", "2", "--no-text", "--no-report"]


def ours() -> Way:
    """This program."""

    def spans(_: Cost, out: Path) -> list[Span]:
        return [(each.start_s, each.end_s) for each in read_manifest(out).segments]

    return Way("demod-voice", lambda recording, out: build([recording], out), spans, DOES)


def peers(folder: Path) -> list[Way]:
    """The other ways; one that cannot be had is said."""
    if not (folder / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    if not shutil.which("ffmpeg"):
        print("no ffmpeg here: neither of the other ways can be measured")
        return []
    found = []
    normalize = folder / "bin" / "ffmpeg-normalize"
    for name, packages, code, tool, does in (
        ("auditok + pydub", ("auditok", "pydub"), AUDITOK, (), AUDITOK_DOES),
        ("ffmpeg-normalize + silence", ("ffmpeg-normalize",), SILENCE, (normalize,), SILENCE_DOES),
    ):
        done = subprocess.run([folder / "bin" / "pip", "install", "-q", *packages], capture_output=True, text=True)
        if done.returncode:
            print(f"{name} cannot be measured: {done.stderr.strip().splitlines()[-1]}")
            continue
        versions = subprocess.run([folder / "bin" / "pip", "freeze"], capture_output=True, text=True).stdout.split()
        print(
            f"{name}: {', '.join(each for each in versions if each.partition('==')[0].replace('_', '-') in packages)}"
        )
        found.append(_peer(name, folder / "bin" / "python", code, tool, does))
    return found


def _peer(name: str, python: Path, code: str, tool: Sequence[Path], does: str) -> Way:
    def command(recording: Path, out: Path) -> list[str | Path]:
        out.mkdir()
        return [python, "-c", code, *tool, recording, out]

    return Way(name, command, lambda cost, _: [(a, b) for a, b in json.loads(cost.output.splitlines()[-1])], does)


def compare(recording: Path, words: Sequence[TrueWord], ways: Sequence[Way], repeat: int, folder: Path) -> None:
    """The table: medians of runs that take turns."""
    costs: dict[str, list[Cost]] = {way.name: [] for way in ways}
    cut: dict[str, list[Span]] = {}
    for number in range(repeat):
        for place, way in enumerate(ways):
            out = folder / f"out-{place}-{number}"
            cost = cost_of(way.command(recording, out), environment())
            costs[way.name].append(cost)
            cut[way.name] = way.spans(cost, out)
            shutil.rmtree(out)
    heads = ("wall s", "CPU s", "RSS MB", "PSS MB", "clips", "minutes", "5-15 s", "in words", "of ours")
    print(f"\n{'':28}" + "".join(f"{each:>10}" for each in heads))
    base = statistics.median(each.wall_s for each in costs[ways[0].name])
    for name, runs in costs.items():
        print(f"{name:28}{_costs(runs)}{_clips(cut[name], words)}{_median(runs, 'wall_s') / base:9.2f}x")
    for way in ways:
        print(f"{way.name}: {way.does}")


def _median(runs: Sequence[Cost], name: str) -> float:
    return statistics.median(getattr(each, name) for each in runs)


def _costs(runs: Sequence[Cost]) -> str:
    """Medians of the seconds; the most of the memory."""
    memory = [max(getattr(each, name) for each in runs) for name in ("rss_mb", "pss_mb")]
    return f"{_median(runs, 'wall_s'):10.1f}{_median(runs, 'cpu_s'):10.1f}{memory[0]:10.0f}{memory[1]:10.0f}"


def _clips(spans: Sequence[Span], words: Sequence[TrueWord]) -> str:
    """How many, how long, how many of a length that was asked for, and how many edges fall into a word."""
    fit = sum(5 - 0.02 <= end - start <= 15 + 0.02 for start, end in spans)
    edges = [edge for span in spans for edge in span]
    inside = sum(any(w.start_s + DELAY_S < edge - DELAY_S / 2 < w.end_s - DELAY_S for w in words) for edge in edges)
    minutes = sum(end - start for start, end in spans) / 60
    return f"{len(spans):10}{minutes:10.1f}{fit / max(1, len(spans)):10.0%}{inside:10}"


def again(recording: Path, folder: Path) -> None:
    """A build, and the same build once more."""
    print(f"\n{'':44}{'wall s':>10}{'CPU s':>10}{'RSS MB':>10}{'PSS MB':>10}")
    for name in ("one recording", "the same once more, nothing changed"):
        print(f"{name:44}{_costs([cost_of(build([recording], folder / 'again'), environment())])}")


def one_more(made: Made, seed: int, folder: Path) -> None:
    """Ten recordings of a tenth each, then an eleventh; beside the eleventh alone."""
    parts = (folder / "parts").resolve()
    parts.mkdir()
    wave, rate = made.clip.samples, made.clip.sample_rate
    length = made.clip.num_samples // 10
    for number in range(10):
        _mp3(Clip(wave[:, number * length : (number + 1) * length], rate), parts / f"part-{number:02d}.mp3")
    eleventh = _mp3(_made(seed, length / rate / 60, COMMON[:1]).clip, folder / "eleventh.mp3")
    ten = sorted(parts.iterdir())
    data = folder / "ten"
    add = [sys.executable, "-m", "demod_voice", "dataset", "add", data, eleventh, "--no-report", "--set", "jobs=2"]
    rows: list[tuple[str, list[str | Path]]] = [
        ("ten recordings of a tenth", build(ten, data)),
        ("dataset build with an eleventh", build([*ten, eleventh], data)),
        ("dataset build with nothing new", build([*ten, eleventh], data)),
        ("the eleventh alone", build([eleventh], folder / "eleven")),
    ]
    for name, command in rows:
        print(f"{name:44}{_costs([cost_of(command, environment())])}")
    shutil.rmtree(data)
    cost_of(build(ten, data), environment())
    print(f"{'dataset add of the eleventh':44}{_costs([cost_of(add, environment())])}")


def ten_hours(recording: Path, folder: Path) -> None:
    """The recording ten times in one MP3."""
    joined = folder / "ten-times.mp3"
    with joined.open("wb") as file:
        for _ in range(10):
            file.write(recording.read_bytes())
    print(f"{'ten times as long, in one MP3':44}{_costs([cost_of(build([joined], folder / 'long'), environment())])}")
    (long,) = read_manifest(folder / "long").recordings
    print(f"  read: {long.duration_s / 3600:.2f} h, {len(read_manifest(folder / 'long').segments)} clips")


def _made(seed: int, minutes: float, kinds: Sequence[str]) -> Made:
    os.environ.update({key: value for key, value in environment().items() if key == "XDG_DATA_HOME"})
    with Pool(load_settings(), jobs=2) as pool:
        return make(seed, minutes * 60, kinds, pool)


def _stereo(clip: Clip) -> Clip:
    """The right channel 3 dB under the left."""
    return Clip(np.concatenate([clip.samples, clip.samples * 0.708]), clip.sample_rate)


def _mp3(clip: Clip, path: Path) -> Path:
    write_wav(path.with_suffix(".wav"), clip)
    encode(path.with_suffix(".wav"), path)
    path.with_suffix(".wav").unlink()
    return path


def main() -> None:
    """Make the hour, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="length of the recording")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each way; medians are told")
    parser.add_argument("--stereo", action="store_true", help="the recording has two channels (default: one)")
    parser.add_argument("--hard", action="store_true", help="with clipped, popping, faint and telephone speech")
    parser.add_argument("--ten-hours", action="store_true", help="also ten times the recording in one file")
    parser.add_argument("--peers", type=Path, help="environment of the other ways, to be kept (default: thrown away)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = _made(1, args.minutes, HOUR if args.hard else COMMON)
        recording = _mp3(_stereo(made.clip) if args.stereo else made.clip, folder / "hour.mp3")
        ways = [ours(), *peers(args.peers or folder / "peers")]
        cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
        channels = "stereo" if args.stereo else "mono"
        print(
            f"{args.minutes:g} minutes, {channels}, {recording.stat().st_size / 1e6:.0f} MB; {cores} cores, load {load:.1f}"
        )
        compare(recording, made.words, ways, args.repeat, folder)
        again(recording, folder)
        told = read_manifest(folder / "again").recordings[0]
        print(f"  speech found by {told.detector}; {'; '.join(told.degraded) or 'nothing was missing'}")
        one_more(made, 2, folder)
        if args.ten_hours:
            ten_hours(recording, folder)


if __name__ == "__main__":
    main()
