"""The name that this program was called by, so that the commands in its hints can be copied as they stand."""

from __future__ import annotations

import os
import re
import shlex

from demod_voice.cli.groups import ALIASES, GROUPS, PROGRAM

VARIABLE = "DEMOD_VOICE_COMMAND"
"""Set by ``bin/demod-voice`` to its own path as it was typed; absent where ``demod-voice`` is on the PATH."""
_COMMAND = re.compile(rf"(?<![\w./-]){re.escape(PROGRAM)} (?=(?:{'|'.join([*GROUPS, *ALIASES])})\b)")


def as_called(text: str) -> str:
    """``text`` with every command of this program as its user calls it: ``./bin/demod-voice episode render``."""
    name = os.environ.get(VARIABLE, "")
    return _COMMAND.sub(lambda _: f"{shlex.quote(name)} ", text) if name else text
