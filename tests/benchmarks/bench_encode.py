"""How long it takes to encode half an hour of stereo, with the check, against lameenc alone in the same run.

    python tests/benchmarks/bench_encode.py [--minutes 30] [--formats mp3,m4a] [--runs 1]

The sound is the example episode, spoken by two espeak voices, repeated and moved from one side to the other, 48 kHz stereo.
"alone" is the same bytes poured through lameenc and thrown away; "export" encodes, puts tags on, decodes, measures true peak
and loudness, and encodes again where it must. The limits: 25 s at quality 5, 15 s with ``--fast-encode``. On a machine
that does other work, the ratios of processor time hold and the seconds do not.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import lameenc
import numpy as np
import soxr

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "backends" / "_sdk")]

from demod_voice.config.settings import DEFAULTS, Settings  # noqa: E402 (the path comes first)
from demod_voice.media.encode import FORMATS  # noqa: E402
from demod_voice.media.tags import ChapterMark, Tags  # noqa: E402
from demod_voice.media.wav import WavWriter, encode_pcm, read_blocks, read_wav  # noqa: E402
from demod_voice.mix.loudness import measure, prepare  # noqa: E402
from demod_voice.publish.export import ExportReport, Master, export  # noqa: E402

RATE = 48000
BLOCK = 1 << 16
FAST = replace(DEFAULTS, encode=replace(DEFAULTS.encode, fast=True))


def master_of(folder: Path, minutes: float) -> Master:
    """The example episode as a stereo master of that length, at its measured loudness."""
    show = folder / "show.wav"
    script = ROOT / "docs" / "examples" / "two-hosts.md"
    command = [sys.executable, "-m", "demod_voice", "episode", "render", str(script), "-o", str(show), "-q"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    clip = read_wav(show)
    mono = soxr.resample(clip.samples[0], clip.sample_rate, RATE, quality="HQ").astype(np.float32) * np.float32(0.8)
    angle = (0.4 * np.sin(np.arange(len(mono)) * 2 * np.pi / (20 * RATE)) + 1.0) * np.pi / 4
    both = np.stack([mono * np.cos(angle), mono * np.sin(angle)]).astype(np.float32)
    path = folder / "master.wav"
    with WavWriter(path, RATE, 2, "pcm_s16le") as writer:
        wanted = round(minutes * 60 * RATE)
        while wanted > 0:
            writer.write(both[:, :wanted])
            wanted -= both.shape[1]
    found = measure(path)
    return Master(path, found.lufs, found.true_peak_dbtp, found.lufs, "")


def alone(master: Master, quality: int, kbps: int) -> None:
    """LAME's frames, made as ``media.mp3`` makes them and thrown away."""
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(kbps)
    encoder.set_in_sample_rate(RATE)
    encoder.set_out_sample_rate(RATE)
    encoder.set_channels(2)
    encoder.set_quality(quality)
    encoder.silence()
    for block in read_blocks(master.path, BLOCK):
        encoder.encode(encode_pcm(block, "pcm_s16le"))
    encoder.flush()


def timed(work: Callable[[], object], runs: int) -> tuple[float, float, object]:
    """Median seconds by the clock and of processor time (all threads), and what the last run gave."""
    clock, busy = [], []
    result: object = None
    for _ in range(runs):
        began, worked = time.perf_counter(), time.process_time()
        result = work()
        clock.append(time.perf_counter() - began)
        busy.append(time.process_time() - worked)
    return statistics.median(clock), statistics.median(busy), result


def main() -> None:
    """Print a row for each format."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    prepare()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        master = master_of(folder, options.minutes)
        fixed = replace(
            DEFAULTS, loudness=replace(DEFAULTS.loudness, true_peak_dbtp=min(0.0, master.true_peak_dbtp + 0.01))
        )
        marks = (ChapterMark(0.0, options.minutes * 60, "One"),)

        def exported(name: str, settings: Settings) -> ExportReport:
            own = replace(settings, loudness=fixed.loudness)
            return export(master, folder / f"x.{name}", name, own, Tags(title="A show"), marks)

        print(
            f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {options.minutes:g} minutes of stereo at 48 kHz"
        )
        print(f"{'what':26} {'clock s':>8} {'cpu s':>7} {'of lameenc':>11} {'encodes':>8} {'LU off':>7} {'peak dB':>8}")
        table(options.formats.split(","), options.runs, master, exported)


def table(formats: Sequence[str], runs: int, master: Master, exported: Callable[[str, Settings], ExportReport]) -> None:
    """The rows: lameenc alone, each format, each format fast where that differs, all at once."""
    floor = 0.0
    for quality in (5, 7):
        clock, busy, _ = timed(lambda q=quality: alone(master, q, DEFAULTS.encode.mp3_kbps), runs)
        floor = floor or busy
        print(f"{f'lameenc alone, quality {quality}':26} {clock:8.1f} {busy:7.1f} {busy / floor:10.2f}x", flush=True)
    for name in formats:
        for settings, label in ((DEFAULTS, name), (FAST, f"{name} --fast-encode")):
            if settings is FAST and name not in ("mp3", "opus"):
                continue
            clock, busy, report = timed(lambda n=name, s=settings: exported(n, s), runs)
            assert isinstance(report, ExportReport)
            off, peak = report.lufs - master.lufs, report.true_peak_dbtp - master.true_peak_dbtp
            row = (
                f"{label:26} {clock:8.1f} {busy:7.1f} {busy / floor:10.2f}x {report.encodes:8} {off:+7.2f} {peak:+8.2f}"
            )
            print(row, flush=True)

    def together() -> None:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda name: exported(name, DEFAULTS), formats))

    clock, busy, _ = timed(together, runs)
    print(f"{'all of them at once':26} {clock:8.1f} {busy:7.1f} {busy / floor:10.2f}x")


if __name__ == "__main__":
    main()
