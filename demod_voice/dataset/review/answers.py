"""What the page is told: a clip, the dataset, a refusal; plain JSON values."""

from __future__ import annotations

from typing import Any

from demod_voice.dataset.judging.judge import GATES
from demod_voice.dataset.judging.measures import MEASURES
from demod_voice.dataset.review.session import Session
from demod_voice.errors import DemodError

UNITS = {"ratio": "", "full scale": ""}
"""Units that say nothing beside a number."""
MOST_ROWS = 200
"""Clips in one answer."""


def clip_answer(session: Session, place: int) -> dict[str, Any]:
    """All that the page shows of a clip."""
    segment, state, window = session.segments[place], session.state(place), session.window(place)
    return {
        "place": place,
        "id": segment.id,
        "revision": state.revision,
        "review": state.review,
        "text": state.text,
        "text_source": state.text_source,
        "who": state.who,
        "reasons": list(segment.reasons),
        "speaker": segment.speaker,
        "label": segment.label,
        "speaker_score": segment.speaker_score,
        "split": segment.split,
        "recording": session.recordings.get(segment.source, segment.source),
        "duration_s": segment.duration_s,
        "qc": dict(segment.qc),
        "sound": window.sha256,
        "first_sample": window.first_sample,
        "num_samples": window.num_samples,
        "start_s": window.start_s,
        "end_s": window.end_s,
    }


def dataset_answer(session: Session, reviewer: str) -> dict[str, Any]:
    """What the page shows of a dataset that does not change while it is reviewed."""
    return {
        "name": session.name,
        "folder": str(session.dataset.path),
        "sample_rate": session.sample_rate,
        "reviewer": reviewer,
        "measures": [
            {
                "name": each.name,
                "title": each.title,
                "unit": UNITS.get(each.unit, each.unit),
                "definition": each.definition,
            }
            for each in MEASURES
        ],
        "gates": [{"name": each.name, "measure": each.measure, "sentence": each.sentence} for each in GATES],
        **session.catalogue.facets(),
    }


def decided_answer(session: Session, place: int | None) -> dict[str, Any]:
    """After a decision: the clip as it is now, and how far the dataset is."""
    return {"clip": None if place is None else clip_answer(session, place), "progress": session.progress()}


def refusal(error: DemodError, session: Session, place: int | None = None) -> dict[str, Any]:
    """Why something was not done; with the clip, where that is another one than was shown."""
    clip = {} if place is None else {"clip": clip_answer(session, place)}
    return {"error": error.message, "hint": error.hint or "", **clip}
