"""Journals of reviews of several datasets as one: decisions follow their clips, and an undo its decision."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from demod_voice.dataset.review.journal import Decision


def joined_reviews(journals: Sequence[tuple[Sequence[Decision], Mapping[str, str]]]) -> tuple[str, int]:
    """The text of the joined journal, and its number of lines.

    Args:
        journals: decisions, and clip -> its new id; a decision about a clip that has none is left out.
    """
    lines: list[str] = []
    for decisions, names in journals:
        places: dict[int, int] = {}
        for number, decision in enumerate(decisions, 1):
            if decision.clip not in names:
                continue
            row = {**asdict(decision), "before": dict(decision.before), "after": dict(decision.after)}
            row["clip"] = names[decision.clip]
            row["undoes"] = places.get(decision.undoes, 0)
            if not row["undoes"]:
                del row["undoes"]
            lines.append(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
            places[number] = len(lines)
    return "".join(lines), len(lines)


def windows(decisions: Iterable[Decision]) -> set[str]:
    """SHA-256 of every file that a trimmed clip is, or was, a part of."""
    changes: list[Mapping[str, Any]] = [change for each in decisions for change in (each.before, each.after)]
    found = (change.get("window") for change in changes)
    return {each["sha256"] for each in found if isinstance(each, Mapping) and "sha256" in each}
