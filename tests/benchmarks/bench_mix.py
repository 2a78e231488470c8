"""Mix and master of 30 minutes in stereo: two speakers, a bed, ducking, de-esser, room tone; against one ffmpeg graph.

    python tests/benchmarks/bench_mix.py [--minutes 30]

ffmpeg gets the voices as two finished tracks. Its graph alone neither reaches a loudness nor holds a true peak; with
them (a pass of ebur128 with true peak, then gain and a limiter at four times the rate, then the meter again) it does what
ours does. Ours starts from single takes and matches the speakers as well. Prints seconds and peak memory.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "backends" / "_sdk")]

from support.signals import speechlike, wav  # noqa: E402

from demod_voice.audio.clip import Clip  # noqa: E402
from demod_voice.media.wav import read_wav, write_wav  # noqa: E402
from demod_voice.mix.ahead import in_order  # noqa: E402
from demod_voice.mix.curves import duck  # noqa: E402
from demod_voice.mix.loudness import measure  # noqa: E402
from demod_voice.mix.master import master  # noqa: E402
from demod_voice.mix.mixdown import mixdown  # noqa: E402
from demod_voice.mix.scene import Scene, Track  # noqa: E402
from demod_voice.mix.sources import Placement  # noqa: E402
from demod_voice.mix.speaker_level import REFERENCE_LUFS, matching_gains, speech_level  # noqa: E402
from demod_voice.mix.voice_chain import ChainSettings  # noqa: E402

RATE, TAKE_RATE = 48000, 24000
TAKE_S, GAP_S = 6.2, 0.5
GRAPH = (
    "[0:a]highpass=f=70,deesser=i=0.3,aresample=48000,pan=stereo|c0=0.79*c0|c1=0.6*c0[a];"
    "[1:a]highpass=f=70,deesser=i=0.3,aresample=48000,pan=stereo|c0=0.6*c0|c1=0.79*c0[b];"
    "[a][b]amix=inputs=2:normalize=0,asplit[v][k];"
    "[2:a]aloop=-1:size=5760000,atrim=0:{seconds},volume=-8dB[m];"
    "[m][k]sidechaincompress=threshold=0.02:ratio=4:attack=80:release=300[d];"
    "anoisesrc=r=48000:c=brown:a=0.01:d={seconds}[n];"
    "[v][d][n]amix=inputs=3:normalize=0"
)
LIMIT = ",volume=2dB,alimiter=limit=0.89:level=0"
TRUE_PEAK = "volume=2dB,aresample=192000,alimiter=limit=0.89:level=0,aresample=48000"


def takes(folder: Path, count: int) -> list[Path]:
    """Takes of two voices in turn, 24 kHz, 16 bits."""
    made = []
    for number in range(count):
        path = folder / f"take{number}.wav"
        write_wav(path, Clip(speechlike(number % 8, TAKE_S, TAKE_RATE), TAKE_RATE), "pcm_s16le")
        made.append(path)
    return made


def ours(folder: Path, clips: list[Path], bed: Path, seconds: float) -> tuple[float, float, float]:
    """(seconds, LUFS, true peak) of the whole way from takes to the master."""
    began = time.perf_counter()
    chain = ChainSettings()
    voices = {name: clips[number::2] for number, name in enumerate(("Ada", "Ben"))}
    levels = in_order(lambda paths: speech_level(paths, chain), voices.values())
    gains = matching_gains(dict(zip(voices, levels, strict=True)), {})
    starts = [round(number * (TAKE_S + GAP_S) * RATE) for number in range(len(clips))]
    spans = [(start, start + round(TAKE_S * RATE)) for start in starts]
    tracks = [
        Track(
            name,
            tuple(Placement(clips[at], starts[at], chain=chain) for at in range(number, len(clips), 2)),
            side,
            gains[name],
        )
        for number, (name, side) in enumerate((("Ada", -0.3), ("Ben", 0.3)))
    ]
    found = measure(bed)
    length = round(seconds * RATE)
    loop = round(found.duration_s * RATE) - 2 * RATE
    music = tuple(
        Placement(bed, at, 2.0, 2.0, equal_power_in=True, equal_power_out=True) for at in range(0, length, loop)
    )
    curve = duck(spans, -10.5, round(0.4 * RATE), round(1.2 * RATE))
    tracks.append(Track("music", music, None, REFERENCE_LUFS - 8 - found.lufs, curve))
    before = mixdown(Scene(tuple(tracks), RATE, length, 2, -57.0, 1), folder / "premix.wav")
    made = master(folder / "premix.wav", folder / "ours.wav", -16.0, -1.0, 1, before)
    return time.perf_counter() - began, made.lufs, made.true_peak_dbtp


def peer(folder: Path, clips: list[Path], bed: Path, seconds: float) -> tuple[float, float]:
    """Seconds of ffmpeg: its graph alone, and with measured loudness and a limiter of true peaks."""
    length = round(seconds * TAKE_RATE)
    for number in range(2):
        track = np.zeros((1, length), np.float32)
        for at in range(number, len(clips), 2):
            start = round(at * (TAKE_S + GAP_S) * TAKE_RATE)
            samples = read_wav(clips[at]).samples
            track[:, start : start + samples.shape[1]] = samples[:, : length - start]
        write_wav(folder / f"voice{number}.wav", Clip(track, TAKE_RATE), "pcm_s16le")
    inputs = [each for name in ("voice0.wav", "voice1.wav", bed.name) for each in ("-i", str(folder / name))]
    graph = GRAPH.format(seconds=round(seconds))
    out = ["-t", f"{seconds:.3f}", "-c:a"]
    began = time.perf_counter()
    ffmpeg(*inputs, "-filter_complex", graph + LIMIT, *out, "pcm_s16le", str(folder / "peer.wav"))
    alone = time.perf_counter() - began
    began = time.perf_counter()
    ffmpeg(*inputs, "-filter_complex", graph, *out, "pcm_f32le", str(folder / "premix.wav"))
    ffmpeg("-i", str(folder / "premix.wav"), "-af", "ebur128=peak=true", "-f", "null", "-")
    ffmpeg("-i", str(folder / "premix.wav"), "-af", TRUE_PEAK, "-c:a", "pcm_s16le", str(folder / "peer.wav"))
    ffmpeg("-i", str(folder / "peer.wav"), "-af", "ebur128=peak=true", "-f", "null", "-")
    return alone, time.perf_counter() - began


def ffmpeg(*arguments: str) -> None:
    """Run it quietly."""
    subprocess.run(["ffmpeg", "-y", "-v", "error", *arguments], check=True)


def main() -> None:
    """Make the sounds, run both, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    seconds = parser.parse_args().minutes * 60
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = takes(folder, int(seconds / (TAKE_S + GAP_S)))
        rng = np.random.default_rng(1)
        bed = wav(folder / "bed.wav", (0.05 * rng.standard_normal((2, 120 * RATE))).astype(np.float32), RATE)
        taken, lufs, peak = ours(folder, clips, bed, seconds)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"ours: {taken:.1f} s, {lufs:.2f} LUFS, {peak:.2f} dBTP, largest resident size {memory:.0f} MB")
        if shutil.which("ffmpeg"):
            alone, same = peer(folder, clips, bed, seconds)
            print(f"ffmpeg graph alone: {alone:.1f} s; ours takes {taken / alone:.2f} of it")
            print(f"ffmpeg with loudness and true peak: {same:.1f} s; ours takes {taken / same:.2f} of it")
        else:
            print("no ffmpeg here: nothing to compare with")


if __name__ == "__main__":
    main()
