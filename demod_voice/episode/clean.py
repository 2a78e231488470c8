"""Remove the work folder of an episode; the published files stay."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.episode.chosen import read_choices
from demod_voice.errors import UsageError
from demod_voice.records.atomic import TEMPORARY_MARK, output_error
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
        OutputError: it cannot be removed.
    """
    work = output if output.suffix == ".demod" else output.with_suffix(".demod")
    check_inside([work], settings.paths.allowed_roots)
    if not work.is_dir():
        raise UsageError(
            f"{output} has no work folder: {work} does not exist", "give the audio file of an episode that was rendered"
        )
    if not (work / "steps").is_dir():
        raise UsageError(f"{work} is not the work folder of an episode", "nothing was removed")
    with locked(work / "lock"):
        choices = () if force else read_choices(work)
        if choices:
            locks = sum(each.locked for each in choices)
            what = f"{work} holds {locks} locked and {len(choices) - locks} chosen takes, which would be lost"
            raise UsageError(what, "nothing was removed; to remove them too, add --force")
        size = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
        _remove(work)
    return size


def _remove(work: Path) -> None:
    """Take the folder away in one rename, then remove it: a render that begins meanwhile makes a folder of its own.

    A work folder that is a link goes with the folder that it leads to.
    """
    folder = work.resolve()
    try:
        for left in folder.parent.glob(f"{TEMPORARY_MARK}*-{folder.name}"):
            shutil.rmtree(left)
        doomed = folder.with_name(f"{TEMPORARY_MARK}{os.getpid()}-{folder.name}")
        folder.rename(doomed)
        if work.is_symlink():
            work.unlink()
        shutil.rmtree(doomed)
    except OSError as error:
        raise output_error(work, error) from error
