"""Recordings of two speakers with known words: espeak's speech, with music, hum and noise at known places.

``python -m support.corpus FOLDER --minutes 60 --recordings 4`` writes ``interview-NN.mp3``, ``.srt``, ``.rttm`` and
``truth.json`` (every word with its times, and every disturbed stretch).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from demod_worker.messages import Voice
from numpy.typing import NDArray

from demod_voice.audio.clip import Clip, mono
from demod_voice.audio.resample import resample
from demod_voice.config import load_settings
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import Speech, SpeechRequest
from demod_voice.media.wav import write_wav

RATE = 44100
VOICES = (("anna", "en-us+f3", 0.9), ("ben", "en-gb+m4", 1.0))
SUBJECTS = (
    "the engineer|my neighbor|a young reporter|the old captain|our teacher|the city council"
    "|the small company|a group of students|the main character|her brother|the train driver"
    "|the orchestra|a careful reader|the gardener"
).split("|")
VERBS = (
    "described|repaired|remembered|questioned|finished|opened|measured|painted|carried|discovered"
    "|explained|recorded|delivered"
).split("|")
OBJECTS = (
    "the broken radio|a long letter|the missing painting|several heavy boxes|the new budget"
    "|a strange noise|the morning schedule|an ancient map|the final chapter|a bottle of water"
    "|the river bank|the quiet village"
).split("|")
TAILS = (
    "before the meeting started|in the middle of the night|without asking anyone"
    "|because the road was closed|near the edge of the forest|while the others were waiting"
    "|after three days of rain|with great patience|despite the bad weather|as the sun went down"
).split("|")


@dataclass(frozen=True)
class TrueWord:
    """One word as it was placed."""

    text: str
    start_s: float
    end_s: float
    speaker: str


@dataclass(frozen=True)
class Stretch:
    """A stretch with one disturbance."""

    kind: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Utterance:
    """One sentence."""

    text: str
    start_s: float
    end_s: float
    speaker: str


@dataclass(frozen=True)
class Made:
    """One recording and its truth."""

    clip: Clip
    words: tuple[TrueWord, ...]
    utterances: tuple[Utterance, ...]
    stretches: tuple[Stretch, ...]


def sentence(random: np.random.Generator) -> str:
    """A sentence of about two to six seconds."""

    def pick(words: Sequence[str]) -> str:
        return words[int(random.integers(len(words)))]

    text = f"{pick(SUBJECTS)} {pick(VERBS)} {pick(OBJECTS)} {pick(TAILS)}"
    if random.random() < 0.4:
        text += f", and {pick(SUBJECTS)} {pick(VERBS)} {pick(OBJECTS)}"
    return text[0].upper() + text[1:] + "."


def make(
    seed: int, seconds: float, kinds: Sequence[str] = ("clean",), pool: Pool | None = None, speakers: int = 2
) -> Made:
    """A recording of about ``seconds``; its length is divided evenly among the disturbances.

    Args:
        seed: of the words, the pauses and the disturbances.
        seconds: length.
        kinds: of ``clean hum50 hum60 pink fan babble music clipped quiet telephone pops``.
        pool: of the engines; None = one of its own.
        speakers: 1 or 2.
    """
    if pool is None:
        with Pool(load_settings(), jobs=2) as own:
            return make(seed, seconds, kinds, own, speakers)
    random = np.random.default_rng(seed)
    wave = np.zeros(round(seconds * RATE), np.float32)
    utterances, words = _speak(random, wave, pool, speakers)
    wave += (random.standard_normal(len(wave)) * 1e-4).astype(np.float32)
    bounds = np.linspace(0, seconds, len(kinds) + 1)
    stretches = [Stretch(kind, float(a), float(b)) for kind, a, b in zip(kinds, bounds, bounds[1:], strict=False)]
    for stretch in stretches:
        part = slice(round(stretch.start_s * RATE), round(stretch.end_s * RATE))
        wave[part] = disturbed(wave[part], stretch.kind, random)
    return Made(mono(np.clip(wave, -1, 1), RATE), tuple(words), tuple(utterances), tuple(stretches))


def _speak(
    random: np.random.Generator, wave: NDArray[np.float32], pool: Pool, speakers: int
) -> tuple[list[Utterance], list[TrueWord]]:
    utterances: list[Utterance] = []
    words: list[TrueWord] = []
    position, who = round(0.8 * RATE), 0
    while True:
        if speakers > 1 and random.random() < 0.3:
            who = 1 - who
        name, preset, speed = VOICES[who]
        text = sentence(random)
        said = pool.speak("espeak", SpeechRequest(text=text, language="en", voice=Voice(preset=preset), speed=speed))
        spoken, first = _trimmed(said)
        gain = 0.06 * float(random.uniform(0.8, 1.25)) / max(1e-6, float(np.sqrt(np.mean(spoken**2))))
        if position + len(spoken) + RATE > len(wave):
            return utterances, words
        wave[position : position + len(spoken)] += (spoken * gain).astype(np.float32)
        start = position / RATE
        utterances.append(Utterance(text, start, start + len(spoken) / RATE, name))
        end_s = start + len(spoken) / RATE
        for each in said.words:
            begin, finish = start + each.start_s - first, min(end_s, start + each.end_s - first)
            words.append(TrueWord(each.text, round(begin, 4), round(finish, 4), name))
        pause = random.uniform(0.3, 0.8) if random.random() < 0.8 else random.uniform(1.0, 3.0)
        position += len(spoken) + round(pause * RATE)


def _trimmed(said: Speech) -> tuple[NDArray[np.float32], float]:
    """The speech at 44.1 kHz without the silence around it, and the seconds that were cut before it."""
    wave = resample(said.clip, RATE).samples[0]
    loud = np.flatnonzero(np.abs(wave) > 1e-3)
    return wave[loud[0] : loud[-1] + 1], float(loud[0]) / RATE


def disturbed(wave: NDArray[np.float32], kind: str, random: np.random.Generator) -> NDArray[np.float32]:
    """The wave with one disturbance, at a level that its speech decides."""
    level = float(np.sqrt(np.mean(wave**2)) + 1e-9)
    time_s = np.arange(len(wave)) / RATE
    if kind in ("hum50", "hum60"):
        lines = sum(10 ** (-n * 5 / 20) * np.sin(2 * np.pi * int(kind[3:]) * (n + 1) * time_s + n) for n in range(5))
        return (wave + lines / np.std(lines) * level * 10 ** (-14 / 20)).astype(np.float32)
    if kind == "pink":
        return (wave + pink(random, len(wave)) * level * 10 ** (-15 / 20)).astype(np.float32)
    if kind == "fan":
        swing = 1 + 0.2 * np.sin(2 * np.pi * 7.3 * time_s)
        brown = np.cumsum(random.standard_normal(len(wave)))
        brown -= np.convolve(brown, np.ones(801) / 801, "same")
        return (wave + swing * brown / brown.std() * level * 10 ** (-15 / 20)).astype(np.float32)
    if kind == "babble":
        mixed = sum(np.roll(wave, int(random.integers(RATE, max(RATE + 1, len(wave))))) for _ in range(6))
        return (wave + mixed / (np.std(mixed) + 1e-9) * level * 10 ** (-15 / 20)).astype(np.float32)
    if kind == "music":
        return (wave + music(time_s) * level * 10 ** (-16 / 20)).astype(np.float32)
    if kind == "clipped":
        return np.clip(wave * (4 / max(1e-6, float(np.abs(wave).max()))), -1, 1).astype(np.float32)
    if kind == "quiet":
        return (wave * 10 ** (-45 / 20)).astype(np.float32)
    if kind == "telephone":
        from scipy.signal import butter, sosfilt

        return np.asarray(sosfilt(butter(8, [300, 3300], "bandpass", fs=RATE, output="sos"), wave), np.float32)
    if kind == "pops":
        return _popped(wave, random)
    return wave


def pink(random: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Pink noise of unit power."""
    spectrum = np.fft.rfft(random.standard_normal(count))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    made = np.fft.irfft(spectrum, count)
    return made / made.std()


