"""A licence that must be accepted before its model is fetched or kept: said by a flag, never asked at a prompt."""

from __future__ import annotations

import os

from demod_voice.errors import LicenceRequired, UsageError
from demod_voice.models.entries import ModelEntry
from demod_voice.models.record import Acceptance, now, user

COQUI = ("cpml", "COQUI_TOS_AGREED", "1")
"""Word, variable and value by which Coqui's own tools take the CPML as accepted."""


def terms_of(entry: ModelEntry) -> str:
    """The licence of a model in a sentence for people."""
    where = f" ({entry.licence_url})" if entry.licence_url else ""
    return f"{entry.name} is under {entry.licence}{where}{f': {entry.terms}' if entry.terms else ''}"


def check_acceptance(entry: ModelEntry, word: str, verb: str, before: Acceptance | None = None) -> Acceptance | None:
    """The acceptance of a model's licence; None for a model that asks for none.

    Args:
        entry: the model.
        word: what ``--accept-licence`` said, or empty.
        verb: ``pull`` or ``import``, for the hint.
        before: an acceptance that is already recorded for this model.

    Raises:
        LicenceRequired: nobody said yes.
        UsageError: the word accepts another licence.
    """
    if not entry.accept:
        return None
    if word and word.lower() != entry.accept:
        raise UsageError(
            f"--accept-licence {word} is not the licence of {entry.name}", f"it is: --accept-licence {entry.accept}"
        )
    name, variable, value = COQUI
    if word:
        return Acceptance(entry.licence, user(), now(), f"--accept-licence {entry.accept}")
    if entry.accept == name and os.environ.get(variable) == value:
        return Acceptance(entry.licence, user(), now(), f"{variable}={value}")
    if before is not None and before.licence == entry.licence:
        return before
    what = "NAME" if verb == "pull" else "FOLDER"
    ask = f"demod-voice models {verb} {entry.name if verb == 'pull' else what} --accept-licence {entry.accept}"
    also = f" (or set {variable}={value})" if entry.accept == name else ""
    raise LicenceRequired(f"{terms_of(entry)}\nit has not been accepted", f"read it, and if you accept it: {ask}{also}")
