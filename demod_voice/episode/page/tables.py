"""The words and tables of a report as HTML. Every text from a script or a manifest passes through ``escape``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from demod_voice.episode.page.charts import speaker_class
from demod_voice.episode.page.facts import BAD, FINE, LineFacts, Told, Verdict, clock
from demod_voice.mix.presets import PRESETS
from demod_voice.units import counted, format_size

MARKS = {FINE: "✓", BAD: "✗"}
SHOWN_LINKS = 12
PEAK_ROOM_DB = 0.05
"""A measured peak this much over the ceiling is still the ceiling: what a true-peak meter may be off by."""


def verdict_html(verdict: Verdict) -> str:
    """The first thing to see: is it fine?"""
    rows = "".join(f"<li>{escape(each)}</li>" for each in (*verdict.warnings, *verdict.notes))
    listed = f"<ul>{rows}</ul>" if rows else ""
    mark = MARKS.get(verdict.mark, "!")
    return (
        f'<section class="verdict {verdict.mark}" aria-label="Verdict"><p><span class="mark" aria-hidden="true">{mark}'
        f"</span> {escape(verdict.sentence)}</p>{listed}</section>"
    )


def figures_html(told: Told, lines: Sequence[LineFacts]) -> str:
    """The master's numbers against the targets, as a row of cards."""
    master, targets = told.story["loudness"]["master"], told.targets
    off = master["lufs"] - targets.lufs
    over = master["true_peak_dbtp"] - targets.true_peak_dbtp
    speakers = told.story["speakers"]
    return "".join(
        [
            _card(
                "Length",
                clock(told.story["duration_sec"]),
                f"{counted(len(lines), 'line')}, {counted(len(speakers), 'speaker')}",
            ),
            _card(
                "Loudness",
                f"{master['lufs']:.1f} LUFS",
                f"target {targets.lufs:.3g} LUFS",
                bool(master.get("on_target", abs(off) <= 0.1)) or abs(off) <= 0.1,
            ),
            _card(
                "True peak",
                f"{master['true_peak_dbtp']:.1f} dBTP",
                f"at most {targets.true_peak_dbtp:g} dBTP",
                over <= PEAK_ROOM_DB,
            ),
            *_rms_card(told),
            _card("Loudness range", f"{master['lra_lu']:.1f} LU", "how much loud and soft differ"),
        ]
    )


def _rms_card(told: Told) -> list[str]:
    """The RMS over the whole file, where the preset is about it."""
    name = told.story.get("mix", {}).get("preset")
    limits = PRESETS[name].rms_db if name in PRESETS else None
    if limits is None:
        return []
    rms = told.story["loudness"]["master"]["rms_dbfs"]
    low, high = limits
    return [_card("RMS", f"{rms:.1f} dBFS", f"between {low:g} and {high:g} dBFS", low <= rms <= high)]


def _card(name: str, value: str, note: str, passed: bool | None = None) -> str:
    mark = (
        ""
        if passed is None
        else f' <span class="{"pass" if passed else "fail"}">{"✓ met" if passed else "✗ missed"}</span>'
    )
    return f"<div><dt>{escape(name)}</dt><dd><b>{escape(value)}</b>{mark}<small>{escape(note)}</small></dd></div>"


def formats_html(told: Told) -> str:
    """Every published sound file, as it was measured after encoding."""
    sizes = {path.name: _size(path) for path in told.audio}
    rows = []
    for name, each in told.story["loudness"]["files"].items():
        file = told.story["audio_files"].get(name, name)
        good = bool(each.get("within"))
        rows.append(
            [
                escape(file),
                sizes.get(file, "-"),
                clock(each["duration_s"]),
                f"{each['lufs']:.2f}",
                f"{each['true_peak_dbtp']:.2f}",
                _gain(each),
                f'<span class="{"pass" if good else "fail"}">{"✓ met" if good else "✗ missed"}</span>',
            ]
        )
    heads = ["File", "Size", "Length", "Loudness, LUFS", "True peak, dBTP", "Gain, dB", "Targets"]
    return table("Files, measured after encoding", heads, rows, "wide")


