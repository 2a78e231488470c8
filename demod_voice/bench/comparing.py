"""Two benches side by side: what was measured now, and the JSON of an earlier run or of another machine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from demod_voice.bench.figures import SCHEMA, BenchReport, Measured, Ratio
from demod_voice.errors import UsageError

MOST_BYTES = 16 << 20


def read_bench(path: Path) -> Mapping[str, Any]:
    """The JSON of an earlier run.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    hint = "give a file that `demod-voice bench -o FILE.json` wrote"
    try:
        text = path.read_bytes()[:MOST_BYTES].decode()
        found = json.loads(text)
        if found["schema"] != SCHEMA:
            raise UsageError(f"{path} has schema {found['schema']!r}, this program knows {SCHEMA}", "measure again")
        list(_figures(found)), _conditions(found)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}", hint) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path} is no bench", hint) from error
    return dict(found)


def ratios(now: BenchReport, before: Mapping[str, Any]) -> tuple[Ratio, ...]:
    """Every figure that both have, of engines that both measured."""
    earlier = {(engine, operation, name): median for engine, operation, name, median in _figures(before)}
    found = []
    for each in now.measured:
        for name, figure in each.figures.items():
            median = earlier.get((each.engine, each.operation, name), 0.0)
            if median > 0.0:
                ratio = float(f"{figure.median / median:.3g}")
                found.append(Ratio(each.engine, each.operation, name, median, figure.median, ratio))
    return tuple(found)


def differences(now: BenchReport, before: Mapping[str, Any]) -> tuple[str, ...]:
    """What else was different, in words: the machine, the texts, the models."""
    said, then = _conditions_now(now), _conditions(before)
    told = [f"{what}: {then[what]} then, {said[what]} now" for what in said if said[what] != then[what]]
    if before["texts"] != now.texts:
        told.append("other texts were spoken: only load and memory can be compared")
    told += [f"the machine was busy {when}" for when, busy in _busy(now, before) if busy]
    models = {(each["engine"], each["operation"]): _model(each) for each in before["measured"]}
    for each in now.measured:
        model = models.get((each.engine, each.operation), "")
        if model and not each.error and model != _model_now(each):
            told.append(f"{each.engine}: {model} then, {_model_now(each)} now")
    return tuple(told)


def _figures(found: Mapping[str, Any]) -> Iterator[tuple[str, str, str, float]]:
    """(engine, operation, name, median)."""
    for each in found["measured"]:
        for name, figure in each["figures"].items():
            yield str(each["engine"]), str(each["operation"]), str(name), float(figure["median"])


def _conditions(found: Mapping[str, Any]) -> dict[str, str]:
    machine = found["machine"]
    return {
        "processor": f"{machine['cpu']}, {machine['cores']} cores",
        "GPUs": "; ".join(machine["gpus"]) or "none",
        "jobs": str(found["jobs"]),
        "threads": str(found["threads"]),
        "demod-voice": str(found["demod_voice"]),
    }


def _conditions_now(now: BenchReport) -> dict[str, str]:
    machine = now.machine
    return {
        "processor": f"{machine.cpu}, {machine.cores} cores",
        "GPUs": "; ".join(machine.gpus) or "none",
        "jobs": str(now.jobs),
        "threads": str(now.threads),
        "demod-voice": now.demod_voice,
    }


def _busy(now: BenchReport, before: Mapping[str, Any]) -> list[tuple[str, bool]]:
    return [("then", bool(before["meanwhile"]["busy"])), ("now", now.meanwhile.busy)]


def _model(each: Mapping[str, Any]) -> str:
    return f"version {each['version']}, model {each['model']} {each['model_revision'][:8]} on {each['device']}"


def _model_now(each: Measured) -> str:
    return f"version {each.version}, model {each.model} {each.model_revision[:8]} on {each.device}"
