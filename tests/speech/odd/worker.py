"""An engine that makes bad takes on demand; a real worker of the real SDK.

Markers in the text: ``<silent>`` ``<empty>`` ``<nan>`` ``<long>`` ``<flood>`` ``<short>`` ``<flat>`` ``<fail>``
``<refuse>`` ``<edges>`` (1 s of silence before, 2 s after). With the seed ``style.lucky`` all goes well. ``style.log``
names a file that gets a line for each utterance. ``style.trouble`` names a file whose presence is the machine's trouble
(its content: ``oom`` or ``hang``), which passes: the file is removed.
"""

from __future__ import annotations

import array
import math
import re
import time
from pathlib import Path

from demod_worker.messages import LoadResult, SpeakResult, Word
from demod_worker.worker import Adapter, BadRequest, EngineFault, OutOfMemory, run

RATE = 16000
MARKER = re.compile(r"<(\w+)>")
SECONDS_PER_CHAR = 0.05


class Odd(Adapter):
    name = "odd"
    version = "1"
    operations = ("load", "speak", "speak_many")

    def load(self, request):
        return LoadResult(model="odd-1", model_revision="r1", voices=("plain", "loud", "en", "en-gb", "+f1"))

    def speak(self, item, out, task):
        if item.style.get("log"):
            with Path(item.style["log"]).open("a") as log:
                log.write(f"{item.seed} {item.speed} {item.pitch} {item.volume_db} {item.text}\n")
        kinds = set() if item.style.get("lucky") == item.seed else set(MARKER.findall(item.text))
        if "fail" in kinds:
            raise EngineFault("the seed was unlucky")
        if "refuse" in kinds:
            raise BadRequest("not with me")
        have_trouble(Path(item.style.get("trouble", "/nowhere")))
        plain = MARKER.sub("", item.text).strip()
        self._write(kinds, plain, item, out)
        begin = 1.0 if "edges" in kinds else 0.0
        length = len(plain) * SECONDS_PER_CHAR / item.speed
        words = (Word(plain, begin, begin + length),)
        return SpeakResult(
            item.item, words, model="odd-1", model_revision="r1", sample_rate=RATE, degraded=("style.mood",)
        )

    def _write(self, kinds, plain, item, out):
        if "nan" in kinds:
            out.start(RATE, "pcm_f32le")
            out.write(array.array("f", [0.5, math.nan] * 4000).tobytes())
            return
        out.start(RATE)
        seconds = len(plain) * SECONDS_PER_CHAR / item.speed
        for kind, wrong in (("long", 50.0), ("flood", 400.0), ("short", 0.01)):
            seconds = wrong if kind in kinds else seconds
        level = 0.0 if "silent" in kinds else (30.0 if "flat" in kinds else 0.25)
        tone = sine(seconds, level, 200.0 + item.seed % 100, fade="cut" not in kinds)
        silence = array.array("h", bytes(2 * RATE))
        if "empty" in kinds:
            tone = array.array("h")
        if "edges" in kinds:
            tone = silence + tone + silence + silence
        if "tail" in kinds:
            tone = tone + silence + sine(1.5, level, 300.0)
        if "hiss" in kinds:
            tone = tone + sine(3.0, level / 30, 4000.0)
        out.write(tone.tobytes())


def have_trouble(file):
    """Fail as the file says, and remove it: the next time all goes well."""
    kind = file.read_text() if file.exists() else ""
    file.unlink(missing_ok=True)
    if kind == "oom":
        raise OutOfMemory("no memory is left")
    if kind == "hang":
        time.sleep(60)


def sine(seconds, level, pitch_hz, fade=True):
    """A tone that dies away within 10 ms, as samples."""
    step = 2 * math.pi * pitch_hz / RATE
    count = round(seconds * RATE)
    tone = [max(-1.0, min(1.0, level * math.sin(step * n))) for n in range(count)]
    edge = min(RATE // 100, count) if fade else 0
    for n in range(edge):
        tone[count - 1 - n] *= n / edge
    return array.array("h", [round(32767 * each) for each in tone])


if __name__ == "__main__":
    run(Odd)
