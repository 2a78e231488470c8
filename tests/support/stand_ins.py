"""Stand-ins for neural engines: real workers in the place of the engine's own, under its engine.toml.

The core starts ``<interpreter> -s worker.py`` in the engine's folder; a stand-in is an interpreter that runs another worker.
"""

from __future__ import annotations

import sys
from pathlib import Path

from demod_voice.config.settings import EngineSettings

WORKERS = Path(__file__).resolve().parents[1] / "fakes_analysis"


def stand_in(name: str, folder: Path) -> EngineSettings:
    """The settings that let ``tests/fakes_analysis/<name>/worker.py`` work as engine ``name``; it needs no model.

    Args:
        name: of the engine.
        folder: where its interpreter is made, and what counts as its model.
    """
    program = folder / f"{name}-interpreter"
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' -s '{WORKERS / name / 'worker.py'}'\n")
    program.chmod(0o755)
    return EngineSettings(python=str(program), model=str(folder))
