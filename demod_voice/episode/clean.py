"""Remove the work folder of an episode; the published files stay."""

from __future__ import annotations

import shutil
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.episode.chosen import read_choices
from demod_voice.errors import UsageError
from demod_voice.records.lock import locked


def clean(output: Path, settings: Settings, force: bool = False) -> int:
    """Remove ``X.demod`` of the episode ``X.mp3`` (or given as the folder itself); return the bytes that were freed.

    Waits for a render that is at work there.

    Args:
        output: the episode, or its work folder.
        settings: which folders may be touched.
        force: also when takes were chosen or locked by a person.

    Raises:
        UsageError: there is no such folder, it is not a work folder of an episode, or it holds chosen takes.
    """
    work = output if output.suffix == ".demod" else output.with_suffix(".demod")
    check_inside([work], settings.paths.allowed_roots)
    if not work.is_dir():
        raise UsageError(f"{output} has no work folder: {work} does not exist")
    if not (work / "steps").is_dir():
        raise UsageError(f"{work} is not the work folder of an episode", "nothing was removed")
    with locked(work / "lock"):
        choices = () if force else read_choices(work)
        if choices:
            locks = sum(each.locked for each in choices)
            what = f"{work} holds {locks} locked and {len(choices) - locks} chosen takes, which would be lost"
            raise UsageError(what, "nothing was removed; to remove them too, add --force")
        size = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
        shutil.rmtree(work)
    return size
