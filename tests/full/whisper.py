"""Makes a Whisper model of whisper-small's size with random weights: ``python tests/full/whisper.py FOLDER``.

Run by the engine's interpreter. What it hears, and how much of it, is chance.
"""

import importlib.util
import sys
from pathlib import Path

spec = importlib.util.spec_from_file_location("tiny", Path(__file__).parents[1] / "tiny" / "whisper.py")
tiny = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tiny)

tiny.WIDTH, tiny.HEADS, tiny.LAYERS = 768, 12, 12

if __name__ == "__main__":
    sys.path = [place for place in sys.path if place != str(Path(__file__).resolve().parent)]
    tiny.build(Path(sys.argv[1]), 0)
