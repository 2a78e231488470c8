"""``--timing plan.json``: the time line as a file that may be changed by hand and given back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demod_voice.episode.timing import Timing
from demod_voice.errors import Fault, FaultsError, UsageError
from demod_voice.formats.document import load_json, nearest, place_of, shown
from demod_voice.records.atomic import write_json

SCHEMA = 1
LONGEST_S = 24 * 3600.0


def timing_plan(timing: Timing) -> dict[str, Any]:
    """Every line with its place, in seconds, in the order of the script."""
    rate = timing.sample_rate
    return {
        "schema": SCHEMA,
        "duration_sec": round(timing.num_samples / rate, 6),
        "lines": [
            {
                "id": each.line.job.id,
                "speaker": each.line.speaker,
                "start_sec": round(each.start / rate, 6),
                "end_sec": round(each.end / rate, 6),
                "text": each.line.source.text,
            }
            for each in timing.placed
        ],
    }


def write_timing(path: Path, timing: Timing) -> None:
    """Write the plan.

    Raises:
        OutputError: it cannot be written.
    """
    write_json(path, timing_plan(timing))


def read_timing(path: Path, known: Mapping[str, str]) -> dict[str, float]:
    """The second at which each line of a plan starts; what it does not name keeps its natural place.

    Args:
        path: a plan that ``--timing`` wrote, changed or not. Only ``id`` and ``start_sec`` count.
        known: id of each line of the script -> its text.

    Raises:
        UsageError: the file cannot be read.
        FaultsError: everything that is wrong in it, with lines.
    """
    faults: list[Fault] = []
    try:
        loaded = load_json(path.read_text(encoding="utf-8"), faults)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the timing plan {path} cannot be read: {error}") from None
    if not faults and not isinstance(loaded, dict):
        faults.append(Fault(1, "a timing plan is a mapping with a list of lines", "let --timing write one first"))
    starts: dict[str, float] = {}
    if not faults:
        top = place_of(loaded, faults)
        for number, item in enumerate(top.items("lines"), 1):
            if not isinstance(item, dict):
                top.fault("lines", f"lines[{number}] must be a mapping, got {shown(item)}")
                continue
            place = place_of(item, faults, f"lines[{number}]", top.line_of("lines"))
            name = place.text("id")
            if name not in known:
                near = nearest(name, known, faults)
                place.fault("id", f"no line of the script has the id {shown(name)}", _who(near, known))
            elif name in starts:
                place.fault("id", f"the id {shown(name)} stands twice")
            else:
                starts[name] = place.number("start_sec", 0.0, 0.0, LONGEST_S)
    if faults:
        raise FaultsError(str(path), faults)
    return starts


def _who(near: str, known: Mapping[str, str]) -> str:
    if near:
        return f"did you mean {near} ({known[near][:40]!r})?"
    return "its text or speaker has changed: remove the entry, or let --timing write a new plan"
