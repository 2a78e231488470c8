"""The loudness of the example episode in every format, heard by pyloudnorm, and how long each encode takes.

    python tests/benchmarks/bench_loudness.py

The promise: within 0.1 LU of the target in the WAV, 0.3 LU after each lossy encode.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyloudnorm

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "backends" / "_sdk")]

from demod_voice.config import load_settings  # noqa: E402 (the path comes first)
from demod_voice.media.encode import FORMATS, decoded_blocks  # noqa: E402
from demod_voice.media.tags import Tags  # noqa: E402
from demod_voice.mix.loudness import measure  # noqa: E402
from demod_voice.publish.export import Master, export  # noqa: E402

TARGET_LUFS = -16.0


def heard(path: Path) -> tuple[float, float]:
    """Loudness in LUFS by another implementation, and the length in seconds."""
    clips = list(decoded_blocks(path))
    sound = np.concatenate([clip.samples for clip in clips], axis=1).T.astype(np.float64)
    meter = pyloudnorm.Meter(clips[0].sample_rate, filter_class="DeMan")
    return float(meter.integrated_loudness(sound)), len(sound) / clips[0].sample_rate


def main() -> None:
    """Render the example to WAV, export it to every format, print a row for each."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        wav = folder / "show.wav"
        script = ROOT / "docs" / "examples" / "two-hosts.md"
        arguments = [sys.executable, "-m", "demod_voice", "episode", "render", str(script), "-o", str(wav), "-q"]
        subprocess.run(arguments, check=True)
        found = measure(wav)
        master = Master(wav, found.lufs, found.true_peak_dbtp, TARGET_LUFS, "")
        print(
            f"{'format':7} {'LUFS':>7} {'off':>6} {'dBTP':>6} {'corrected':>10} {'seconds':>8} {'kB':>7} {'encode s':>9}"
        )
        for name in FORMATS:
            out = folder / f"other.{name}"
            began = time.perf_counter()
            made = export(master, out, name, load_settings(), Tags(title="Two hosts"), ())
            took = time.perf_counter() - began
            lufs, seconds = heard(out)
            row = (
                f"{name:7} {lufs:7.2f} {lufs - TARGET_LUFS:+6.2f} {made.true_peak_dbtp:6.2f} {made.corrected_db:+10.2f}"
            )
            print(f"{row} {seconds:8.2f} {out.stat().st_size / 1000:7.0f} {took:9.2f}")


if __name__ == "__main__":
    main()
