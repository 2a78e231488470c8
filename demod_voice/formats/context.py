"""What a line goes on from: ``context: anchors``, or ``context: {turns: 4}``. Used by the readers of scripts."""

from __future__ import annotations

from demod_voice.formats.document import Place, shown

ANCHORS = "anchors"
MOST_TURNS = 8
"""Listeners report that a voice drifts after about twenty turns in a row; a chapter begins anew."""
_FORM = f"as in  context: {ANCHORS}  or  context: {{turns: 4}}"


def read_context(place: Place) -> int | None:
    """The turns of the key ``context``: 0 for the anchors alone, None where nothing is said."""
    value = place.values.get("context")
    if value is None:
        return None
    if value == ANCHORS:
        return 0
    inner = place.inner("context", _FORM) if isinstance(value, dict) else None
    if inner is None:
        if not isinstance(value, dict):
            place.fault("context", f"{place.path('context')} is {shown(value)}", _FORM)
        return None
    inner.only(("turns",))
    if inner.values.get("turns") is None:
        inner.fault("turns", f"{inner.path('turns')} is missing", _FORM)
    return inner.whole("turns", 1, MOST_TURNS)
