"""The README of an exported audiofolder: a dataset card, its head read by the hub and by ``load_dataset``."""

from __future__ import annotations

import json
from collections.abc import Sequence

from demod_voice.formats.dataset_manifest import Manifest, Segment
from demod_voice.units import format_duration

SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
"""Rows below -> the hub's word for it. Source: the hub's list of ``size_categories``."""
HUB_SPLITS = {"val": "validation"}

Splits = Sequence[tuple[str, Sequence[Segment]]]


def card(manifest: Manifest, splits: Splits, language: str, sample_rate: int) -> str:
    """The card: a YAML head, and what a person should know of the data.

    Args:
        manifest: the dataset.
        splits: each split that has clips, with them.
        language: BCP 47.
        sample_rate: of the clips, Hz.
    """
    rows = [each for _, segments in splits for each in segments]
    seconds = sum(each.duration_s for each in rows)
    facts = [
        f"{len(rows)} clips, {format_duration(seconds)}, {sample_rate} Hz mono, cut from {_sources(rows)} recordings.",
        f"Speakers: {', '.join(sorted({each.speaker for each in rows} - {''})) or 'not named'}.",
        _division(manifest),
    ]
    table = [f"| {name} | {len(part)} | {format_duration(sum(s.duration_s for s in part))} |" for name, part in splits]
    columns = [
        "- `audio`: the clip, `text`: what is said, `speaker`: who says it",
        "- `source`, `start_s`, `end_s`: the recording, and where in it the clip lies, seconds",
        "- `duration_s`: of the clip, `text_source`: where the text is from, `qc`: what was measured",
    ]
    parts = [
        *(["---", *_head(manifest, splits, language, len(rows)), "---", "", f"# {_one_line(manifest.name)}", ""]),
        *([" ".join(facts), "", "| split | clips | duration |", "| --- | --- | --- |", *table, ""]),
        *(["## Columns", "", *columns, "", "Made with demod-voice (`dataset export audiofolder`).", ""]),
    ]
    return "\n".join(parts)


def _head(manifest: Manifest, splits: Splits, language: str, count: int) -> list[str]:
    size = next((word for most, word in SIZES if count < most), "n>10M")
    files = [
        line for name, _ in splits for line in (f"  - split: {HUB_SPLITS.get(name, name)}", f"    path: {name}/**")
    ]
    return [
        f"pretty_name: {json.dumps(_one_line(manifest.name), ensure_ascii=False)}",
        "language:",
        f"- {language.replace('_', '-').split('-')[0].lower()}",
        "task_categories:",
        "- text-to-speech",
        "- automatic-speech-recognition",
        "size_categories:",
        f"- {size}",
        "configs:",
        "- config_name: default",
        "  data_files:",
        *files,
    ]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _sources(rows: Sequence[Segment]) -> int:
    return len({each.source for each in rows})


def _division(manifest: Manifest) -> str:
    if manifest.split_method == "blocks":
        return "The splits are contiguous blocks of one recording, with a gap between them."
    return "No recording is in two splits."
