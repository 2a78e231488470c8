"""What a batch itself writes into its output folder, and that nothing of somebody else is overwritten with it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from demod_voice.errors import UsageError

WORK = "batch.demod"
"""The work folder in the output folder."""
RESULTS, TIMINGS, SUMMARY, MANIFEST = "results.csv", "timings.csv", "summary.json", "manifest.json"
"""What lies beside it: no output can be called so, for it has a sound's suffix."""
_BEGINS: Mapping[str, bytes] = {
    RESULTS: b"row,status,output,",
    TIMINGS: b"row,seconds,attempt,",
    SUMMARY: b'{\n  "utterances_generated"',
    MANIFEST: b'{\n  "schema"',
}
"""How each begins; they stay when the work folder is removed."""


def check_inputs(inputs: Iterable[Path], out_dir: Path) -> None:
    """Refuse an output folder whose files would replace what the batch reads.

    Raises:
        UsageError: an input is one of them.
    """
    for path in inputs:
        for name in _BEGINS:
            if _same(path, out_dir / name):
                what = f"{path} would be replaced by the {name} of the batch"
                raise UsageError(what, "give it another name, or choose another --out-dir")


def check_foreign(out_dir: Path) -> None:
    """Refuse a folder that no batch has used, and that holds files of somebody else under the names of a batch's own.

    Raises:
        UsageError: there is one.
    """
    if (out_dir / WORK).is_dir():
        return
    for name, begins in _BEGINS.items():
        path = out_dir / name
        if os.path.lexists(path) and not _begins(path, begins):
            raise UsageError(f"{path} is there and is of no batch", "move it away, or choose another --out-dir")


def _begins(path: Path, begins: bytes) -> bool:
    """Whether a file is empty or begins so; also when it cannot be read, which the writing tells."""
    try:
        with path.open("rb") as file:
            head = file.read(len(begins))
    except OSError:
        return True
    return head in (b"", begins)


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False
