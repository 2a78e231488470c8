"""Make the music and effects of docs/examples: synthesised here, so that they are free of anybody's rights.

python tools/example_sounds.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "backends" / "_sdk")]

from demod_voice.audio.clip import Clip  # noqa: E402
from demod_voice.config.settings import DEFAULTS  # noqa: E402
from demod_voice.media.encode import encode  # noqa: E402
from demod_voice.media.tags import Tags  # noqa: E402
from demod_voice.media.wav import write_wav  # noqa: E402

RATE = 48000
Floats = NDArray[np.float64]
CHORDS = ((220.0, 261.63, 329.63), (174.61, 220.0, 261.63), (130.81, 164.81, 196.0), (196.0, 246.94, 293.66))
"""A minor, F, C, G."""


def seconds(length_s: float) -> Floats:
    """The time of each sample."""
    return np.arange(round(length_s * RATE)) / RATE


def pluck(frequency_hz: float, length_s: float) -> Floats:
    """A soft electric piano."""
    t = seconds(length_s)
    bell = np.sin(2 * np.pi * frequency_hz * t + 1.2 * np.exp(-6 * t) * np.sin(2 * np.pi * 2 * frequency_hz * t))
    return np.asarray(bell * np.exp(-2.5 * t) * np.minimum(1.0, t / 0.004))


def pad(chord: tuple[float, ...], length_s: float) -> Floats:
    """Slow strings: every note a little out of tune with itself."""
    t = seconds(length_s)
    voices = [np.sin(2 * np.pi * each * (1 + detune) * t) for each in chord for detune in (-0.002, 0.0, 0.0017)]
    shape = np.minimum(1.0, np.minimum(t, length_s - t) / 0.8)
    return np.asarray(sum(voices) * shape / len(voices))


def theme() -> Floats:
    """Sixteen seconds that lead back to their beginning, shape (2, n)."""
    bar_s = 4.0
    left, right = np.zeros(round(4 * bar_s * RATE)), np.zeros(round(4 * bar_s * RATE))
    for number, chord in enumerate(CHORDS):
        start = round(number * bar_s * RATE)
        for channel, tune in ((left, 1.0), (right, 1.0015)):
            sound = 0.25 * pad(tuple(each * tune for each in chord), bar_s)
            channel[start : start + len(sound)] += sound
        for step in range(8):
            at = start + round(step * bar_s / 8 * RATE)
            note = chord[(0, 1, 2, 1, 2, 1, 0, 2)[step]] * (2 if step % 4 == 2 else 1)
            sound = 0.16 * pluck(note, 1.4)
            for channel, gain in ((left, 0.6 + 0.4 * (step % 2)), (right, 1.0 - 0.4 * (step % 2))):
                end = min(len(channel), at + len(sound))
                channel[at:end] += gain * sound[: end - at]
    return np.stack([left, right])


def knock() -> Floats:
    """Three knocks on wood."""
    rng = np.random.default_rng(7)
    out = np.zeros(round(0.9 * RATE))
    for at_s, level in ((0.0, 0.9), (0.22, 0.8), (0.44, 1.0)):
        t = seconds(0.25)
        wood = sum(np.sin(2 * np.pi * each * t) * np.exp(-each / 9 * t) for each in (180.0, 310.0, 470.0))
        sound = level * (0.3 * wood + 0.2 * rng.standard_normal(len(t)) * np.exp(-180 * t)) * np.exp(-18 * t)
        start = round(at_s * RATE)
        out[start : start + len(sound)] += sound
    return out.reshape(1, -1)


def rain() -> Floats:
    """Six seconds of rain on a roof, shape (2, n)."""
    rng = np.random.default_rng(11)
    count = 6 * RATE
    hz = np.fft.rfftfreq(count, 1 / RATE)
    shape = np.minimum(1.0, (hz / 400.0) ** 2) / (1.0 + (hz / 3000.0) ** 1.5)
    rows = []
    for _ in range(2):
        wash = np.fft.irfft(np.fft.rfft(rng.standard_normal(count)) * shape, count)
        drops = np.zeros(count)
        for at in rng.integers(0, count - 2000, 540):
            t = np.arange(1500) / RATE
            drops[at : at + 1500] += (
                rng.uniform(0.1, 0.5) * np.sin(2 * np.pi * rng.uniform(1500, 5000) * t) * np.exp(-300 * t)
            )
        rows.append(0.12 * wash / wash.std() + 0.12 * drops)
    return np.stack(rows)


def bell() -> Floats:
    """A shop's bell."""
    t = seconds(1.6)
    partials = ((1318.5, 1.0), (2637.0, 0.6), (3951.1, 0.35), (5587.7, 0.2))
    sound = sum(level * np.sin(2 * np.pi * hz * t) * np.exp(-(2 + hz / 1500) * t) for hz, level in partials)
    return np.asarray(0.4 * sound * np.minimum(1.0, t / 0.002)).reshape(1, -1)


def main() -> None:
    """Write every sound as Ogg Vorbis."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "examples" / "sounds"
    folder.mkdir(parents=True, exist_ok=True)
    for name, made in (("theme", theme()), ("knock", knock()), ("rain", rain()), ("bell", bell())):
        samples = (0.7 * made / np.abs(made).max()).astype(np.float32)
        with tempfile.TemporaryDirectory() as work:
            wav = Path(work) / f"{name}.wav"
            write_wav(wav, Clip(samples, RATE), "pcm_s16le")
            encode(wav, folder / f"{name}.ogg", "ogg", DEFAULTS.encode, Tags(title=name), ())
        print(folder / f"{name}.ogg")


if __name__ == "__main__":
    main()