def music(time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Plucked chords of unit power."""
    chords = ((220, 277.2, 329.6), (196, 246.9, 293.7), (174.6, 220, 261.6), (146.8, 185, 220))
    made = np.zeros(len(time_s))
    for number in range(int(time_s[-1] // 2) + 1):
        part = slice(number * 2 * RATE, (number + 1) * 2 * RATE)
        local = time_s[part] - number * 2
        shape = np.minimum(local / 0.05, 1) * np.exp(-local * 0.8)
        made[part] = shape * sum(np.sin(2 * np.pi * note * local) for note in chords[number % 4])
    return made / made.std()


def _popped(wave: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Bursts of breath at 40 Hz, four a second."""
    out = wave.copy()
    pop = np.sin(2 * np.pi * 40 * np.arange(round(0.06 * RATE)) / RATE) * np.hanning(round(0.06 * RATE)) * 0.5
    for at in range(0, len(wave) - len(pop), RATE // 4):
        place = min(len(wave) - len(pop), at + int(random.integers(0, RATE // 8)))
        out[place : place + len(pop)] += pop.astype(np.float32)
    return out


def write(folder: Path, name: str, made: Made, suffix: str = ".wav") -> Path:
    """The sound, its subtitles, its RTTM and its truth."""
    folder.mkdir(parents=True, exist_ok=True)
    wav = folder / f"{name}.wav"
    write_wav(wav, made.clip)
    (folder / f"{name}.srt").write_text(subtitles(made.utterances))
    rows = [
        f"SPEAKER {name} 1 {u.start_s:.3f} {u.end_s - u.start_s:.3f} <NA> <NA> {u.speaker} <NA> <NA>\n"
        for u in made.utterances
    ]
    (folder / f"{name}.rttm").write_text("".join(rows))
    truth = {
        "words": [asdict(each) for each in made.words],
        "utterances": [asdict(each) for each in made.utterances],
        "stretches": [asdict(each) for each in made.stretches],
    }
    (folder / f"{name}.truth.json").write_text(json.dumps(truth))
    if suffix == ".wav":
        return wav
    target = folder / f"{name}{suffix}"
    encode(wav, target)
    wav.unlink()
    return target


def encode(wav: Path, target: Path) -> None:
    """The WAV in another format, with libav or lameenc."""
    import av

    if target.suffix == ".mp3":
        import lameenc

        from demod_voice.media.wav import encode_pcm, read_wav

        clip = read_wav(wav)
        coder = lameenc.Encoder()
        coder.set_bit_rate(128)
        coder.set_in_sample_rate(clip.sample_rate)
        coder.set_channels(clip.num_channels)
        coder.set_quality(7)
        target.write_bytes(bytes(coder.encode(encode_pcm(clip.samples, "pcm_s16le"))) + bytes(coder.flush()))
        return
    codecs = {
        ".m4a": "aac",
        ".flac": "flac",
        ".ogg": "libvorbis",
        ".opus": "libopus",
        ".webm": "libopus",
        ".mp4": "aac",
        ".mkv": "aac",
    }
    with av.open(str(wav)) as source, av.open(str(target), "w") as sink:
        name = codecs[target.suffix]
        rate = 48000 if name == "libopus" else source.streams.audio[0].rate
        stream = sink.add_stream(
            "vorbis" if name == "libvorbis" else name,
            rate=rate,
            **({"options": {"strict": "experimental"}} if name == "libvorbis" else {}),
        )
        stream.layout = "stereo" if name == "libvorbis" else "mono"
        convert = av.AudioResampler(stream.format.name if stream.format else "fltp", stream.layout.name, rate)
        for frame in source.decode(audio=0):
            for each in convert.resample(frame):
                each.pts = None
                sink.mux(stream.encode(each))
        for each in convert.resample(None):
            each.pts = None
            sink.mux(stream.encode(each))
        sink.mux(stream.encode(None))


def subtitles(utterances: Sequence[Utterance]) -> str:
    """SRT with every utterance a cue."""

    def stamp(seconds: float) -> str:
        ms = round(seconds * 1000)
        return f"{ms // 3600000:02d}:{ms // 60000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"

    cues = [f"{n}\n{stamp(u.start_s)} --> {stamp(u.end_s)}\n{u.text}\n" for n, u in enumerate(utterances, 1)]
    return "\n".join(cues)


HOUR = ("clean", "hum50", "pink", "music", "clean", "babble", "hum60", "fan", "clipped", "pops", "quiet", "telephone")


def main(arguments: Sequence[str]) -> int:
    """Write a corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--recordings", type=int, default=1)
    parser.add_argument("--suffix", default=".mp3")
    parser.add_argument("--speakers", type=int, default=2)
    parser.add_argument("--kinds", default=",".join(HOUR))
    args = parser.parse_args(arguments)
    with Pool(load_settings(), jobs=2) as pool:
        for number in range(args.recordings):
            kinds = args.kinds.split(",")
            made = make(number + 1, args.minutes * 60 / args.recordings, kinds, pool, args.speakers)
            print(write(args.folder, f"interview-{number + 1:02d}", made, args.suffix))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
