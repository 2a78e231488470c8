"""``report/index.html``: the page of a dataset, for a person with a browser and nothing else.

It asks for nothing from a network: style, charts and pictures are inside, and a policy in its head forbids everything
but the sound files of the dataset. The same manifest and the same clips give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from demod_voice.config.settings import Settings
from demod_voice.dataset.judging.judge import GATES
from demod_voice.dataset.judging.measures import MEASURES
from demod_voice.dataset.report import charts, tables
from demod_voice.dataset.report.facts import Told, number, told_of
from demod_voice.dataset.report.phonemes import ENGINE, Coverage, coverage_of
from demod_voice.dataset.report.spectrogram import spectrogram_png
from demod_voice.dataset.store import Dataset
from demod_voice.engines.pool import Pool
from demod_voice.errors import MediaError
from demod_voice.formats.dataset_manifest import Manifest, Segment
from demod_voice.media.wav import read_wav
from demod_voice.records.atomic import write_text
from demod_voice.units import counted

NAME = "report/index.html"
"""Where the page lies in a dataset."""
HISTOGRAMS = ("duration_s", "rms_dbfs", "snr_db", "bandwidth_hz", "chars_per_s", "reverb_s")
SAMPLES = 3
"""Pictures of clips that are kept, and of rejected ones."""
RARE = 10
"""A sound that is heard less often than this is one that a voice will hardly learn."""
_FOLDER = Path(__file__).parent


def write_report(
    dataset: Dataset, manifest: Manifest, settings: Settings, pool: Pool | None = None, path: Path | None = None
) -> Path:
    """Write the page of a dataset.

    Args:
        dataset: its folder.
        manifest: what it holds.
        settings: the language, where the manifest names none.
        pool: of the engines, for the sounds of the texts; None leaves them out, and the page says so.
        path: the file; None = ``report/index.html`` in the dataset.

    Raises:
        OutputError: it cannot be written.
    """
    target = path if path is not None else dataset.path / NAME
    target.parent.mkdir(parents=True, exist_ok=True)
    told = told_of(manifest)
    coverage = coverage_of(told.kept, _language(manifest, settings), pool)
    write_text(target, page(told, coverage, dataset.path, target))
    return target


def page(told: Told, coverage: Coverage, dataset: Path, target: Path) -> str:
    """The whole page, as it is to lie at ``target``."""
    manifest, links = told.manifest, tables.Links(dataset, target)
    css = _file("page.css")
    return Template(_file("page.html")).substitute(
        policy=_policy(css),
        css=css,
        title=escape(f"{manifest.name or 'Dataset'}: report"),
        heading=escape(manifest.name or "Dataset"),
        subtitle=escape(_subtitle(manifest)),
        verdict=tables.verdict_html(told),
        cards=tables.cards_html(told),
        split_words=escape(_SPLIT_WORDS.get(manifest.split_method, manifest.split_method)),
        splits=charts.split_bars(told.hours, told.speakers),
        speakers=tables.speakers_html(told),
        histograms=_histograms(told),
        reasons=_reasons(told),
        pictures=_pictures(told, dataset, links),
        coverage=coverage_html(coverage),
        nearest=_nearest(told, links),
        worst=_worst(told, links),
        anchors=tables.anchors_html(told, links),
        recordings=tables.recordings_html(told),
        skipped=tables.skipped_html(told),
        dropped=tables.dropped_html(told),
        gates=tables.gates_html(told),
        measures=tables.measures_html(),
        footer=escape(f"Dataset first made {manifest.created or 'at an unknown time'}."),
    )


_SPLIT_WORDS = {
    "recordings": "No recording is in two splits.",
    "blocks": "There is one recording only: the splits are blocks of it, with a gap between them.",
}


def _language(manifest: Manifest, settings: Settings) -> str:
    asked = manifest.settings.get("asked")
    return str((asked.get("language") if isinstance(asked, dict) else "") or settings.language)


def _subtitle(manifest: Manifest) -> str:
    recordings = counted(len(manifest.recordings), "recording")
    return f"{recordings}, {counted(len(manifest.segments), 'clip')}, {manifest.sample_rate} Hz {manifest.encoding}"


def _histograms(told: Told) -> str:
    gates = {gate.measure: gate for gate in GATES if gate.measure}
    known = {each.name: (each.title, each.unit) for each in MEASURES} | {"duration_s": ("Duration", "s")}
    parts = []
    for name in HISTOGRAMS:
        gate = gates.get(name)
        low, high = (
            getattr(told.gates, key) if key else None for key in ((gate.lowest, gate.highest) if gate else ("", ""))
        )
        parts.append(charts.histogram(charts.Histogram(*known[name], *told.values(name), low, high)))
    return "".join(parts) or "<p>No clip was measured.</p>"


def _reasons(told: Told) -> str:
    if not told.reasons:
        return "<p>No clip is in quarantine.</p>"
    return charts.reason_bars(told.reasons, tables.SENTENCES)


def _pictures(told: Told, dataset: Path, links: tables.Links) -> str:
    figures = [_picture(each, words, dataset, links) for each, words in samples(told)]
    return "".join(figures) or "<p>There are no clips.</p>"


def samples(told: Told) -> list[tuple[Segment, str]]:
    """Clips worth a picture: kept ones from noisy to clean, and the worst of the most frequent reasons."""
    ranked = sorted(told.kept, key=lambda each: (_snr(each), each.id))
    places = sorted({round(part * (len(ranked) - 1)) for part in np.linspace(0.1, 0.9, SAMPLES)}) if ranked else []
    chosen = [(ranked[place], "kept") for place in places]
    seen: set[str] = set()
    for reason, segment in told.worst:
        if reason not in seen and len(seen) < SAMPLES and all(segment is not each for each, _ in chosen):
            seen.add(reason)
            chosen.append((segment, f"rejected: {', '.join(segment.reasons) or reason}"))
    return chosen


def _snr(segment: Segment) -> float:
    value = number(segment, "snr_db")
    return 0.0 if value is None else value


def _picture(segment: Segment, words: str, dataset: Path, links: tables.Links) -> str:
    try:
        clip = read_wav(dataset / segment.path)
        image = base64.b64encode(spectrogram_png(clip.samples[0], clip.sample_rate)).decode()
        drawn = (
            f'<img alt="Spectrogram of {escape(segment.id)}" src="data:image/png;base64,{image}">'
            f"<small>0 to {clip.duration_s:.1f} s, 0 to {clip.sample_rate / 2000:g} kHz</small>"
        )
    except (MediaError, OSError) as error:
        drawn = f'<p class="hint">{escape(str(error))}</p>'
    snr = number(segment, "snr_db")
    noise = "" if snr is None else f", speech {snr:.0f} dB over the noise"
    return (
        f'<figure class="clip"><figcaption><a href="{links.to(segment.path)}">{escape(segment.id)}</a>: '
        f"{escape(words + noise)}</figcaption>{drawn}</figure>"
    )


def coverage_html(coverage: Coverage) -> str:
    """The sounds of the texts, the most frequent first."""
    if coverage.missing:
        return f"<p>{escape(coverage.missing)}</p>"
    total = sum(coverage.counts.values())
    most = max(coverage.counts.values(), default=1)
    rare = [each for each, count in coverage.counts.items() if count < RARE]
    of = "all" if coverage.texts == coverage.of else f"{coverage.texts} of"
    words = f"{len(coverage.counts)} sounds, {total} in all, in {of} {coverage.of} texts, as {ENGINE} would say them"
    warned = f"; heard less than {RARE} times: {' '.join(rare)}" if rare else ""
    cells = "".join(
        f"<li{' class=rare' if count < RARE else ''}><b>{escape(each)}</b><small>{count}</small>"
        f'<svg width="100%" height="4" aria-hidden="true"><rect class="lane" width="100%" height="4"/>'
        f'<rect class="kept" width="{count / most:.1%}" height="4"/></svg></li>'
        for each, count in coverage.counts.items()
    )
    return f'<p class="hint">{escape(words + warned)}. A diphthong counts as its letters.</p><ul class="sounds">{cells}</ul>'


def _nearest(told: Told, links: tables.Links) -> str:
    if not told.nearest:
        return "<p>No clip that is kept is near a threshold.</p>"
    rows = [(each, tables.beside(each, gate, told.gates)) for each, gate in told.nearest]
    return tables.clips_html(rows, links, "Clips that were nearly rejected")


def _worst(told: Told, links: tables.Links) -> str:
    if not told.worst:
        return ""
    rows: Sequence[tuple[Segment, str]] = [
        (each, tables.rejected_words(reason, each, told.gates)) for reason, each in told.worst
    ]
    return tables.clips_html(rows, links, "Rejected clips, the worst of each reason")


def _policy(css: str) -> str:
    """What the page may do: its own style by its hash, pictures inside it, the dataset's sound; no script at all."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    rules = {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "img-src": "data:",
        "media-src": "'self' file:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


@cache
def _file(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