def _gain(measured: Mapping[str, Any]) -> str:
    """What was added before encoding, so that the encoder's own step is made up for."""
    gain_db = measured.get("gain_db", measured.get("corrected_db")) or 0.0
    encodes = measured.get("encodes", 1)
    again = f" (encoded {encodes} times)" if encodes > 1 else ""
    return f"{gain_db:+.2f}{again}" if gain_db else f"0{again}"


def degradations_html(lines: Sequence[LineFacts]) -> str:
    """What lines asked for and did not get, and lines that are odd, grouped by what."""
    by_what: dict[str, list[LineFacts]] = {}
    for line in lines:
        for what in line.faults:
            by_what.setdefault(what.partition(":")[0] if what.startswith(("loud", "quiet")) else what, []).append(line)
    if not by_what:
        return "<p>Every line got what it asked for, and none stands out.</p>"
    rows = []
    for what, found in sorted(by_what.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        links = ", ".join(f'<a href="#t{each.number}">{each.number}</a>' for each in found[:SHOWN_LINKS])
        more = f" and {len(found) - SHOWN_LINKS} more" if len(found) > SHOWN_LINKS else ""
        rows.append([escape(what), str(len(found)), links + more])
    return table("What lines did not get, and lines that stand out", ["What", "Lines", "Which"], rows, "plain")


def chapters_html(told: Told) -> str:
    """The chapters; each start is a button that plays from there."""
    chapters = told.story.get("chapters") or []
    if not chapters:
        return ""
    rows = [
        [
            _play(each["start_sec"], f"Play chapter {each['title']}", clock(each["start_sec"])),
            escape(each["title"]),
            clock(each["end_sec"] - each["start_sec"]),
        ]
        for each in chapters
    ]
    return "<h2>Chapters</h2>" + table("Chapters", ["Start", "Title", "Length"], rows, "plain")


def takes_html(told: Told, lines: Sequence[LineFacts]) -> str:
    """The table of takes: sorted and filtered by report.js."""
    speakers = list(told.story["speakers"])
    heads = [
        ("n", "No."),
        ("start", "Time"),
        ("speaker", "Speaker"),
        ("text", "Text"),
        ("length", "Length, s"),
        ("level", "Level, LU"),
        ("seed", "Seed"),
        ("source", "Take"),
        ("faults", "To look at"),
    ]
    head = "".join(
        f'<th scope="col" role="columnheader" class="{key}">'
        f'<button type="button" data-key="{key}">{escape(words)}</button></th>'
        for key, words in heads
    )
    body = "".join(_take_row(each, speakers) for each in lines)
    return (
        '<table id="takes" role="table"><caption>Takes in the order in which they are heard. Level is the line\'s '
        "loudness less the target.</caption>"
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead><tbody role="rowgroup">{body}</tbody></table>'
    )


def _take_row(line: LineFacts, speakers: Sequence[str]) -> str:
    length = line.end_s - line.start_s
    level = "-" if line.level_lu is None else f"{line.level_lu:+.1f}"
    label = f"Play line {line.number}, {line.speaker}, at {clock(line.start_s)}"
    attempt = f", attempt {line.attempt + 1}" if line.attempt else ""
    cells = [
        ("n", "", str(line.number)),
        ("start", "", _play(line.start_s, label, clock(line.start_s))),
        ("speaker", "", f'<span class="dot {speaker_class(line.speaker, speakers)}"></span>{escape(line.speaker)}'),
        ("text", "", escape(line.text)),
        ("length", "Length", f"{length:.2f}"),
        ("level", "Level", level),
        ("seed", "Seed", escape(f"{line.seed or '-'}{attempt}")),
        ("source", "Take", escape(line.source)),
        ("faults", "", escape("; ".join(line.faults))),
    ]
    tds = "".join(f'<td role="cell" class="{key}"{_labelled(named)}>{html}</td>' for key, named, html in cells)
    odd = ' class="odd-line"' if line.faults else ""
    values = f'data-start="{line.start_s:.3f}" data-end="{line.end_s:.3f}" data-level="{level}"'
    return f'<tr role="row" id="t{line.number}" {values}{odd}>{tds}</tr>'


def _labelled(name: str) -> str:
    return f' data-label="{name}"' if name else ""


def _play(start_s: float, label: str, words: str) -> str:
    return (
        f'<button type="button" class="play" data-at="{start_s:.3f}" aria-label="{escape(label)}">'
        f'<span aria-hidden="true">▶</span> {escape(words)}</button>'
    )


def voices_html(told: Told, lines: Sequence[LineFacts]) -> str:
    """Who speaks with what, by whose leave, and under which licence."""
    rows = []
    licences = {each["speaker"]: each for each in told.story.get("voice_licences", ())}
    total = sum(each.end_s - each.start_s for each in lines) or 1.0
    for name, each in told.story["voices"].items():
        own = [line.end_s - line.start_s for line in lines if line.speaker == name]
        share = f"{clock(sum(own))} ({100 * sum(own) / total:.0f} %)"
        made = f"{each['engine']}/{each['voice']}" if each.get("voice") else each["engine"]
        facts = [made, each.get("language"), each.get("consent"), _licence(licences.get(name, each))]
        rows.append([escape(name), str(len(own)), share, *(escape(str(fact or "-")) for fact in facts)])
    heads = ["Speaker", "Lines", "Speech", "Voice", "Language", "Consent", "Licence of the voice"]
    return table("Voices", heads, rows, "wide")


def _licence(facts: Mapping[str, Any]) -> str:
    """A voice's licence and what it means for a show that earns money."""
    kind, licence = facts.get("kind", ""), str(facts.get("licence") or "-")
    if kind == "none":
        return "no terms on the sound"
    return f"{licence} ({kind})" if kind in ("unknown", "non-commercial") and licence != kind else licence


def synthetic_words(lines: Sequence[LineFacts]) -> str:
    """How much of the speech is synthetic."""
    recorded = sum(each.source == "recording" for each in lines)
    if not recorded:
        return "Every line is synthetic speech."
    return f"{len(lines) - recorded} of {len(lines)} lines are synthetic speech; the others are recordings."


def engines_html(told: Told) -> str:
    """Engines and models with their versions."""
    keys = ("engine", "output_version", "model", "model_revision", "engine_licence")
    rows = [[escape(str(each.get(key) or "-")) for key in keys] for each in told.story["engines"]]
    heads = ["Engine", "Output version", "Model", "Revision", "Licence of the engine"]
    return table("Engines", heads, rows, "wide")


def settings_html(told: Told) -> str:
    """Every setting that shaped the episode, and what this run took."""
    shaped = [[escape(name), escape(value)] for name, value in flat(told.story["generation"].get("settings", {}))]
    ran = [[escape(name), escape(value)] for name, value in flat(dict(told.numbers))]
    return (
        "<details><summary>Settings that shaped it</summary>"
        + table("Settings", ["Setting", "Value"], shaped, "plain")
        + "</details><details><summary>What this run took</summary>"
        + table("This run", ["Measure", "Value"], ran, "plain")
        + "</details>"
    )


def flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as (dotted name, value in words)."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from flat(each, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        yield name, ", ".join(str(each) for each in value) or "-"
    else:
        yield name, "-" if value in ("", None) else str(value)


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], kind: str) -> str:
    """A table of cells that are HTML already; it scrolls sideways by itself where the page is narrow."""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join(f"<tr>{_cells(heads, row)}</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table class="{kind}">'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(heads: Sequence[str], row: Sequence[str]) -> str:
    return "".join(f'<td data-label="{escape(head)}">{cell}</td>' for head, cell in zip(heads, row, strict=True))


def _size(path: Path) -> str:
    try:
        return format_size(path.stat().st_size)
    except OSError:
        return "-"
