"""Speaker turns of a diarization, in RTTM: ``SPEAKER file channel start length <NA> <NA> name <NA> <NA>``.

Source: NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan", appendix A.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from demod_voice.errors import Fault, FaultsError, UsageError
from demod_voice.formats.document import shown
from demod_voice.units import format_size

LARGEST = 50_000_000
"""Bytes: half a million turns."""
TYPES = frozenset(
    "SPEAKER SEGMENT NOSCORE NO_RT_METADATA LEXEME NON-LEX NON-SPEECH FILLER EDIT IP SU CB A/P SPKR-INFO".split()
)
"""Of these only SPEAKER is a turn."""
_FORM = "as in  SPEAKER interview 1 12.34 2.50 <NA> <NA> anna <NA> <NA>"


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody speaks."""

    start_s: float
    end_s: float
    speaker: str
    recording: str = ""
    """Name of the recording, without its suffix, as the file has it."""


def read_rttm(path: Path) -> tuple[Turn, ...]:
    """Turns in the order of their starts.

    Raises:
        UsageError: the file does not exist, cannot be read or is too large.
        FaultsError: every line that is no RTTM, by number.
    """
    faults: list[Fault] = []
    turns = list(_turns(_text(path), faults))
    if faults:
        raise FaultsError(str(path), faults)
    return tuple(sorted(turns, key=lambda turn: (turn.recording, turn.start_s, turn.end_s, turn.speaker)))


def _turns(text: str, faults: list[Fault]) -> Iterator[Turn]:
    for number, line in enumerate(text.split("\n"), 1):
        fields = line.split()
        if not fields or fields[0].startswith(";;"):
            continue
        if fields[0].upper() not in TYPES:
            faults.append(Fault(number, f"{shown(fields[0][:40])} is no type of RTTM", _FORM))
        elif fields[0].upper() == "SPEAKER":
            turn = _turn(number, fields, faults)
            if turn is not None:
                yield turn


def _turn(number: int, fields: list[str], faults: list[Fault]) -> Turn | None:
    if len(fields) < 8:
        faults.append(Fault(number, f"a turn has ten fields, this has {len(fields)}", _FORM))
        return None
    try:
        start_s, length_s = float(fields[3]), float(fields[4])
    except ValueError:
        start_s = length_s = math.nan
    if not (math.isfinite(start_s) and math.isfinite(length_s) and start_s >= 0 and length_s >= 0):
        what = f"start and length must be seconds from 0 up, got {shown(fields[3][:40])} and {shown(fields[4][:40])}"
        faults.append(Fault(number, what, _FORM))
        return None
    return Turn(start_s, start_s + length_s, fields[7], fields[1])


def _text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"the turns {path} are no file", "give an .rttm file")
        size = path.stat().st_size
        if size > LARGEST:
            raise UsageError(f"{path} is {format_size(size)}, too large for RTTM", f"at most {format_size(LARGEST)}")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"the turns {path} do not exist") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 (byte offset {error.start})", "save it as UTF-8") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"the turns {path} cannot be read: {getattr(error, 'strerror', error)}") from error
