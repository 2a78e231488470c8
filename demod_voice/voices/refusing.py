"""What can be wrong with the flags of one engine, found before it is started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from demod_voice.errors import Fault, FaultsError, MediaError

Bounds = Mapping[str, tuple[float, float]]
"""Style key -> least and greatest value, as the engine's worker checks them."""


def range_faults(style: Mapping[str, Any], bounds: Bounds) -> Iterator[Fault]:
    """The numbers that are out of their range, each by its flag."""
    for key, value in style.items():
        least, most = bounds[key]
        if not least <= value <= most:
            flag = f"--{key.replace('_', '-')}"
            yield Fault(None, f"{flag} {value:g} is outside {least:g} to {most:g}", "leave it out for the model's own")


def refuse(source: str, faults: list[Fault], unreadable: list[str]) -> None:
    """Tell all that is wrong, if anything is.

    Args:
        source: what it is about, for people.
        faults: what was asked wrongly.
        unreadable: a phrase for each file that is no sound.

    Raises:
        FaultsError: there are faults; the unreadable files are among them.
        MediaError: sound that cannot be read is all that is wrong.
    """
    if faults:
        raise FaultsError(source, [*faults, *(Fault(None, each) for each in unreadable)])
    if unreadable:
        raise MediaError("\n".join(unreadable), "give a sound file, such as a WAV of clear speech")
