"""``manifest.json``: what a batch was made of. A result: the same bytes after any number of kills."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from demod_voice.batch.kept.summary import Tally
from demod_voice.batch.options import BatchOptions
from demod_voice.batch.types import DONE, Finished
from demod_voice.config.settings import Settings
from demod_voice.engines.locate import engine as find_engine
from demod_voice.engines.options import audible_options
from demod_voice.errors import DemodError
from demod_voice.records.hashing import canonical_json, hash_file
from demod_voice.speech.guards import RETRY
from demod_voice.voices.choice import VoiceChoice

SCHEMA = 1
MOST_VOICES = 1000
"""So many voices are listed; a table may have a recording for each row."""


class Voices:
    """Whose voices were heard; told of each row in the order of the rows."""

    def __init__(self) -> None:
        self._rows: Counter[str] = Counter()
        self._others = 0

    def add(self, record: Finished) -> None:
        """Count the voices of a row that is done."""
        if record.status != DONE:
            return
        for voice in _voices(record):
            name = canonical_json(voice)
            if name in self._rows or len(self._rows) < MOST_VOICES:
                self._rows[name] += 1
            else:
                self._others += 1

    def listed(self) -> list[dict[str, Any]]:
        """Each with the number of its rows, in the order of their first rows."""
        return [{**json.loads(name), "rows": rows} for name, rows in self._rows.items()]

    @property
    def others(self) -> int:
        """Rows of voices beyond those that are listed."""
        return self._others


def manifest(
    task: str,
    jobs: Mapping[str, Any],
    created: str,
    tally: Tally,
    voices: Voices,
    shaping: Mapping[str, Any],
    results_sha256: str,
) -> dict[str, Any]:
    """The manifest, keys in reading order.

    Args:
        task: what was done with the rows.
        jobs: the table: its name, hash and rows.
        created: when the work folder was first used.
        tally: what became of the rows.
        voices: of all rows.
        shaping: the settings that results depend on.
        results_sha256: of ``results.csv``.
    """
    return {
        "schema": SCHEMA,
        "task": task,
        "created": created,
        "jobs": dict(jobs),
        "rows": {"done": tally.done, "failed": tally.failed, "skipped": tally.skipped},
        "duration_sec": round(tally.audio_s, 3),
        "voices": voices.listed(),
        "rows_of_further_voices": voices.others,
        "synthetic_speech": True,
        "settings": dict(shaping),
        "files": {"results.csv": results_sha256},
    }


def shaping(settings: Settings, options: BatchOptions) -> dict[str, Any]:
    """The settings that results depend on; where work runs (jobs, device, cache, limits) is left out."""
    return {
        "seed": settings.seed,
        "language": settings.language,
        "attempts": settings.attempts,
        "threads": settings.engines.threads,
        "engines": dict(_engines(settings)),
        "format": options.format,
        "loudness_lufs": options.loudness,
        "markup": options.markup,
        "lexicon_sha256": None if options.lexicon is None else hash_file(options.lexicon),
        "defaults": _defaults(options.voice),
        "loudness": asdict(settings.loudness),
        "encode": asdict(settings.encode),
        "licence_policy": settings.publish.licence_policy,
        **({"episode": _episode(settings)} if options.task == "episode" else {}),
    }


def _engines(settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is set for an engine and heard, where it is not the default."""
    for name, own in sorted(settings.engines.named.items()):
        with suppress(DemodError):  # of an engine that no row needed
            options = audible_options(find_engine(name, settings), settings)
            if options or own.guards != RETRY:
                yield name, {"guards": own.guards, "options": options}


def _episode(settings: Settings) -> dict[str, Any]:
    """Those that only episodes depend on; of a lexicon its content, never its path."""
    told = {name: value for name, value in asdict(settings.episode).items() if name not in ("report", "lexicons")}
    return {**told, "lexicons_sha256": [hash_file(Path(each)) for each in settings.episode.lexicons]}


def _defaults(voice: VoiceChoice) -> dict[str, Any]:
    """Who speaks where a row does not say it; of a file its name."""
    told = {each.name: getattr(voice, each.name) for each in fields(voice)}
    names = {name: Path(told[name]).name for name in ("voice", "model") if told[name]}
    return told | names | {"style": dict(voice.style)}


def _voices(record: Finished) -> Iterator[dict[str, Any]]:
    """What a task told of the voices of a row: one, or several."""
    told = record.facts.get("voices") or [record.facts.get("voice")]
    for voice in told:
        if isinstance(voice, dict):
            yield {"engine": record.engine, "model": record.model, "model_revision": record.model_revision, **voice}
