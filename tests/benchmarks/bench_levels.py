"""What each encoder does to the loudness and the true peak of speech: the numbers behind ``publish.levels``.

    python tests/benchmarks/bench_levels.py [WAV]

Without a WAV, the example episode is rendered and its first 25 seconds are taken: two espeak voices, which is synthetic
speech. Give a recording of people to see how far the table holds for it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soxr

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "backends" / "_sdk")]

from demod_voice.audio.clip import Clip  # noqa: E402 (the path comes first)
from demod_voice.config.settings import Encode  # noqa: E402
from demod_voice.media.encode import decoded_blocks, encode  # noqa: E402
from demod_voice.media.tags import Tags  # noqa: E402
from demod_voice.media.wav import read_wav, write_wav  # noqa: E402
from demod_voice.mix.loudness import Meter, measure  # noqa: E402
from demod_voice.publish.levels import level_step  # noqa: E402

SECONDS = 25
SHAPES = ((1, 24000), (1, 44100), (1, 48000), (2, 48000))


def speech(folder: Path) -> Clip:
    """The example episode."""
    out = folder / "show.wav"
    script = ROOT / "docs" / "examples" / "two-hosts.md"
    subprocess.run(
        [str(ROOT / "bin" / "demod-voice"), "episode", "render", str(script), "-o", str(out), "-q"], check=True
    )
    return read_wav(out)


def shaped(clip: Clip, channels: int, rate: int, path: Path) -> Path:
    """The first channel at a rate, in the middle or from one side to the other by equal power."""
    mono = soxr.resample(clip.samples[0, : SECONDS * clip.sample_rate], clip.sample_rate, rate, quality="HQ")
    if channels == 1:
        samples = mono[None]
    else:
        angle = (np.linspace(-0.4, 0.4, len(mono)) + 1.0) * np.pi / 4
        samples = np.stack([mono * np.cos(angle), mono * np.sin(angle)])
    write_wav(path, Clip(np.ascontiguousarray(samples, np.float32), rate), "pcm_s16le")
    return path


def settings() -> Iterator[tuple[str, str, Encode]]:
    """(name, format, settings) of every row."""
    for kbps in (64, 96, 112, 128, 160, 192, 224, 256, 320):
        yield f"mp3 {kbps}", "mp3", Encode(mp3_kbps=kbps)
    for quality in (0, 2, 4, 6, 9):
        yield f"mp3 V{quality}", "mp3", Encode(mp3_mode="vbr", mp3_vbr_quality=quality)
    yield "mp3 128 fast", "mp3", Encode(fast=True)
    for kbps in (48, 64, 96, 128, 192):
        yield f"m4a {kbps}", "m4a", Encode(aac_kbps=kbps)
    for kbps in (24, 32, 48, 64, 96, 128):
        yield f"opus {kbps}", "opus", Encode(opus_kbps=kbps)
    yield "opus 64 fast", "opus", Encode(fast=True)
    yield "ogg", "ogg", Encode()


def main() -> None:
    """Print a row for each setting and shape."""
    parser = argparse.ArgumentParser()
    parser.add_argument("wav", nargs="?", type=Path)
    given = parser.parse_args().wav
    print(f"{'setting':14} {'ch':>2} {'Hz':>6} {'step dB':>8} {'table':>6} {'peak dB':>8} {'kbit/s':>7}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        clip = read_wav(given) if given else speech(folder)
        for channels, rate in SHAPES:
            source = shaped(clip, channels, rate, folder / "source.wav")
            before = measure(source)
            for name, format, wanted in settings():
                out = folder / f"x.{format}"
                encode(source, out, format, wanted, Tags(), ())
                meter = None
                for block in decoded_blocks(out):
                    meter = meter or Meter(block.sample_rate, channels)
                    meter.push(block.samples[:channels])
                step, peak = meter.integrated() - before.lufs, meter.true_peak_dbtp() - before.true_peak_dbtp
                size = out.stat().st_size * 8 / 1000 / SECONDS
                known = level_step(format, wanted, channels, rate)
                print(f"{name:14} {channels:2} {rate:6} {step:8.2f} {known:6.2f} {peak:8.2f} {size:7.0f}", flush=True)


if __name__ == "__main__":
    main()
