"""A real worker that says a tone for each word. ``[[burn S]]`` costs S seconds of processor time, ``[[slay]]`` its parent."""

import array
import math
import os
import re
import signal
import time
import zlib

from demod_worker.messages import LoadResult, SpeakResult
from demod_worker.worker import Adapter, run

RATE = 24000
MARKER = re.compile(r"\[\[(burn|slay) ?([^\]]*)\]\]")


class Burner(Adapter):
    name = "burner"
    version = "1"
    operations = ("load", "unload", "speak", "speak_many")

    def load(self, request):
        return LoadResult(model="tone", model_revision="1", device=request.device)

    def speak(self, item, out, task):
        for what, argument in MARKER.findall(item.text):
            if what == "slay":
                os.kill(os.getppid(), signal.SIGKILL)
                time.sleep(60)
            burn(float(argument))
        words = MARKER.sub("", item.text).split()
        count = RATE // 5 * max(1, len(words))
        hertz = 200 + len(words) + sum(zlib.crc32(open(each, "rb").read()) % 97 for each in item.voice.references)
        out.start(RATE)
        out.write(array.array("h", [int(8000 * math.sin(n * hertz / 4000)) for n in range(count)]).tobytes())
        return SpeakResult(item.item, (), "tone", "1", RATE)


def burn(seconds):
    """Compute until this thread has had so much processor time, however long that takes."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        math.factorial(200)


if __name__ == "__main__":
    run(Burner)
