"""``X.manifest.json`` and ``X.metrics.json``: what the episode is made of, and what making it took.

The manifest is a result: it holds no clock (but the moment its run folder was first made), no host, no absolute path
and no cache count, and is byte-identical after any number of kills. The metrics are an observation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from demod_voice.episode.levelling import origin_of
from demod_voice.episode.mixing import Mixing
from demod_voice.episode.plan import Plan
from demod_voice.episode.timing import Placed, Timing
from demod_voice.formats.mix_spec import MixSpec
from demod_voice.formats.script import Recording
from demod_voice.mix.master import MasterReport
from demod_voice.publish.export import ExportReport
from demod_voice.publish.licences import VoiceLicence, as_facts, notes

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Facts:
    """What a finished render knows."""

    plan: Plan
    mixing: Mixing
    mix: MixSpec
    master: MasterReport
    exports: Mapping[str, ExportReport]
    """Format -> what was measured in the encoded file."""
    hashes: Mapping[str, str]
    """File name -> SHA-256 of every published file."""
    created: str
    settings: Mapping[str, Any]
    """The settings that shape the result."""
    script_hash: str
    warnings: tuple[str, ...]
    licences: tuple[VoiceLicence, ...]
    """Of every voice that a machine speaks with; empty when every line is a recording."""

    @property
    def timing(self) -> Timing:
        """The time line."""
        return self.mixing.timing


def manifest(facts: Facts) -> dict[str, Any]:
    """The manifest, keys in reading order. Source of the first six keys: A108."""
    plan, timing = facts.plan, facts.timing
    return {
        "schema": SCHEMA,
        "episode_id": episode_id(plan),
        "title": plan.script.title,
        "language": plan.language,
        "duration_sec": seconds(timing.num_samples, timing.sample_rate),
        "speakers": list(plan.speakers),
        "segments": [_segment(each, timing.sample_rate) for each in timing.placed],
        "chapters": [
            {"title": title, "start_sec": start, "end_sec": end} for title, start, end in chapter_marks(plan, timing)
        ],
        "audio_files": {name: _file(report) for name, report in facts.exports.items()},
        "generation": _generation(facts),
        "loudness": _loudness(facts),
        "mix": _mix(facts),
        "voices": {name: _voice(plan, name) for name in plan.voices},
        "engines": _engines(timing),
        "synthetic_speech": plan.synthetic,
        "voice_licences": as_facts(facts.licences),
        "notes": notes(facts.licences, facts.settings["publish"]["licence_policy"]),
        "degradations": degradations(timing),
        "warnings": list(facts.warnings),
        "files": dict(facts.hashes),
    }


def metrics(facts: Facts, generation_s: float, peak_memory_gb: float, phases: Mapping[str, float]) -> dict[str, Any]:
    """The metrics of one run (A109): an observation, different each time."""
    takes = [each.take for each in facts.timing.placed]
    duration = seconds(facts.timing.num_samples, facts.timing.sample_rate)
    return {
        "utterances_generated": sum(take.spoken for take in takes),
        "utterances_total": len(takes),
        "total_duration_sec": duration,
        "generation_time_sec": round(generation_s, 3),
        "realtime_factor": round(duration / generation_s, 2) if generation_s > 0 else None,
        "peak_memory_gb": round(peak_memory_gb, 3),
        "cache_hits": sum(take.cached for take in takes),
        "takes_reused": sum(not take.spoken and not take.cached for take in takes),
        "phases_sec": {name: round(value, 3) for name, value in phases.items()},
        "errors": [],
    }


def chapter_marks(plan: Plan, timing: Timing) -> list[tuple[str, float, float]]:
    """(title, start, end) in seconds of each titled chapter; a chapter ends where the next one starts."""
    starts: dict[int, int] = {}
    for placed in timing.placed:
        starts.setdefault(placed.line.chapter, placed.start)
    order = sorted(starts)
    if not any(plan.script.chapters[number].title for number in order):
        return []
    edges = [0, *(starts[number] for number in order[1:]), timing.num_samples]
    rate = timing.sample_rate
    return [
        (
            plan.script.chapters[number].title or plan.script.title,
            seconds(edges[at], rate),
            seconds(edges[at + 1], rate),
        )
        for at, number in enumerate(order)
    ]


def episode_id(plan: Plan) -> str:
    """The script's own id, else its title in lower-case ASCII with dashes."""
    if plan.script.episode_id:
        return plan.script.episode_id
    plain = unicodedata.normalize("NFKD", plan.script.title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "episode"


def degradations(timing: Timing) -> list[dict[str, Any]]:
    """Everything that a line asked for and did not get, in the order of the script."""
    return [
        {"line": each.line.source.line, "speaker": each.line.speaker, "engine": each.take.engine, "what": what}
        for each in timing.placed
        for what in each.take.degraded
    ]


def seconds(samples: int, rate: int) -> float:
    """Samples as seconds, to the microsecond (the same digits on every machine)."""
    return round(samples / rate, 6)


def _segment(placed: Placed, rate: int) -> dict[str, Any]:
    take, line = placed.take, placed.line
    return {
        "start_sec": seconds(placed.start, rate),
        "end_sec": seconds(placed.end, rate),
        "speaker": line.speaker,
        "text": line.source.text,
        "line": line.source.line,
        "id": line.job.id,
        "synthetic": not line.recorded,
        **(_source(placed) if line.recorded else {}),
        "engine": take.engine,
        "model": take.model,
        "model_revision": take.model_revision,
        "seed": take.seed if line.job.voice.engine.seeded else None,
        "attempt": take.attempt,
        "take_sha256": take.sha256,
        "locked": take.locked,
        "degraded": list(take.degraded),
    }


def _source(placed: Placed) -> dict[str, Any]:
    """What a recording was cut from."""
    recording = placed.line.source.recording or Recording("")
    found = {
        "file": Path(recording.path).name,
        "file_sha256": placed.take.model_revision,
        "from_sec": recording.start_s,
        "to_sec": recording.end_s,
        "clean": recording.clean,
    }
    return {"recording": found}


def _file(report: ExportReport) -> str:
    return Path(report.path).name


def _generation(facts: Facts) -> dict[str, Any]:
    spoken = (each.take for each in facts.timing.placed if not each.line.recorded)
    models = sorted({f"{take.engine}/{take.model}" for take in spoken})
    return {
        "model": ", ".join(models),
        "seed": facts.plan.seed,
        "context_turns": facts.plan.turns,
        "timestamp": facts.created,
        "script_sha256": facts.script_hash,
        "settings": dict(facts.settings),
    }


def _loudness(facts: Facts) -> dict[str, Any]:
    reports = {
        name: {key: value for key, value in asdict(each).items() if key != "path"}
        for name, each in facts.exports.items()
    }
    return {"master": asdict(facts.master), "files": reports}


def _mix(facts: Facts) -> dict[str, Any]:
    """How the show was mixed: the figures, each voice's level, and the sounds by name and content."""
    mixing, mix = facts.mixing, facts.mix
    rate = mixing.timing.sample_rate
    return {
        "sample_rate": mixing.target.sample_rate,
        "channels": mixing.target.num_channels,
        "preset": mix.preset,
        "room_tone_dbfs": mixing.target.room_dbfs,
        "speakers": {
            name: {"position": mix.positions.get(name, 0.0), "voices": _levels(mixing, name)}
            for name in dict.fromkeys(origin.speaker for origin in mixing.levels)
        },
        "tracks": [
            {
                "name": track.name,
                "clips": [[seconds(each.start_sample, rate), each.path.name] for each in track.placements],
            }
            for track in mixing.scene.tracks
            if track.name not in mixing.plan.speakers
        ],
        "sounds": {path.name: sound.sha256 for path, sound in sorted(mixing.sounds.items())},
    }


def _levels(mixing: Mixing, speaker: str) -> list[dict[str, Any]]:
    """What was measured in a speaker's synthetic lines and in each of his recordings, and the gain that each got."""
    files = {
        origin_of(each.line, each.take): each.line.source.recording.path
        for each in reversed(mixing.timing.placed)
        if each.line.source.recording is not None
    }
    return [
        {
            "recording": files.get(origin),
            "lufs": level.lufs,
            "gain_db": mixing.gains_db[origin],
            "speech_sec": level.seconds,
        }
        for origin, level in mixing.levels.items()
        if origin.speaker == speaker
    ]


def _voice(plan: Plan, name: str) -> dict[str, Any]:
    voice = plan.voices[name]
    return {
        "engine": voice.engine.name,
        "voice": voice.name,
        "language": voice.language,
        "consent": voice.consent,
        "licence": voice.licence,
    }


def _engines(timing: Timing) -> list[dict[str, Any]]:
    found = {
        (take.engine, take.model, take.model_revision): {
            "engine": take.engine,
            "output_version": take.engine_output_version,
            "model": take.model,
            "model_revision": take.model_revision,
            "engine_licence": each.line.job.voice.engine.licence,
        }
        for each in timing.placed
        if not each.line.recorded
        for take in [each.take]
    }
    return [found[key] for key in sorted(found)]
