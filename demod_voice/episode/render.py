"""Render an episode: speak, place, mix, master, export, and write down what was done.

Every stage is a step of the run folder ``X.demod/``, so that a kill at any moment loses at most the step in hand.
"""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demod_voice.config.settings import Settings
from demod_voice.episode.manifest import Facts, manifest, metrics
from demod_voice.episode.mixing import mix_and_master, stage
from demod_voice.episode.outputs import Outputs, outputs_for
from demod_voice.episode.page.facts import Told
from demod_voice.episode.production import PLAIN, RenderOptions, speak
from demod_voice.episode.publication import publish_episode
from demod_voice.episode.ready import make_ready, shaping
from demod_voice.episode.report import begin_view, lanes, sources, write_report
from demod_voice.episode.request import remember, request_of
from demod_voice.episode.timing_file import write_timing
from demod_voice.errors import QualityError
from demod_voice.formats.script import Show
from demod_voice.mix.loudness import prepare
from demod_voice.mix.master import MasterReport
from demod_voice.publish.export import ExportReport, Master
from demod_voice.publish.feed import Item
from demod_voice.records.atomic import sweep, write_json
from demod_voice.records.lock import locked
from demod_voice.records.progress import SILENT, Progress
from demod_voice.records.steps import RunFolder
from demod_voice.speech.studio import Studio


@dataclass(frozen=True, slots=True)
class RenderReport:
    """What a render made."""

    outputs: Outputs
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]
    warnings: tuple[str, ...]
    item: Item
    """The episode, for a feed."""
    show: Show
    """The show that it belongs to."""


@dataclass(slots=True)
class _Clock:
    """Seconds spent in each phase: an observation."""

    started: float = field(default_factory=time.perf_counter)
    phases: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.phases[name] = time.perf_counter() - begin

    @property
    def total_s(self) -> float:
        return time.perf_counter() - self.started


def render(
    script_path: Path,
    output: Path,
    settings: Settings,
    options: RenderOptions = PLAIN,
    progress: Progress = SILENT,
    warm: Studio | None = None,
) -> RenderReport:
    """Make the episode of a script.

    Args:
        script_path: Markdown, JSON or YAML script.
        output: the audio file; its suffix is the format, its stem names every other file.
        settings: what to render with; ``settings.jobs`` lines are spoken at once.
        options: formats, mix, preset, timing.
        progress: told how far the work is.
        warm: a studio with the same settings, whose engines may have spoken other episodes; None = one for this one.

    Raises:
        UsageError, FaultsError: the script, a speaker or the output is wrong; nothing was started.
        EngineError: lines could not be spoken; what was spoken is kept.
        OutputError: a file cannot be written.
    """
    clock = _Clock()
    threading.Thread(target=prepare, name="prepare", daemon=True).start()
    outputs = outputs_for(output, options.formats, settings)
    ready = make_ready(script_path, outputs, settings, options, progress)
    production, publication = ready.production, ready.publication
    plan, mix, settings = production.plan, production.mix, production.settings
    with locked(_lock_path(outputs), lambda: progress.note(f"waiting: another render works on {outputs.work}")):
        sweep(outputs.files)
        run = RunFolder(outputs.work)
        remember(run.path, request_of(script_path, settings, options.sources))
        with clock.phase("speak"):
            takes = speak(production, run, progress, warm=warm)
        with clock.phase("mix"):
            mixing = stage(plan, takes, mix, production.target, run, settings, progress, production.starts_s)
            mixed = mix_and_master(mixing, run, progress)
        drawn = begin_view(run, mixed) if settings.episode.report else None
        timing, mastered = mixing.timing, mixed.report
        source = Master(mixed.path, mastered.lufs, mastered.true_peak_dbtp, mastered.target_lufs, mixed.sha256)
        with clock.phase("export"):
            published = publish_episode(publication, run, outputs, source, timing, settings, progress)
        warnings = _warnings(mastered, published.exports)
        facts = Facts(
            plan,
            mixing,
            mix,
            mastered,
            published.exports,
            published.hashes,
            run.created,
            shaping(settings),
            plan.script.sha256,
            warnings,
            publication.licences,
        )
        story, numbers = manifest(facts), metrics(facts, clock.total_s, _peak_memory_gb(), clock.phases)
        write_json(outputs.manifest, story)
        write_json(outputs.metrics, numbers)
        write_timing(run.path / "timing.json", timing)
        if options.timing is not None and not options.timing.exists():
            write_timing(options.timing, timing)
        if drawn is not None:
            audio = tuple(outputs.audio.values())
            write_report(outputs.report, Told(story, numbers, sources(timing), audio, drawn.result(), lanes(mixing)))
        else:
            outputs.report.unlink(missing_ok=True)
        _write_run(run, numbers)
    return RenderReport(outputs, story, numbers, warnings, published.item, plan.script.show)


def require_quality(report: RenderReport) -> None:
    """Raise when the episode is finished but misses its loudness or peak.

    Raises:
        QualityError: names each miss.
    """
    if report.warnings:
        raise QualityError("the episode is written, but: " + "; ".join(report.warnings))


def _lock_path(outputs: Outputs) -> Path:
    return outputs.work / "lock"


def _warnings(mastered: MasterReport, exports: Mapping[str, ExportReport]) -> tuple[str, ...]:
    found = [] if mastered.on_target else [f"the master is at {mastered.lufs:.2f} LUFS, off its target"]
    found += [
        f"{name}: {report.lufs:.2f} LUFS, true peak {report.true_peak_dbtp:.2f} dBTP, outside the target"
        for name, report in exports.items()
        if not report.within
    ]
    return tuple(found)


def _write_run(run: RunFolder, numbers: Mapping[str, Any]) -> None:
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    facts = {"finished": finished, "python": sys.version.split()[0], **numbers, **run.observed}
    write_json(run.path / "run.json", facts)


def _peak_memory_gb() -> float:
    """Largest resident size of this process or of any finished child, GB (10**9 bytes)."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) * 1024 / 1e9
