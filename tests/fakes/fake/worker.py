"""A real worker that speaks sines: 0.05 s a character, pitch by preset. Markers in the text make it misbehave."""

import array
import ctypes
import math
import os
import re
import signal
import sys
import time
import zlib

from demod_worker.messages import LoadResult, PhonemizeResult, SpeakResult, Word
from demod_worker.worker import Adapter, BadRequest, EngineFault, OutOfMemory, run

RATE = 24000
SECONDS_PER_CHARACTER = 0.05
PITCHES = {"low": 150.0, "high": 300.0, "default": 220.0}
MARKER = re.compile(r"\[\[([a-z-]+)(?: ([^\]]*))?\]\]")


class Fake(Adapter):
    name = "fake"
    version = "1"
    operations = ("load", "unload", "speak", "speak_many", "phonemize")

    def phonemize(self, request, task):
        return PhonemizeResult((request.text.lower(),))

    def load(self, request):
        return LoadResult(model="sine", model_revision="1", device=request.device, voices=tuple(PITCHES))

    def speak(self, item, out, task):
        preset = item.voice.preset or "default"
        if preset not in PITCHES:
            raise BadRequest(f"no voice {preset!r}", f"voices: {', '.join(PITCHES)}")
        out_of_line = [misbehave(marker, argument, item, out, task) for marker, argument in MARKER.findall(item.text)]
        text = MARKER.sub("", item.text)
        out.start(RATE)
        frequency = PITCHES[preset] * item.pitch * (1 + (item.seed % 97) / 10000) * (1 + heard_before(item) / 300)
        words = []
        at = 0
        for word in text.split():
            count = int((len(word) + 1) * SECONDS_PER_CHARACTER / item.speed * RATE)
            silent = "silent" in out_of_line
            out.write(bytes(2 * count) if silent else tone(count, frequency))
            words.append(Word(word, at / RATE, (at + count) / RATE))
            at += count
        return SpeakResult(item.item, tuple(words), "sine", "1", RATE)


def heard_before(item):
    """0..97 of anchors and earlier turns, words and sound; 0 without any."""
    turns = [(turn.speaker, turn.text, turn.audio) for turn in item.context]
    said = [("0", *each) for each in zip(item.voice.reference_texts, item.voice.references, strict=False)] + turns
    whole = b"".join(f"{who}: {text}".encode() + open(path, "rb").read() for who, text, path in said)
    return 1 + zlib.crc32(whole) % 97 if said else 0


def tone(count, frequency):
    """A sine with a soft start and end, as bytes: whole cycles repeated, so that a long text costs little."""
    cycles = max(1, int(frequency // 20))
    length = round(cycles * RATE / frequency)
    cycle = array.array("h", [int(12000 * math.sin(2 * math.pi * cycles * n / length)) for n in range(length)])
    sound = (cycle * (count // length + 1))[:count]
    edge = min(240, count // 2)
    for n in range(edge):
        sound[n] = sound[n] * n // edge
        sound[-1 - n] = sound[-1 - n] * n // edge
    return sound.tobytes()


def misbehave(marker, argument, item, out, task):
    if marker == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if marker == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if marker == "abort":
        os.abort()
    if marker == "exit":
        os._exit(int(argument or 0))
    if marker == "crash-once" and not os.path.exists(argument):
        open(argument, "w").close()
        os.abort()
    if marker == "hang":
        ctypes.CDLL(None).sleep(1000)
    if marker == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(1)
    if marker == "refuse":
        raise BadRequest("this line is refused", "write another one")
    if marker == "raise":
        raise EngineFault("asked to fail", "do not ask")
    if marker == "bug":
        raise ZeroDivisionError("a bug in the engine")
    if marker == "oom":
        raise OutOfMemory("no memory left")
    if marker == "print":
        print("a stray print")
        os.write(1, b"a stray write\n")
    if marker == "log":
        print("a log line", file=sys.stderr)
    if marker == "badframe":
        task._writer._stream.write((argument or "this is no frame").encode() + b"\n")
        task._writer._stream.flush()
        time.sleep(60)
    if marker == "flood":
        out.start(RATE)
        while True:
            out.write(bytes(1 << 20))
    if marker == "slow":
        deadline = time.monotonic() + float(argument)
        while time.monotonic() < deadline:
            task.check()
            task.progress(0.5, "slow")
            time.sleep(0.01)
    return marker


if __name__ == "__main__":
    run(Fake)
