"""A registry of small models, and the files that their hub has."""

from __future__ import annotations

import json
import random

BIG = random.Random(1).randbytes(3_000_000)
PART = b"PK-like, but not a zip: " + random.Random(2).randbytes(400_000)
CONFIG = json.dumps({"model": "tiny", "layers": 2}).encode()
FILES = {"someone/tiny": {"config.json": CONFIG, "weights.bin": BIG, "more/part.bin": PART}}
REGISTRY = """
[tiny]
engine = "espeak"
summary = "A tiny model"
source = "someone/tiny"
licence = "MIT"
languages = ["en", "de"]
kind = { file = "config.json", key = "model", value = "tiny" }
files = ["config.json", "weights.bin", "more/part.bin"]

[bound]
engine = "espeak"
summary = "A model under a licence that must be accepted"
source = "someone/tiny"
licence = "CPML"
licence_url = "https://example.org/cpml"
terms = "non-commercial use only"
accept = "cpml"
files = ["config.json"]

[closed]
engine = "espeak"
summary = "A gated model"
source = "someone/tiny"
licence = "Apache-2.0"
gated = true
load = "weights.bin"
files = ["config.json", "weights.bin"]
"""
