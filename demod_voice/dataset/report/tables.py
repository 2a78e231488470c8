"""The words and tables of a dataset's page as HTML. Every text from a manifest passes through ``escape``."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from demod_voice.config.settings import Gates
from demod_voice.dataset.judging.judge import GATES, Gate
from demod_voice.dataset.judging.measures import MEASURES
from demod_voice.dataset.report.facts import Told, number, why
from demod_voice.formats.dataset_manifest import ANCHORS, SPLITS, Recording, Segment
from demod_voice.units import counted, format_duration

MOST_RECORDINGS, MOST_SKIPPED, MOST_DROPPED, MOST_NOTES = 500, 200, 40, 40
"""Rows that are shown of each; the rest is counted."""
SENTENCES = {gate.name: gate.sentence for gate in GATES} | {"review": "A person rejected it."}
MOST_CHANGES = 2
"""Measures of a step of the cleaning that are shown."""
_SUFFIXES = {"dbfs": "dBFS", "dbtp": "dBTP", "db": "dB", "lu": "LU", "lufs": "LUFS", "hz": "Hz", "s": "s"}
_UNITS = {each.name: each for each in MEASURES}
_SHOWN = ("snr_db", "rms_dbfs")
"""Measures beside a clip."""


class Links:
    """Addresses of the dataset's files, as seen from the page."""

    def __init__(self, dataset: Path, page: Path) -> None:
        self._root = Path(os.path.relpath(dataset.resolve(), page.resolve().parent))

    def to(self, path: str) -> str:
        """The address of a file of the dataset, ready for an attribute."""
        return escape(quote((self._root / path).as_posix()))


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "wide") -> str:
    """A table; cells are HTML. On a narrow screen each row is a card whose cells carry their heads."""
    head = "".join(f'<th scope="col" role="columnheader">{escape(each)}</th>' for each in heads)
    body = "".join(
        '<tr role="row">'
        + "".join(
            f'<td role="cell" data-label="{escape(name)}">{cell}</td>' for name, cell in zip(heads, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table class="{kind}" role="table"><caption>{escape(caption)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead><tbody role="rowgroup">{body}</tbody></table></div>'
    )


def verdict_html(told: Told) -> str:
    """The first thing to see: how much is there, and what a person should know."""
    notes = list(told.manifest.notes)
    notes += [f"{each.get('name')} was skipped: {each.get('reason')}" for each in told.manifest.skipped]
    empty = [split for split in SPLITS if not any(count for count, _ in told.hours[split].values())]
    notes += [f"the split {split} is empty" for split in empty if told.kept and not _told_of(split, notes)]
    share = len(told.rejected) / max(1, len(told.manifest.segments))
    kind = "bad" if not told.kept or share > 0.5 else "look" if notes or share > 0.2 else "fine"
    mark = {"fine": "✓", "look": "!", "bad": "✗"}[kind]
    sentence = f"{format_duration(told.kept_s)} in {counted(len(told.kept), 'clip')} are kept"
    if told.rejected:
        sentence += f"; {counted(len(told.rejected), 'clip')} ({share:.0%}) are in quarantine"
    shown = [f"<li>{escape(each)}</li>" for each in notes[:MOST_NOTES]]
    shown += [f"<li>and {len(notes) - MOST_NOTES} more</li>"] if len(notes) > MOST_NOTES else []
    listed = f"<ul>{''.join(shown)}</ul>" if shown else ""
    return (
        f'<section class="verdict {kind}" aria-label="Verdict"><p><span class="mark" aria-hidden="true">{mark}</span> '
        f"{escape(sentence)}.</p>{listed}</section>"
    )


def _told_of(split: str, notes: Sequence[str]) -> bool:
    return any(split in note for note in notes)


def cards_html(told: Told) -> str:
    """The dataset's numbers as a row of cards."""
    manifest = told.manifest
    recorded = sum(each.duration_s for each in manifest.recordings)
    speech = sum(each.speech_s for each in manifest.recordings)
    lost = sum(seconds for _, seconds in told.dropped.values())
    texts = sum(bool(each.text.strip()) for each in told.kept)
    cards = [
        ("Kept", format_duration(told.kept_s), counted(len(told.kept), "clip")),
        ("In quarantine", format_duration(told.rejected_s), counted(len(told.rejected), "clip")),
        (
            "Recordings",
            str(len(manifest.recordings)),
            f"{format_duration(recorded)}, {format_duration(speech)} of speech",
        ),
        ("Speakers", str(len({each.speaker for each in told.kept})), "of the clips that are kept"),
        ("With text", f"{texts / max(1, len(told.kept)):.0%}", "of the clips that are kept"),
        ("In no clip", format_duration(lost), "speech that was dropped, with reasons"),
        ("Form", f"{manifest.sample_rate} Hz", f"mono, {manifest.encoding}"),
    ]
    return "".join(
        f"<div><dt>{escape(name)}</dt><dd><b>{escape(value)}</b><small>{escape(note)}</small></dd></div>"
        for name, value, note in cards
    )


def speakers_html(told: Told) -> str:
    """The bars' colours, and the same amounts as numbers."""
    rows = []
    for place, name in enumerate(told.speakers):
        cells = [f'<span><span class="dot s{place}"></span>{escape(name)}</span>']
        total = 0.0
        for split in SPLITS:
            count, seconds = told.hours[split].get(name, (0, 0.0))
            total += seconds
            cells.append(f"{format_duration(seconds)}, {count}" if count else "-")
        rows.append([*cells, format_duration(total)])
    return table("Time and clips by speaker and split", ["Speaker", *SPLITS, "together"], rows)


def clips_html(rows: Sequence[tuple[Segment, str]], links: Links, caption: str) -> str:
    """Clips to listen to; each with what is said of it."""
    cells = [
        [
            f'<a href="{links.to(each.path)}">{escape(each.id)}</a>{_player(links.to(each.path), each.id)}',
            escape(words),
            f"{each.duration_s:.1f}",
            *(_measured(each, name) for name in _SHOWN),
            f'<span class="said">{escape(_cut(each.text)) or "-"}</span>',
        ]
        for each, words in rows
    ]
    heads = ["Clip", "Why it is here", "Length, s", *(_heading(name) for name in _SHOWN), "Text"]
    return table(caption, heads, cells, "heard")


def anchors_html(told: Told, links: Links) -> str:
    """The reference clips."""
    rows = []
    for each in told.manifest.anchors:
        address = links.to(f"{ANCHORS}/{each.name}.wav")
        rows.append(
            [
                f'<a href="{address}">{escape(each.name)}</a>{_player(address, each.name)}',
                escape(each.segment),
                f"{each.duration_s:.1f}",
                escape(each.speaker or "-"),
                f'<span class="said">{escape(_cut(each.text)) or "-"}</span>',
            ]
        )
    if not rows:
        return "<p>No clips were set apart as anchors.</p>"
    return table("Anchors of the voice", ["Anchor", "Same as", "Length, s", "Speaker", "Text"], rows, "heard")


def recordings_html(told: Told) -> str:
    """Where everything is from, and what was done to it."""
    recordings = told.manifest.recordings
    heads = ["Recording", "Length", "Format", "Speaker", "Split", "Speech", "Clips", "Cleaning", "Notes"]
    rows = [_recording_row(each, told) for each in recordings[:MOST_RECORDINGS]]
    more = len(recordings) - MOST_RECORDINGS
    tail = f'<p class="hint">{more} more recordings are in dataset.json.</p>' if more > 0 else ""
    return table("Recordings", heads, rows) + tail


def _recording_row(each: Recording, told: Told) -> list[str]:
    kept, rejected = told.by_recording[each.id]
    rate = f", {each.bit_rate / 1000:.0f} kbit/s" if each.bit_rate else ""
    channel = "" if each.channel == "mix" else f", {each.channel} channel"
    notes = [*each.degraded, *_source_notes(each.source)]
    return [
        escape(each.name),
        format_duration(each.duration_s),
        escape(f"{each.codec}, {each.sample_rate} Hz, {counted(each.num_channels, 'channel')}{channel}{rate}"),
        escape(each.speaker or "-"),
        escape(each.split),
        f"{format_duration(each.speech_s)} ({escape(each.detector or '-')})",
        f'<span class="whole">{kept} kept</span>, <span class="whole">{rejected} rejected</span>',
        escape(cleaning_words(each.cleaning)) or "-",
        escape("; ".join(notes)) or "-",
    ]


def cleaning_words(cleaning: Mapping[str, Any]) -> str:
    """What a cleaning measured before and after, as a whole and for each of its steps, in a line."""
    words = _changes(cleaning, ("noise_floor_dbfs", "snr_db"))
    steps = cleaning.get("steps")
    for step in steps if isinstance(steps, Sequence) and not isinstance(steps, str) else ():
        if not isinstance(step, Mapping):
            continue
        told = [str(step["why"])] if step.get("why") else []
        told += _changes(step, list(_mapping(step.get("before"))))[:MOST_CHANGES]
        brackets = f" ({', '.join(told)})" if told else ""
        done = "" if step.get("applied") else ": not done"
        words.append(f"{step.get('name', '?')}{done}{brackets}")
    return "; ".join(words)


def _changes(measured: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """``noise floor -52.1 to -70.3 dBFS`` for each name that was measured before and after."""
    before, after = _mapping(measured.get("before")), _mapping(measured.get("after"))
    words = []
    for name in names:
        values = before.get(name), after.get(name)
        if all(isinstance(each, (int, float)) and math.isfinite(each) for each in values):
            title, _, suffix = name.rpartition("_")
            title, unit = (title, _SUFFIXES[suffix]) if suffix in _SUFFIXES else (name, "")
            words.append(f"{title.replace('_', ' ')} {values[0]:.1f} to {values[1]:.1f} {unit}".strip())
    return words


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _source_notes(source: Mapping[str, Any]) -> list[str]:
    notes = (
        [str(each) for each in source.get("notes", ())] if isinstance(source.get("notes", ()), (list, tuple)) else []
    )
    clipped = source.get("clipped_samples")
    return [*notes, f"{clipped} clipped samples"] if clipped else notes


def skipped_html(told: Told) -> str:
    """Recordings that could not be used."""
    skipped = told.manifest.skipped
    if not skipped:
        return ""
    rows = [[escape(str(each.get("name", ""))), escape(str(each.get("reason", "")))] for each in skipped[:MOST_SKIPPED]]
    more = len(skipped) - MOST_SKIPPED
    tail = f'<p class="hint">{more} more are in dataset.json.</p>' if more > 0 else ""
    return "<h3>Skipped</h3>" + table("Recordings that could not be used", ["Recording", "Why"], rows, "plain") + tail


def dropped_html(told: Told) -> str:
    """Speech that is in no clip."""
    if not told.dropped:
        return "<p>All speech that was found is in a clip.</p>"
    sums = [[escape(name), str(count), format_duration(seconds)] for name, (count, seconds) in told.dropped.items()]
    longest = sorted(told.manifest.dropped, key=lambda each: (each.start_s - each.end_s, each.source, each.start_s))
    rows = [
        [escape(each.source), _clock(each.start_s), format_duration(each.end_s - each.start_s), escape(each.reason)]
        for each in longest[:MOST_DROPPED]
    ]
    listed = table("The longest of them", ["Recording", "From", "Length", "Why"], rows, "plain")
    return (
        table("Speech that is in no clip, by reason", ["Why", "Stretches", "Together"], sums, "plain")
        + f"<details><summary>The longest of them</summary>{listed}</details>"
    )


def gates_html(told: Told) -> str:
    """Every gate with its threshold, what it measures, and how many it rejected."""
    rows = []
    for gate in GATES:
        rows.append(
            [
                f"<b>{escape(gate.name)}</b>",
                escape(f"{', '.join(_limits(gate, told.gates))} {_unit(gate)}".strip()),
                str(told.reasons.get(gate.name, (0, 0.0))[0]),
                escape(gate.sentence),
                "<br>".join(f"<code>{escape(key)}</code>" for key in gate.keys),
            ]
        )
    return table("Thresholds", ["Gate", "Passes", "Rejected", "What it finds", "Setting"], rows)


def measures_html() -> str:
    """What each measure is."""
    rows = [
        [escape(each.title), f"<code>{escape(each.name)}</code>", escape(each.unit), escape(each.definition)]
        for each in MEASURES
    ]
    return table("Measures", ["Measure", "Key", "Unit", "Definition"], rows, "plain")


def rejected_words(reason: str, segment: Segment, gates: Gates) -> str:
    """Why a clip is among the rejected ones: the gate, what was measured, and what would pass."""
    others = [each for each in why(segment) if each != reason]
    also = f"; also {', '.join(others)}" if others else ""
    gate = next((each for each in GATES if each.name == reason), None)
    told = beside(segment, gate, gates) if gate is not None else SENTENCES.get(reason, reason)
    return f"{told}{also}"


def beside(segment: Segment, gate: Gate, gates: Gates) -> str:
    """A clip's measure beside a gate's thresholds: ``snr: 3.2 dB (at least 5)``."""
    measure = _UNITS.get(gate.measure)
    value = number(segment, gate.measure) if measure else segment.speaker_score
    if value is None:
        return f"{gate.name}: {gate.sentence}"
    return f"{gate.name}: {f'{value:g} {_unit(gate)}'.rstrip()} ({', '.join(_limits(gate, gates))})"


def _unit(gate: Gate) -> str:
    """The unit of what a gate looks at; a ratio and a similarity have none."""
    measure = _UNITS.get(gate.measure)
    return measure.unit if measure and measure.unit != "ratio" else ""


def _limits(gate: Gate, gates: Gates) -> list[str]:
    pairs = ((gate.lowest, "at least"), (gate.highest, "at most"))
    return [f"{words} {getattr(gates, key):g}" for key, words in pairs if key]


def _measured(segment: Segment, name: str) -> str:
    value = number(segment, name)
    return "-" if value is None else f"{value:.{min(1, _UNITS[name].digits)}f}"


def _heading(name: str) -> str:
    return f"{_UNITS[name].title}, {_UNITS[name].unit}"


def _player(address: str, name: str) -> str:
    return f'<audio controls preload="none" src="{address}" aria-label="{escape(name)}"></audio>'


def _cut(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    return f"{hours}{whole // 60 % 60:02d}:{whole % 60:02d}"
